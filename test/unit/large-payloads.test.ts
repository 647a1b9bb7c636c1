/** Large payloads of a batch come in the order of its events, and each event gets its own, whatever the others are. */
import { expect, it, vi } from 'vitest';
import type { NativeBinding, OnBatch, Slabs } from '../../lib/addon/binary.ts';
import { Boundary } from '../../lib/addon/boundary.ts';
import {
  callEndEvent,
  event,
  eventFlag,
  eventKind,
  messageEvent,
  replyEvent,
  replyMessageEvent,
  requestEvent,
  serverCheckEvent,
} from '../../lib/addon/layout.ts';
import type { ClientReceiver, PendingCall, ServerReceiver } from '../../lib/contract/transport.ts';

const largeBytes = 100_000;
const core = vi.hoisted(() => ({
  slabs: undefined as Slabs | undefined,
  onBatch: undefined as OnBatch | undefined,
  large: [] as Buffer[],
}));

vi.mock('../../lib/addon/binary.ts', () => ({
  loadBinary: (): Pick<NativeBinding, 'Environment'> => ({
    Environment: class {
      constructor(slabs: Slabs, onBatch: OnBatch) {
        Object.assign(core, { slabs, onBatch });
      }
      takeLarge = (index: number) => core.large[index]!;
      dropLarge() {}
      setRef() {}
      flush() {}
    } as unknown as NativeBinding['Environment'],
  }),
}));

type Words = Readonly<Record<number, number>>;

const boundary = new Boundary();
const kinds: Record<string, (told: (bytes: Buffer | string) => void) => Words> = {
  request(told) {
    const onRequest: ServerReceiver['onRequest'] = (...[, , , , , bytes, start, end]) =>
      told(bytes.subarray(start, end) as Buffer);
    boundary.addServer(1, { receiver: { onRequest } as ServerReceiver, onClosed() {} });
    return { 0: eventKind.request, [requestEvent.server]: 1 };
  },
  'request that nobody waits for': () => ({ 0: eventKind.request, [requestEvent.server]: 9 }),
  message(told) {
    const onMessage: ServerReceiver['onMessage'] = (_low, _high, bytes, start, end) =>
      told(bytes.subarray(start, end) as Buffer);
    boundary.addServer(2, { receiver: { onMessage } as ServerReceiver, onClosed() {} });
    return { 0: eventKind.message, [messageEvent.server]: 2 };
  },
  'message that nobody waits for': () => ({ 0: eventKind.message, [messageEvent.server]: 9 }),
  reply: (told) => ({
    ...handleOf({ onReply: (bytes, start, end) => told(bytes.subarray(start, end) as Buffer) }),
    0: eventKind.reply,
  }),
  'reply that nobody waits for': () => ({ 0: eventKind.reply, [replyEvent.handleIndex]: 99 }),
  replyMessage: (told) => ({
    ...handleOf({ onMessage: (bytes, start, end) => told(bytes.subarray(start, end) as Buffer) }),
    0: eventKind.replyMessage,
  }),
  'replyMessage that nobody waits for': () => ({
    0: eventKind.replyMessage,
    [replyMessageEvent.handleIndex]: 99,
  }),
  callEnd: (told) => ({ ...handleOf({ onEnd: (_end, trailers) => told(trailers) }), 0: eventKind.callEnd }),
  'callEnd that nobody waits for': () => ({ 0: eventKind.callEnd, [callEndEvent.handleIndex]: 99 }),
  serverCheck(told) {
    boundary.endpoints.set(3, {
      receiver: {} as ClientReceiver,
      onClosed() {},
      onServerCheck: (_link, _question, der) => told(der),
    });
    return { 0: eventKind.serverCheck, [serverCheckEvent.endpoint]: 3 };
  },
  'serverCheck that nobody waits for': () => ({
    0: eventKind.serverCheck,
    [serverCheckEvent.endpoint]: 99,
  }),
  log: () => ({ 0: eventKind.log, [requestEvent.server]: 9 }),
};

function handleOf(parts: Partial<PendingCall>): Words {
  const call = parts as PendingCall;
  boundary.pending.add(call);
  boundary.hold();
  const { handleIndex, handleGeneration } = replyEvent;
  return { [handleIndex]: call.handleIndex, [handleGeneration]: call.handleGeneration };
}

it.each(Object.keys(kinds))('a %s does not take those of two calls in its batch', (kind) => {
  const order = ['reply', kind, 'reply'];
  const told: (readonly [number, string, number])[] = [];
  const words = core.slabs!.inWords0.fill(0);
  core.large = order.map((_, i) => Buffer.alloc(largeBytes + i, `${i}`));
  for (const [i, of] of order.entries()) {
    const set = kinds[of]!((bytes) => told.push([i, String(bytes.slice(0, 1)), bytes.length]));
    for (const [word, value] of Object.entries(set)) words[i * event.words + Number(word)] = value;
    words[i * event.words + event.payloadBytes] = largeBytes + i;
    words[i * event.words + event.flags] = eventFlag.largePayload;
  }
  core.onBatch!(0, order.length, 0, 0);
  const hears = kind !== 'log' && !kind.includes('nobody');
  const expected = [0, 1, 2].filter((i) => i !== 1 || hears);
  expect(told).toEqual(expected.map((i) => [i, `${i}`, largeBytes + i]));
});
