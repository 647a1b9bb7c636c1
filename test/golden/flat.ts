import { closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type GoldenVector, loadVectors } from './load.ts';

/**
 * Writes every vector there is to `path`, for readers without a JSON library. The file has no header: it is vector
 * after vector up to its end, each the same ten fields, each field a u32 little-endian length and that many bytes:
 *
 *   1 name      5 method                     8 checksum, u32 as decimal text
 *   2 kind      6 errCode, i32 as decimal    9 body
 *   3 reason    7 errInfo                   10 frame
 *   4 msgId
 *
 * Texts are UTF-8. `kind` is request, response or malformed; only a malformed vector has a reason, and of its other
 * fields just name and frame mean anything: the texts and the body are empty, the numbers are 0.
 */
export function writeFlat(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const vector of loadVectors()) {
      for (const field of flatFields(vector)) writeField(file, field);
    }
  } finally {
    closeSync(file);
  }
}

function flatFields(vector: GoldenVector): Buffer[] {
  const { name, kind, reason, msgId, method, errCode, errInfo, checksum, body, frame } = vector;
  const texts = [name, kind, reason ?? '', msgId, method, `${errCode}`, errInfo, `${checksum}`];
  return [...texts.map((text) => Buffer.from(text)), body, frame];
}

function writeField(file: number, field: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(field.length);
  for (const bytes of [length, field]) {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = process.argv[2];
  if (out === undefined) {
    console.error('usage: tsx test/golden/flat.ts OUT');
    process.exitCode = 2;
  } else {
    writeFlat(out);
  }
}
