import { createHash } from 'node:crypto';
import type { MalformedReason } from '../support/tinypb.ts';

/** Bodies that would be long as hex: bytes counting 00, 01 … ff, 00 … */
export interface BodyPattern {
  byte: '00..ff cycle';
  length: number;
}

/** How a vector that decodes stands in frames.json. */
export interface StoredFrame {
  name: string;
  kind: 'request' | 'response';
  msgId: string;
  method: string;
  errCode: number;
  errInfo: string;
  bodyHex?: string;
  bodyPattern?: BodyPattern;
  bodySha256?: string;
  checksum: number;
  /** The whole frame; absent when long, then it is head + body + tail. */
  frameHex?: string;
  frameHeadHex?: string;
  frameTailHex?: string;
  frameLength: number;
  frameSha256: string;
}

/** Bytes a decoder must refuse for `reason`, having handed out no frame and seen no byte more than these. */
export interface StoredMalformed {
  name: string;
  kind: 'malformed';
  reason: MalformedReason;
  frameHex: string;
  frameLength: number;
}

export type StoredVector = StoredFrame | StoredMalformed;

export interface StoredFile {
  description: string;
  vectors: StoredVector[];
}

export function expandPattern(pattern: BodyPattern): Buffer {
  const cycle = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  return Buffer.alloc(pattern.length, cycle);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
