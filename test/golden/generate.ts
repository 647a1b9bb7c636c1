import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { malformedVectors } from './malformed.ts';
import type { StoredFile } from './stored.ts';
import { wellFormedVectors } from './well-formed.ts';

export const framesPath = path.join(import.meta.dirname, 'frames.json');

const description =
  'TinyPB frames of our own, made by test/golden/generate.ts: change that, not this file. A malformed vector has one ' +
  'defect, named by reason; maxFrameBytes is 4194304. A checksum of 1 means none was computed.';

/** The exact text frames.json must have. */
export function framesJson(): string {
  const file: StoredFile = { description, vectors: [...wellFormedVectors(), ...malformedVectors()] };
  return `${JSON.stringify(file, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(framesPath, framesJson());
