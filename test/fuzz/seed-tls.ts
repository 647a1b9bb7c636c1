// Seeds for tls_fuzz: whole lives of connections, of every kind of side, version and certificate. `seed-tls.ts FOLDER`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.'] = process.argv.slice(2);

/** What a byte of tls_fuzz.cc means. */
const step = {
  deliverAll: [0, 0],
  deliver: (count: number) => [1, count],
  change: (at: number) => [2, at],
  drop: (count: number) => [3, count],
  insert: (...bytes: number[]) => [4, bytes.length, ...bytes],
  repeat: [5, 0],
  peerSays: (count: number) => [6, count],
  oursSays: (count: number) => [7, count],
  keyUpdate: [8 | 16, 0],
  peerEnds: [9, 0],
  oursEnds: [10, 0],
  room: (count: number) => [11, count],
  allRoom: [12, 0],
  finish: [13 | 16, 0],
  answer: [15, 0],
};
const handshake = [step.answer, step.deliverAll, step.deliverAll, step.deliverAll, step.deliverAll];
const talk = [
  ...[step.peerSays(100), step.deliverAll, step.oursSays(200), step.answer],
  ...[step.keyUpdate, step.deliverAll, step.oursSays(50), step.answer, step.peerSays(255), step.deliverAll],
];
const lives = {
  whole: [...handshake, ...talk, step.peerEnds, step.deliverAll, step.oursEnds, step.answer],
  'in pieces': [...Array.from({ length: 60 }, () => step.deliver(37)), step.answer, ...talk],
  changed: [step.answer, step.change(60), ...handshake, ...talk],
  'changed later': [...handshake, step.peerSays(20), step.change(10), step.deliverAll],
  'cut short': [step.answer, step.deliver(100), step.finish],
  'ended without a word': [...handshake, ...talk, step.finish, step.answer],
  'no room': [step.room(10), ...handshake, step.allRoom, ...handshake, ...talk],
  garbage: [step.insert(22, 3, 1, 0, 2, 1, 0), step.deliverAll],
  repeated: [...handshake, step.peerSays(9), step.deliverAll, step.repeat, step.deliverAll],
};

for (const [name, life] of Object.entries(lives))
  for (const kind of [0, 1, 2, 3, 6, 7, 8, 10, 11, 15, 17, 19, 21, 23, 31, 34, 35, 163, 227])
    writeFileSync(join(folder, `${name.replaceAll(' ', '-')}-${kind}`), Buffer.from([kind, ...life.flat()]));
