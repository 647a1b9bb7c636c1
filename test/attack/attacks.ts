import { gzipSync } from 'node:zlib';
import {
  callBlock,
  errorCode,
  flag,
  frameType,
  h2Frame,
  hpackInteger,
  literal,
  number32,
  preface,
  settingsFrame,
} from '../support/raw-h2.ts';

const { endHeaders, endStream } = flag;
const MiB = 1 << 20;
const path = '/Order/makeOrder';
const block = callBlock(path);

/** What one hostile connection does. */
export interface Attack {
  readonly name: string;
  /** Instead of the preface and empty SETTINGS. */
  readonly hello?: Buffer;
  /** What is written then, from 0 on; undefined: nothing more, and the connection stays open. */
  batch(n: number): Buffer | undefined;
  /** It reads nothing. */
  readonly readsNothing?: boolean;
  /** It answers nothing and gives no windows. */
  readonly isRude?: boolean;
  /**
   * How the server ends it: with a GOAWAY that has this code, by closing, or not at all, since only its calls fail: with that many
   * streams ended or reset.
   */
  readonly ends: { readonly goaway: number } | 'closed' | { readonly streams: number };
  /** What the server may hold for it beside what is its own business. Default 8 MiB. */
  readonly nativeBytes?: number;
  /** Of the p99; default 8. */
  readonly mostRatio?: number;
}

/** `count` of what one number makes, from n × count on. */
function each(n: number, count: number, make: (i: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => make(n * count + i)));
}

const odd = (i: number) => 2 * i + 1;
const open = (i: number, flags = 0, given = block) =>
  h2Frame(frameType.headers, endHeaders | flags, odd(i), given);
const data = (i: number, bytes: Uint8Array, flags = 0) => h2Frame(frameType.data, flags, odd(i), bytes);

function message(body: Uint8Array, { compressed = false, length = body.length } = {}): Buffer {
  return Buffer.concat([Buffer.from([compressed ? 1 : 0]), number32(length), body]);
}

/** A request for a reply of so many bytes. */
const asksFor = (bytes: number) => message(Buffer.concat([Buffer.from([8]), hpackInteger(0, 7, bytes)]));

const calm = { goaway: errorCode.enhanceYourCalm };
const afterSettings = Buffer.concat([preface, settingsFrame()]);
const shutWindows = Buffer.concat([preface, settingsFrame([4, 0])]);

/** A batch of one stream that is opened first. */
function onOneStream(count: number, make: () => Buffer): (n: number) => Buffer {
  return (n) => Buffer.concat([n === 0 ? open(0) : Buffer.alloc(0), each(n, count, make)]);
}

function once(make: () => Buffer): (n: number) => Buffer | undefined {
  return (n) => (n === 0 ? make() : undefined);
}

