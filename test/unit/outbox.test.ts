import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NativeEnvironment, Slabs } from '../../lib/addon/binary.ts';
import { maxCommands } from '../../lib/addon/command-batch.ts';
import { command } from '../../lib/addon/layout.ts';
import { Outbox } from '../../lib/addon/outbox.ts';
import type { Encoder } from '../../lib/contract/transport.ts';

const encoder: Encoder = { encodeInto: (_value, _into, offset) => offset, spilled: () => Buffer.alloc(0) };

let flushed: number[];
let outbox: Outbox;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  flushed = [];
  const native = { flush: (commands: number) => flushed.push(commands) } as unknown as NativeEnvironment;
  const slabs = { outBytes: Buffer.alloc(1 << 20), outWords: new Int32Array(maxCommands * command.words) };
  outbox = new Outbox(native, slabs as unknown as Slabs);
});
afterEach(() => {
  vi.useRealTimers();
});

function replies(count: number): void {
  for (let i = 0; i < count; i++) outbox.reply(i, 0, encoder, undefined, '', '');
}

it('hands a microtask turn over at its end', async () => {
  replies(3);
  expect(flushed).toEqual([]);
  await null;
  expect(flushed).toEqual([3]);
});

it('hands over at once what fills it', async () => {
  replies(maxCommands + 1);
  expect(flushed).toEqual([maxCommands]);
  await null;
  expect(flushed).toEqual([maxCommands, 1]);
});

it('hands over within a turn what has waited for more than a millisecond', async () => {
  replies(64);
  vi.advanceTimersByTime(2);
  replies(64);
  expect(flushed).toEqual([128]);
  replies(128);
  expect(flushed).toEqual([128]);
  await null;
  expect(flushed).toEqual([128, 128]);
});

it('hands a lone reply over at once, and no reply of the batch after it', () => {
  outbox.beginBatch(true);
  replies(1);
  expect(flushed).toEqual([1]);
  replies(1);
  expect(flushed).toEqual([1]);

  outbox.flush();
  outbox.beginBatch(true);
  outbox.fail(1, 0, 13, 10000011, 'the lone request failed', '');
  outbox.beginBatch(false);
  flushed = [];
  replies(2);
  expect(flushed).toEqual([]);
});
