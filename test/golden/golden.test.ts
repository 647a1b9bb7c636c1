import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  crc32c,
  decodeFrame,
  encodeFrame,
  FrameError,
  FrameReader,
  malformedReasons,
} from '../support/tinypb.ts';
import { writeFlat } from './flat.ts';
import { framesJson, framesPath } from './generate.ts';
import { type GoldenVector, loadCppVectors, loadOwnVectors, loadVectors } from './load.ts';
import { sha256 } from './stored.ts';

const vectors = loadVectors();
const goodVectors = vectors.filter((vector) => vector.kind !== 'malformed');
const malformedVectors = vectors.filter((vector) => vector.kind === 'malformed');

function title(vector: GoldenVector): string {
  return `${vector.source} ${vector.name}`;
}

/** Compared as buffers, whose equality is far quicker to ask than to diff. */
function expectSameBytes(actual: Buffer, expected: Buffer): void {
  expect(actual.length).toBe(expected.length);
  expect(actual.equals(expected)).toBe(true);
}

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FrameError) return error.reason;
    throw error;
  }
  return 'none';
}

describe('the vectors', () => {
  it('frames.json is what generate.ts makes', () => {
    expect(readFileSync(framesPath, 'utf8') === framesJson(), 'run: npx tsx test/golden/generate.ts').toBe(
      true,
    );
  });

  it('have names of their own and cover every reason', () => {
    expect(new Set(vectors.map(title)).size).toBe(vectors.length);
    expect(new Set(malformedVectors.map((vector) => vector.reason))).toEqual(new Set(malformedReasons));
    expect(loadOwnVectors().length).toBeGreaterThan(80);
  });

  it.runIf(loadCppVectors().length > 0)(
    'include those of the C++ original, each frame of a batch on its own',
    () => {
      const names = loadCppVectors().map((vector) => vector.name);
      expect(names).toEqual(
        expect.arrayContaining(['request-1m-body', 'batch-3-requests/1', 'batch-3-requests/3']),
      );
      expect(loadCppVectors().find((vector) => vector.name === 'request-empty-msg-id')?.msgId).toBe(
        '123456789',
      );
    },
  );
});

describe('the encoder and decoder of the tests', () => {
  it('compute CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  });

  it.each(goodVectors.map((vector) => [title(vector), vector] as const))('agree with %s', (_, vector) => {
    const { msgId, method, errCode, errInfo, checksum, body, frame } = vector;
    expectSameBytes(encodeFrame({ msgId, method, errCode, errInfo, body, checksum }), frame);
    const computed = checksum === 1 ? 'none' : 'crc32c';
    expectSameBytes(encodeFrame({ msgId, method, errCode, errInfo, body, checksum: computed }), frame);
    const decoded = decodeFrame(frame);
    expect(decoded).toMatchObject({ msgId, method, errCode, errInfo, checksum });
    expectSameBytes(decoded.body, body);
    expectSameBytes(decoded.raw, frame);
  });

  it.each(malformedVectors.map((vector) => [title(vector), vector] as const))('refuse %s', (_, vector) => {
    const whole = new FrameReader();
    whole.push(vector.frame);
    expect(reasonOf(() => whole.next())).toBe(vector.reason);
    whole.push(
      encodeFrame({ msgId: '1', method: 'A.b', errCode: 0, errInfo: '', body: Buffer.alloc(0), checksum: 1 }),
    );
    expect(reasonOf(() => whole.next())).toBe(vector.reason);

    const bytewise = new FrameReader();
    const reasons = [...vector.frame].map((byte) => {
      bytewise.push(Buffer.from([byte]));
      return reasonOf(() => bytewise.drain().map(() => expect.fail('a frame was handed out')));
    });
    expect(reasons.at(-1)).toBe(vector.reason);
    expect(new Set(reasons.filter((reason) => reason !== 'none'))).toEqual(new Set([vector.reason]));
  });
});

describe('a stream of all good vectors', () => {
  it.each([4093, 65536, Number.POSITIVE_INFINITY])('decodes in pieces of %d bytes', (pieceBytes) => {
    const stream = Buffer.concat(goodVectors.map((vector) => vector.frame));
    const reader = new FrameReader();
    const ids: string[] = [];
    for (let at = 0; at < stream.length; at += pieceBytes) {
      reader.push(stream.subarray(at, at + pieceBytes));
      ids.push(...reader.drain().map((frame) => frame.msgId));
    }
    expect(ids).toEqual(goodVectors.map((vector) => vector.msgId));
    expect(reader.heldBytes).toBe(0);
  });

  it('decodes byte by byte', () => {
    const small = goodVectors.filter((vector) => vector.frame.length < 2048);
    const reader = new FrameReader();
    const ids: string[] = [];
    for (const byte of Buffer.concat(small.map((vector) => vector.frame))) {
      reader.push(Buffer.from([byte]));
      ids.push(...reader.drain().map((frame) => frame.msgId));
    }
    expect(ids).toEqual(small.map((vector) => vector.msgId));
  });

  it('takes a frame of exactly maxFrameBytes', () => {
    const fields = { msgId: '1', method: 'A.b', errCode: 0, errInfo: '', checksum: 'none' } as const;
    const largest = encodeFrame({ ...fields, body: Buffer.alloc(4194304 - 30) });
    expect(largest.length).toBe(4194304);
    expect(decodeFrame(largest).body.length).toBe(4194304 - 30);
    expect(reasonOf(() => decodeFrame(encodeFrame({ ...fields, body: Buffer.alloc(4194305 - 30) })))).toBe(
      'frame_too_long',
    );
  });
});

describe('the flat file', () => {
  it('holds every vector, ten fields each', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'rocket-golden-'));
    try {
      const file = path.join(folder, 'vectors.bin');
      writeFlat(file);
      const digests = readFlat(readFileSync(file)).map((fields) => fields.map(sha256));
      const expected = vectors.map((vector) => {
        const { name, kind, reason, msgId, method, errCode, errInfo, checksum, body, frame } = vector;
        const texts = [name, kind, reason ?? '', msgId, method, `${errCode}`, errInfo, `${checksum}`];
        return [...texts.map((text) => Buffer.from(text)), body, frame].map(sha256);
      });
      expect(digests).toEqual(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function readFlat(bytes: Buffer): Buffer[][] {
  const fields: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    fields.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return Array.from({ length: fields.length / 10 }, (_, index) => fields.slice(index * 10, index * 10 + 10));
}
