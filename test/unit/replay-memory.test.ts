import { describe, expect, it } from 'vitest';
import { EncodedBytes } from '../../lib/contract/encoded-bytes.ts';
import { ClientStreams, type StreamedCall } from '../../lib/rpc/client-streams.ts';
import { encodedMethod } from '../../lib/rpc/encoded-method.ts';
import { type HedgedReader, HedgedRequests } from '../../lib/rpc/hedged-requests.ts';
import { QueuedMessages } from '../../lib/rpc/queued-messages.ts';
import { ReplayMemory } from '../../lib/rpc/replay-memory.ts';
import { Kinds } from '../support/memory-kinds.ts';

const method = Kinds.methods.many;
const mebibyte = 1024 * 1024;

function tiny(count: number) {
  return Array.from({ length: count }, () => ({ text: 'a' }));
}

/** Reads until there is nothing more, or `isEnough`. */
async function read(reader: HedgedReader, isEnough = (): boolean => false): Promise<number> {
  let count = 0;
  for await (const _ of reader) if (++count && isEnough()) break;
  return count;
}

describe('requests that are kept for another attempt', () => {
  it('of a hedged call are bounded by the memory they need, not by their bytes', async () => {
    const memory = new ReplayMemory();
    const full: object[] = [];
    const owner = {
      onFull: (reader: object) => {
        full.push(reader);
        requests.commit(reader as HedgedReader);
      },
      onLateError: () => undefined,
    };
    const requests: HedgedRequests = new HedgedRequests(method, tiny(20_000), owner, memory);
    const [slow, fast] = [requests.reader(), requests.reader()];
    expect(await read(slow, () => slow.at === 5000)).toBe(5000);
    expect(memory.bytes).toBeGreaterThan(5000 * 128);
    expect(await read(fast)).toBe(20_000);
    expect(full).toEqual([fast]);
    expect(memory.bytes).toBeLessThan(1000);
    expect(await read(slow)).toBe(0);
    requests.stop();
    expect(memory.bytes).toBe(0);
  });

  it('are dropped when an attempt is answered, and when the call ends', async () => {
    const memory = new ReplayMemory();
    const owner = { onFull: () => undefined, onLateError: () => undefined };
    const requests = new HedgedRequests(method, tiny(1000), owner, memory);
    const [first, second] = [requests.reader(), requests.reader()];
    await read(first);
    await read(second, () => second.at === 600);
    requests.commit(second);
    expect(memory.bytes).toBeLessThan(410 * 140);
    expect(await read(second)).toBe(400);
    requests.stop();
    expect(memory.bytes).toBe(0);
  });

  it('of all streams of a channel are bounded', async () => {
    const memory = new ReplayMemory();
    memory.bytes = 16 * mebibyte;
    let full = 0;
    const owner = { onFull: () => full++, onLateError: () => undefined };
    await read(new HedgedRequests(method, tiny(1), owner, memory).reader());
    expect(full).toBe(2);
  });

  it('are encoded once for all attempts of a hedged call', async () => {
    const sent: unknown[] = [];
    const transport = {
      message: (_call: unknown, encoder: unknown) => sent.push(encoder),
      halfClose: () => undefined,
    };
    const message = new EncodedBytes(Buffer.from('abc'));
    for (let attempt = 0; attempt < 2; attempt++) {
      const streams = new ClientStreams(method, false, new QueuedMessages(), new ReplayMemory());
      streams.bind({} as StreamedCall);
      streams.take(encodedMethod(method), [message]);
      streams.onStarted(transport as never);
    }
    expect(sent).toEqual([message, message]);
    expect(sent.every((each) => each === message)).toBe(true);
  });

  it('of a stream that is not hedged are bounded alike, and dropped by its end', async () => {
    const memory = new ReplayMemory();
    const transport = { message: () => 3, halfClose: () => undefined };
    const open = (count: number): ClientStreams => {
      const streams = new ClientStreams(method, false, new QueuedMessages(), memory);
      streams.bind({} as StreamedCall);
      streams.take(method, tiny(count));
      streams.onStarted(transport as never);
      return streams;
    };
    const kept = open(1000);
    expect([kept.isCommitted, memory.bytes > 1000 * 128]).toEqual([false, true]);
    kept.close();
    expect(memory.bytes).toBe(0);
    expect(open(3000).isCommitted).toBe(true);
    expect(memory.bytes).toBe(0);
    memory.bytes = 16 * mebibyte;
    expect(open(1).isCommitted).toBe(true);
    expect(memory.bytes).toBe(16 * mebibyte);
  });
});