export const attacks: readonly Attack[] = [
  {
    name: 'rapid reset',
    batch: (n) =>
      each(n, 100, (i) => Buffer.concat([open(i), h2Frame(frameType.rstStream, 0, odd(i), number32(8))])),
    ends: calm,
  },
  {
    name: 'rapid reset of whole requests',
    batch: (n) =>
      each(n, 100, (i) =>
        Buffer.concat([
          open(i),
          data(i, asksFor(10), endStream),
          h2Frame(frameType.rstStream, 0, odd(i), number32(8)),
        ]),
      ),
    ends: calm,
  },
  {
    name: 'MadeYouReset by a window update of nothing',
    batch: (n) =>
      each(n, 100, (i) => Buffer.concat([open(i), h2Frame(frameType.windowUpdate, 0, odd(i), number32(0))])),
    ends: calm,
  },
  {
    name: 'MadeYouReset by DATA behind the end',
    batch: (n) =>
      each(n, 100, (i) =>
        Buffer.concat([open(i), data(i, asksFor(10), endStream), data(i, Buffer.from('x'))]),
      ),
    ends: calm,
  },
  {
    name: 'MadeYouReset by a window over 2^31',
    batch: (n) =>
      each(n, 100, (i) =>
        Buffer.concat([open(i), h2Frame(frameType.windowUpdate, 0, odd(i), number32(0x7fffffff))]),
      ),
    ends: calm,
  },
  {
    name: 'CONTINUATION flood',
    batch: (n) =>
      n === 0
        ? h2Frame(frameType.headers, 0, 1, block)
        : each(n, 100, () => h2Frame(frameType.continuation, 0, 1, literal('a', 'b'))),
    // An answer to SETTINGS would be a frame between them.
    isRude: true,
    ends: calm,
  },
  {
    name: 'CONTINUATION flood of empty frames',
    batch: (n) =>
      n === 0
        ? h2Frame(frameType.headers, 0, 1, block)
        : each(n, 1000, () => h2Frame(frameType.continuation, 0, 1)),
    isRude: true,
    ends: calm,
  },
  {
    name: 'HPACK bomb',
    batch: (n) => {
      // An entry of nearly 4 KB, and thousands of references to it.
      const entry = Buffer.concat([Buffer.from([0x40]), literal('bomb', 'x'.repeat(4000)).subarray(1)]);
      const references = Buffer.alloc(12_000, 0x80 | 62);
      return n === 0
        ? open(0, 0, Buffer.concat([block, entry]))
        : open(n, 0, Buffer.concat([block, references]));
    },
    ends: calm,
  },
  {
    name: 'a header list over the limit',
    batch: (n) =>
      n < 100 ? open(n, endStream, Buffer.concat([block, literal('a', 'x'.repeat(10_000))])) : undefined,
    ends: { streams: 100 },
  },
  {
    name: 'a header list far over the limit',
    batch: () => {
      const long = Buffer.concat([block, ...Array.from({ length: 8 }, () => literal('a', 'x'.repeat(8000)))]);
      const parts = Array.from({ length: 5 }, (_, i) => long.subarray(i * 16_000, (i + 1) * 16_000));
      return Buffer.concat(
        parts.map((part, i) => h2Frame(i === 0 ? 1 : 9, i === 4 ? endHeaders : 0, 1, part)),
      );
    },
    ends: calm,
  },
  {
    name: 'SETTINGS flood',
    batch: (n) => each(n, 1000, () => settingsFrame([4, 65_535])),
    ends: calm,
  },
  {
    name: 'SETTINGS that change the windows of many streams',
    hello: shutWindows,
    batch: (n) =>
      n < 2
        ? each(n, 100, (i) => Buffer.concat([open(i), data(i, asksFor(1000), endStream)]))
        : each(n, 500, (i) => settingsFrame([4, i % 2])),
    isRude: true,
    ends: calm,
  },
  {
    name: 'SETTINGS with many entries',
    batch: () => settingsFrame(...Array.from({ length: 33 }, () => [4, 65_535] as const)),
    ends: calm,
  },
  {
    name: 'PING flood',
    batch: (n) => each(n, 100, () => h2Frame(frameType.ping, 0, 0, Buffer.alloc(8))),
    ends: calm,
  },
  {
    name: 'flood of answers to PINGs that were not sent',
    batch: (n) => each(n, 1000, () => h2Frame(frameType.ping, flag.ack, 0, Buffer.alloc(8))),
    ends: calm,
  },
  {
    name: 'PRIORITY flood',
    batch: (n) => each(n, 1000, (i) => h2Frame(frameType.priority, 0, odd(i), Buffer.alloc(5, 1))),
    ends: calm,
  },
  {
    name: 'flood of empty DATA',
    batch: onOneStream(1000, () => data(0, Buffer.alloc(0))),
    ends: calm,
  },
  {
    name: 'flood of DATA that is all padding',
    batch: onOneStream(1000, () => h2Frame(frameType.data, flag.padded, 1, Buffer.from([0]))),
    ends: calm,
  },
  {
    name: 'flood of unknown frames',
    batch: (n) => each(n, 1000, () => h2Frame(0xfa, 0, 0, Buffer.from('what is this'))),
    ends: calm,
  },
  {
    name: 'WINDOW_UPDATE flood',
    batch: (n) => each(n, 1000, () => h2Frame(frameType.windowUpdate, 0, 0, number32(1))),
    ends: calm,
  },
  {
    name: 'flood of windows of one byte',
    hello: shutWindows,
    batch: (n) =>
      n === 0
        ? Buffer.concat([open(0), data(0, asksFor(200_000), endStream)])
        : each(n, 1000, () => h2Frame(frameType.windowUpdate, 0, 1, number32(1))),
    isRude: true,
    ends: calm,
  },
  {
    name: 'GOAWAY flood',
    batch: (n) => each(n, 1000, () => h2Frame(frameType.goaway, 0, 0, Buffer.alloc(8))),
    ends: calm,
  },
  {
    name: 'flood of streams that are never ended',
    batch: (n) => each(n, 100, (i) => open(i)),
    ends: calm,
  },
  {
    name: 'answers that are not read',
    batch: (n) => each(n, 1000, () => h2Frame(frameType.settings, 0, 0)),
    readsNothing: true,
    isRude: true,
    ends: 'closed',
  },
  {
    name: 'windows that stay shut',
    hello: shutWindows,
    batch: (n) => (n < 200 ? Buffer.concat([open(n), data(n, asksFor(100_000), endStream)]) : undefined),
    isRude: true,
    ends: 'closed',
    nativeBytes: 24 * MiB,
  },
  {
    name: 'a reader that does not read',
    hello: Buffer.concat([
      preface,
      settingsFrame([4, 0x7fffffff]),
      h2Frame(frameType.windowUpdate, 0, 0, number32(0x7fff0000)),
    ]),
    batch: (n) => (n < 5000 ? Buffer.concat([open(n), data(n, asksFor(20_000), endStream)]) : undefined),
    readsNothing: true,
    isRude: true,
    ends: 'closed',
    nativeBytes: 24 * MiB,
  },
  {
    name: 'messages that are never whole',
    batch: (n) =>
      n < 240
        ? Buffer.concat([
            open(n, 0, callBlock(path, ['grpc-timeout', '700m'])),
            data(n, message(Buffer.alloc(16_000), { length: 4 * MiB })),
            data(n, Buffer.alloc(16_000)),
            data(n, Buffer.alloc(16_000)),
          ])
        : undefined,
    ends: { streams: 240 },
    nativeBytes: 24 * MiB,
  },
  {
    name: 'giant length prefixes',
    batch: (n) =>
      n < 500
        ? Buffer.concat([open(n), data(n, message(Buffer.from('x'), { length: 0xffffffff }), endStream)])
        : undefined,
    ends: { streams: 500 },
  },
  {
    name: 'bombs of gzip',
    batch: (n) =>
      n < 40
        ? Buffer.concat([
            open(n, 0, callBlock(path, ['grpc-encoding', 'gzip'])),
            data(n, message(bomb, { compressed: true }).subarray(0, 16_000)),
            data(n, message(bomb, { compressed: true }).subarray(16_000), endStream),
          ])
        : undefined,
    ends: { streams: 40 },
    // zlib's four threads take what cores there are, for at most maxMessageBytes of each bomb.
    mostRatio: 25,
  },
  {
    name: 'a window of the connection over 2^31',
    batch: () => h2Frame(frameType.windowUpdate, 0, 0, number32(0x7fffffff)),
    ends: { goaway: errorCode.flowControlError },
  },
  {
    name: 'frames over the limit',
    batch: () => h2Frame(frameType.data, 0, 1, Buffer.alloc(100_000)),
    ends: { goaway: errorCode.frameSizeError },
  },
  {
    name: 'HPACK that is garbage',
    batch: () => open(0, 0, Buffer.alloc(100, 0xff)),
    ends: { goaway: errorCode.compressionError },
  },
  {
    name: 'garbage behind the preface',
    hello: Buffer.concat([preface, Buffer.from('garbage, as it comes, and more of it')]),
    batch: () => undefined,
    ends: { goaway: errorCode.protocolError },
  },
  {
    name: 'garbage',
    hello: Buffer.alloc(1000, 0xee),
    batch: () => undefined,
    ends: 'closed',
  },
  {
    name: 'a preface that never ends',
    hello: preface.subarray(0, 20),
    batch: () => undefined,
    ends: 'closed',
  },
  {
    name: 'a frame that never ends',
    batch: once(() => data(0, Buffer.alloc(1000)).subarray(0, 500)),
    ends: 'closed',
  },
  {
    name: 'TinyPB with a giant length',
    hello: Buffer.concat([Buffer.from([2]), number32(0x7fffffff), Buffer.alloc(1000)]),
    batch: () => undefined,
    ends: 'closed',
  },
];

/** Zeros, four times as many as a message may have. */
const bomb = gzipSync(Buffer.alloc(16 * MiB));

/** What every connection begins with, unless its attack says otherwise. */
export const hello = afterSettings;

/** An equally busy neighbour that does nothing wrong: batches of `count` calls. */
export function legalBatch(n: number, count: number): Buffer {
  return each(n, count, (i) => Buffer.concat([open(i), data(i, asksFor(10), endStream)]));
}
