import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { MalformedReason } from '../support/tinypb.ts';
import { framesPath } from './generate.ts';
import { type BodyPattern, expandPattern, type StoredFile, type StoredVector, sha256 } from './stored.ts';

/** A vector of either source. Of a malformed one only name, reason and frame mean anything; the rest is empty or 0. */
export interface GoldenVector {
  readonly source: 'own' | 'cpp';
  readonly name: string;
  readonly kind: 'request' | 'response' | 'malformed';
  /** Why a decoder must refuse the frame; undefined when it must not. */
  readonly reason: MalformedReason | undefined;
  /** The fields as they are on the wire. */
  readonly msgId: string;
  readonly method: string;
  readonly errCode: number;
  readonly errInfo: string;
  readonly checksum: number;
  /** Body and frame are made anew on each access: some are 1 MiB. The frame is checked against its digest. */
  readonly body: Buffer;
  readonly frame: Buffer;
}

/** A message as the C++ side recorded it. */
interface CppMessage {
  msgId: string;
  /** What an empty `msgId` became. */
  msgIdOnWire?: string;
  method: string;
  errCode: number;
  errInfo: string;
  pbHex?: string;
  pbPattern?: BodyPattern;
}

interface CppFrame {
  name: string;
  frameHex?: string;
  frameHeadHex?: string;
  frameTailHex?: string;
  frameLength: number;
  frameSha256: string;
}

type CppVector = CppFrame &
  ((CppMessage & { kind: 'request' | 'response' }) | { kind: 'batch'; messages: CppMessage[] });

/** Frames recorded from the C++ original. They are kept beside the project, so a plain checkout lacks them. */
export const cppVectorsPath = path.resolve(import.meta.dirname, '../../../shared/vectors/tinypb.json');
/** The C++ side writes this into every frame. */
const cppChecksum = 1;

/** Every vector there is: our own, then those of the C++ original if they are there. */
export function loadVectors(): GoldenVector[] {
  return [...loadOwnVectors(), ...loadCppVectors()];
}

export function loadOwnVectors(): GoldenVector[] {
  const file = JSON.parse(readFileSync(framesPath, 'utf8')) as StoredFile;
  return file.vectors.map(ownVector);
}

/** Empty when the file is not there. A batch becomes one vector a frame, named `batch/1` and so on. */
export function loadCppVectors(): GoldenVector[] {
  if (!existsSync(cppVectorsPath)) return [];
  const vectors = JSON.parse(readFileSync(cppVectorsPath, 'utf8')) as CppVector[];
  return vectors.flatMap(cppVectors);
}

function ownVector(stored: StoredVector): GoldenVector {
  if (stored.kind === 'malformed') {
    const { name, kind, reason, frameHex } = stored;
    const fields = { msgId: '', method: '', errCode: 0, errInfo: '', checksum: 0 };
    return golden(
      { source: 'own', name, kind, reason, ...fields },
      () => Buffer.alloc(0),
      () => hex(frameHex),
    );
  }
  const { name, kind, msgId, method, errCode, errInfo, checksum } = stored;
  const body = () => expandBody(stored.bodyHex, stored.bodyPattern);
  const fields = { name, kind, msgId, method, errCode, errInfo, checksum };
  return golden({ source: 'own', reason: undefined, ...fields }, body, () => expandFrame(stored, body));
}

function cppVectors(vector: CppVector): GoldenVector[] {
  if (vector.kind !== 'batch') {
    const body = () => expandBody(vector.pbHex, vector.pbPattern);
    return [cppVector(vector.name, vector.kind, vector, () => expandFrame(vector, body))];
  }
  const frames = cutByLength(expandFrame(vector, () => Buffer.alloc(0)));
  return vector.messages.map((message, index) => {
    const frame = () => frames[index] ?? Buffer.alloc(0);
    return cppVector(`${vector.name}/${index + 1}`, 'request', message, frame);
  });
}

function cppVector(
  name: string,
  kind: 'request' | 'response',
  message: CppMessage,
  frame: () => Buffer,
): GoldenVector {
  const { method, errCode, errInfo } = message;
  const msgId = message.msgIdOnWire ?? message.msgId;
  const fields = { name, kind, msgId, method, errCode, errInfo, checksum: cppChecksum };
  const body = () => expandBody(message.pbHex, message.pbPattern);
  return golden({ source: 'cpp', reason: undefined, ...fields }, body, frame);
}

function golden(
  fields: Omit<GoldenVector, 'body' | 'frame'>,
  body: () => Buffer,
  frame: () => Buffer,
): GoldenVector {
  return {
    ...fields,
    get body() {
      return body();
    },
    get frame() {
      return frame();
    },
  };
}

function expandBody(bodyHex: string | undefined, pattern: BodyPattern | undefined): Buffer {
  return pattern === undefined ? hex(bodyHex ?? '') : expandPattern(pattern);
}

function expandFrame(stored: CppFrame, body: () => Buffer): Buffer {
  const frame =
    stored.frameHex === undefined
      ? Buffer.concat([hex(stored.frameHeadHex ?? ''), body(), hex(stored.frameTailHex ?? '')])
      : hex(stored.frameHex);
  if (frame.length !== stored.frameLength || sha256(frame) !== stored.frameSha256) {
    throw new Error(`the frame of vector ${stored.name} is not the one its digest was taken of`);
  }
  return frame;
}

/** Trusts pk_len, so that cutting a batch does not need the decoder the batch is there to check. */
function cutByLength(batch: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < batch.length; at += frames.at(-1)?.length ?? batch.length) {
    frames.push(batch.subarray(at, at + batch.readInt32BE(at + 1)));
  }
  return frames;
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
