import { beforeEach, describe, expect, it } from 'vitest';
import type { NativeEnvironment, Slabs } from '../../lib/addon/binary.ts';
import { maxCommands } from '../../lib/addon/command-batch.ts';
import { command, commandFlag, commandKind, largePayloadBytes } from '../../lib/addon/layout.ts';
import { Outbox } from '../../lib/addon/outbox.ts';
import type { Encoder } from '../../lib/contract/transport.ts';

interface Sent {
  readonly kind: number;
  readonly id: number;
  readonly text: string;
  readonly body: string;
}

let sent: Sent[];
let outbox: Outbox;
/** Of flush(), and what came behind it. */
let order: string[];

beforeEach(() => {
  sent = [];
  order = [];
  const outBytes = Buffer.alloc(1 << 20);
  const outWords = new Int32Array(maxCommands * command.words);
  const flush = (commands: number, large: Uint8Array[] = []) => {
    order.push(`flush ${commands}`);
    const blocks = large.map((block) => Buffer.from(block));
    for (let at = 0; at < commands * command.words; at += command.words) {
      const word = (offset: number) => outWords[at + offset] ?? -1;
      const [textAt, payloadAt] = [word(command.textAt), word(command.payloadAt)];
      const isLarge = (word(command.flags) & commandFlag.largePayload) !== 0;
      const body = isLarge
        ? (blocks.shift() ?? Buffer.alloc(0))
        : outBytes.subarray(payloadAt, payloadAt + word(command.payloadBytes));
      sent.push({
        kind: word(command.kind),
        id: word(command.idLow),
        text: outBytes.toString('utf8', textAt, textAt + word(command.textBytes)),
        body: body.toString(),
      });
    }
  };
  outbox = new Outbox({ flush } as unknown as NativeEnvironment, { outBytes, outWords } as unknown as Slabs);
});

/** Writes its value in two parts and runs `between`. */
function encoderOf(between: () => void): Encoder {
  let spilled = Buffer.alloc(0);
  return {
    encodeInto(value, into, offset) {
      const text = Buffer.from(String(value));
      const half = text.length >> 1;
      const fits = offset + text.length <= into.length;
      if (fits) into.set(text.subarray(0, half), offset);
      between();
      if (fits) {
        into.set(text.subarray(half), offset + half);
        return offset + text.length;
      }
      spilled = text;
      return -1;
    },
    spilled: () => spilled,
  };
}
const plain = encoderOf(() => undefined);

function call(id: number, encoder: Encoder, value: string, metadata = `m${id}`): void {
  outbox.call(id, 0, 1, 2, 1000, encoder, value, metadata, 'id');
}

const commandsInside: [name: string, write: () => void, expected: Sent[]][] = [
  ['a call', () => call(7, plain, 'inner'), [{ kind: commandKind.call, id: 7, text: 'm7', body: 'inner' }]],
  [
    'a reply',
    () => outbox.reply(8, 0, plain, 'reply', 'r', ''),
    [{ kind: commandKind.reply, id: 8, text: 'r', body: 'reply' }],
  ],
  [
    'a failure',
    () => outbox.fail(9, 0, 5, 0, 'no', ''),
    [{ kind: commandKind.reply, id: 9, text: 'no', body: '' }],
  ],
  ['an end', () => outbox.end(9, 0), [{ kind: commandKind.release, id: 9, text: '', body: '' }]],
  [
    'a call and its end',
    () => {
      call(7, plain, 'inner');
      outbox.cancel(7, 0);
    },
    [
      { kind: commandKind.call, id: 7, text: 'm7', body: 'inner' },
      { kind: commandKind.cancel, id: 7, text: '', body: '' },
    ],
  ],
  [
    'a large call',
    () => call(7, plain, 'x'.repeat(largePayloadBytes + 1)),
    [{ kind: commandKind.call, id: 7, text: 'm7', body: 'x'.repeat(largePayloadBytes + 1) }],
  ],
  [
    'calls three deep',
    () =>
      call(
        7,
        encoderOf(() => call(8, plain, 'deep')),
        'inner',
      ),
    [
      { kind: commandKind.call, id: 8, text: 'm8', body: 'deep' },
      { kind: commandKind.call, id: 7, text: 'm7', body: 'inner' },
    ],
  ],
  [
    'two thousand calls',
    () => {
      for (let i = 0; i < 2000; i++) call(i, plain, `body ${i}`);
    },
    Array.from({ length: 2000 }, (_, id) => ({
      kind: commandKind.call,
      id,
      text: `m${id}`,
      body: `body ${id}`,
    })),
  ],
];

const outers: [name: string, value: string][] = [
  ['small', 'the outer one'],
  ['large', 'y'.repeat(largePayloadBytes + 10)],
  ['longer than the slab', 'z'.repeat((1 << 20) + 10)],
];

describe.each(outers)('while a %s message is encoded', (_, value) => {
  it.each(commandsInside)('%s comes whole behind it', async (_name, write, expected) => {
    call(1, plain, 'before');
    call(2, encoderOf(write), value);
    call(3, plain, 'after');
    await null;
    expect(sent).toEqual([
      { kind: commandKind.call, id: 1, text: 'm1', body: 'before' },
      { kind: commandKind.call, id: 2, text: 'm2', body: value },
      ...expected,
      { kind: commandKind.call, id: 3, text: 'm3', body: 'after' },
    ]);
  });

  it.each(commandsInside)('%s is written when that one then throws', async (_name, write, expected) => {
    const failing: Encoder = {
      encodeInto: (text, into, offset) => {
        into.write(String(text), offset);
        write();
        throw new Error('the last field is wrong');
      },
      spilled: () => Buffer.alloc(0),
    };
    call(1, plain, 'before');
    expect(() => outbox.reply(2, 0, failing, value, 'text', '')).toThrow('the last field');
    call(3, plain, 'after');
    await null;
    expect(sent).toEqual([
      { kind: commandKind.call, id: 1, text: 'm1', body: 'before' },
      ...expected,
      { kind: commandKind.call, id: 3, text: 'm3', body: 'after' },
    ]);
  });
});

it('an encoder that throws reports to the code that called it, and leaves nothing', async () => {
  const bad: Encoder = {
    encodeInto: () => {
      throw new Error('bad inner');
    },
    spilled: () => Buffer.alloc(0),
  };
  let told: unknown;
  const outer = encoderOf(() => {
    try {
      call(7, bad, 'x');
    } catch (error) {
      told = error;
    }
  });
  call(1, outer, 'outer');
  await null;
  expect([(told as Error).message, sent.map(({ id }) => id)]).toEqual(['bad inner', [1]]);
});

it('flushBefore() waits for what is being encoded', () => {
  const outer = encoderOf(() => outbox.flushBefore(() => order.push('closed')));
  call(1, outer, 'outer');
  expect(order).toEqual(['flush 1', 'closed']);
  outbox.flushBefore(() => order.push('closed again'));
  expect(order).toEqual(['flush 1', 'closed', 'closed again']);
});

it.each([Number.NaN, 1.5, -2, 1 << 21, '5', undefined, null, {}, -1])(
  'a codec that says the message ends at %s is refused',
  async (end) => {
    const wrong = { encodeInto: () => end, spilled: () => 'no bytes' } as unknown as Encoder;
    expect(() => call(1, wrong, 'x')).toThrow(TypeError);
    call(2, plain, 'y');
    await null;
    expect(sent.map(({ id, body }) => [id, body])).toEqual([[2, 'y']]);
  },
);
