// Writes the frames of the golden vectors as the first inputs of decoder_fuzz: one file a vector, and one with some of
// them in a row. Each begins with the byte that chooses how the stream is cut.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadVectors } from '../golden/load.ts';

/** Longer inputs than libFuzzer is told to make (scripts/native-tests.mjs) teach it nothing. */
const maxInputBytes = 4096;

const out = process.argv[2];
if (out === undefined) {
  console.error('usage: tsx test/fuzz/seed-corpus.ts OUTDIR');
  process.exitCode = 2;
} else {
  writeCorpus(out);
}

function writeCorpus(folder: string): void {
  const frames = loadVectors()
    .map(({ name, kind, frame }) => ({ name, kind, frame }))
    .filter(({ frame }) => frame.length < maxInputBytes);
  for (const [index, { name, frame }] of frames.entries()) {
    write(folder, name, index, frame);
  }
  const row = frames.filter(({ kind, frame }) => kind !== 'malformed' && frame.length < 100).slice(0, 20);
  for (const cut of [0, 1, 200]) {
    write(folder, `row-${cut}`, cut, Buffer.concat(row.map(({ frame }) => frame)));
  }
}

function write(folder: string, name: string, cut: number, stream: Buffer): void {
  writeFileSync(
    path.join(folder, name.replaceAll('/', '-')),
    Buffer.concat([Buffer.from([cut & 0xff]), stream]),
  );
}
