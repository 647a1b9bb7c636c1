import { describe, expect, it, onTestFinished } from 'vitest';
import { nativeClientTransport } from '../../lib/addon/client-transport.ts';
import { methodInfo } from '../../lib/contract/define-service.ts';
import { encodeGrpcMetadata } from '../../lib/contract/metadata.ts';
import { statusNumbers, statusOfWord } from '../../lib/contract/status.ts';
import {
  type ClientTransport,
  type ClientTransportFactory,
  messageHeadBytes,
  streamRoomBytes,
} from '../../lib/contract/transport.ts';
import { Metadata, RpcError, Server, type ServerOptions } from '../../lib/index.ts';
import { checkedChannelOptions } from '../../lib/rpc/channel-settings.ts';
import { Kinds, type KindsHandlers, type Text } from '../support/memory-kinds.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { RecordedCall } from '../support/pending-call.ts';
import { until } from '../support/waits.ts';

/** What both client transports promise of calls by gRPC, below the channel. */
interface World {
  readonly server: ServerOptions;
  readonly client: ClientTransportFactory;
  readonly address: string;
  /** Lets time pass where it does not by itself. */
  readonly pass: (ms: number) => void;
}

const worlds: [name: string, make: () => World][] = [
  [
    'the transport in memory',
    () => {
      const network = new MemoryNetwork();
      return {
        server: { transport: network.serverTransport },
        client: network.clientTransport,
        address: '10.0.0.1:0',
        pass: (ms) => network.clock.advance(ms),
      };
    },
  ],
  [
    'the native transport',
    () => ({ server: {}, client: nativeClientTransport, address: '127.0.0.1:0', pass: () => undefined }),
  ],
];

const { one, many, flow, both } = Kinds.methods;
type Kind = keyof typeof Kinds.methods;

describe.each(worlds)('%s', (_, make) => {
  async function start(handlers: Partial<KindsHandlers>) {
    const world = make();
    const server = new Server({ logger: false, ...world.server });
    server.addService(Kinds, handlers as KindsHandlers);
    onTestFinished(() => server.close({ drainMs: 0 }));
    const { address } = await server.listen(world.address);
    const { transportOptions } = checkedChannelOptions({ connections: 1, ioThreads: 1 });
    const transport: ClientTransport = world.client(
      { ...transportOptions, protocol: 'grpc' },
      { onLinkState: () => undefined },
    );
    const endpoint = transport.addEndpoint(address, [address]).number;
    let removed: Promise<void> | undefined;
    const remove = (): Promise<void> => {
      removed ??= transport.removeEndpoint(endpoint);
      return removed;
    };
    onTestFinished(async () => {
      await remove();
      transport.close();
    });
    transport.connect(endpoint);
    const numbers = new Map<Kind, number>();
    for (const [key, method] of Object.entries(Kinds.methods))
      numbers.set(key as Kind, transport.addMethod(methodInfo(method, method.response)));
    const begin = (kind: Kind, text: string | undefined, timeoutMs = 30_000, metadata?: Metadata) => {
      const call = new RecordedCall();
      const sent = encodeGrpcMetadata(metadata);
      const number = numbers.get(kind)!;
      if (text === undefined) transport.open(call, endpoint, number, timeoutMs, sent, '');
      else transport.start(call, endpoint, number, timeoutMs, one.request, { text }, sent, '');
      return call;
    };
    const idle = () =>
      until(() => server.stats().handlersRunning === 0 && transport.stats().callsInFlight === 0, {
        deadlineMs: 10_000,
        what: 'every call to be over',
      });
    return { world, server, transport, begin, remove, idle };
  }

  it('carries one request and one reply', async () => {
    const { begin } = await start({ one: ({ text }) => ({ text: `${text}!` }) });
    const call = begin('one', 'a');
    expect(await call.untilEnd()).toMatchObject({ status: 0 });
    expect(call.messages).toEqual(['a!']);
  });

  it('carries the replies of one request, in order', async () => {
    const { begin, transport, idle } = await start({
      flow: function* ({ text }) {
        for (let i = 0; i < 100; i++) yield { text: `${text}${i}` };
      },
    });
    const call = begin('flow', 'a');
    expect(await call.untilEnd()).toMatchObject({ status: 0 });
    expect(call.messages).toEqual(Array.from({ length: 100 }, (_, i) => `a${i}`));
    expect(transport.stats().callsInFlight).toBe(0);
    await idle();
  });

  it('carries the requests of one reply', async () => {
    const { begin, transport, idle } = await start({
      many: async (requests) => {
        const texts: string[] = [];
        for await (const { text } of requests) texts.push(text);
        return { text: texts.join() };
      },
    });
    const call = begin('many', undefined);
    for (const text of ['a', 'b', 'c']) expect(transport.message(call, many.request, { text })).toBe(3);
    transport.halfClose(call);
    expect(await call.untilEnd()).toMatchObject({ status: 0 });
    expect(call.messages).toEqual(['a,b,c']);
    await idle();
  });

  it('carries both at once', async () => {
    const { begin, transport, idle } = await start({
      both: async function* (requests) {
        for await (const { text } of requests) yield { text: `${text}!` };
      },
    });
    const call = begin('both', undefined);
    for (const text of ['a', 'b', 'c']) {
      const { length } = call.messages;
      transport.message(call, both.request, { text });
      await call.until('an answer', () => call.messages.length > length);
    }
    transport.halfClose(call);
    await call.untilEnd();
    expect(call.messages).toEqual(['a!', 'b!', 'c!']);
    await idle();
  });

  it('carries metadata: of the request, before the first reply, behind the last', async () => {
    let seen: unknown;
    const { begin } = await start({
      flow: async function* (_request, ctx) {
        ctx.metadata.delete('user-agent');
        seen = [...ctx.metadata];
        ctx.responseMetadata.set('early', '1');
        yield { text: '' };
        ctx.trailers
          .append('late', '2')
          .append('late', '3')
          .set('b-bin', new Uint8Array([0, 255]));
      },
    });
    const metadata = new Metadata()
      .append('a', '1')
      .append('a', '2')
      .set('x-bin', new Uint8Array([1, 2]));
    const call = begin('flow', '', undefined, metadata);
    await call.untilEnd();
    expect(seen).toEqual([...metadata]);
    expect(Metadata.decode(call.headers!).get('early')).toBe('1');
    const trailers = Metadata.decode(call.trailers!);
    expect(trailers.getAll('late')).toEqual(['2', '3']);
    expect(trailers.get('b-bin')).toEqual(new Uint8Array([0, 255]));
  });

  it.each(['one', 'many', 'flow', 'both'] as const)('says how a call of %s failed', async (kind) => {
    const metadata = new Metadata({ why: 'so' });
    const fail = (): never => {
      throw new RpcError('NOT_FOUND', 'none: é', { metadata });
    };
    const { begin, idle } = await start({ one: fail, many: fail, flow: fail, both: fail });
    const call = begin(kind, kind === 'one' || kind === 'flow' ? '' : undefined);
    const { status, message } = await call.untilEnd();
    expect([statusOfWord(status), message]).toEqual(['NOT_FOUND', 'none: é']);
    expect(Metadata.decode(call.trailers!).get('why')).toBe('so');
    expect(call.messages).toEqual([]);
    await idle();
  });

  it('brings the replies before an error', async () => {
    const { begin } = await start({
      flow: function* () {
        yield { text: 'a' };
        throw new RpcError('DATA_LOSS', 'torn');
      },
    });
    const call = begin('flow', '');
    expect(statusOfWord((await call.untilEnd()).status)).toBe('DATA_LOSS');
    expect(call.messages).toEqual(['a']);
  });

  it('stops a server whose replies are not taken, and lets it go on', async () => {
    const text = 'x'.repeat(1000);
    let yielded = 0;
    const { begin, transport, idle } = await start({
      flow: function* () {
        for (; yielded < 2000; yielded++) yield { text };
      },
    });
    const call = begin('flow', '');
    // Nothing but time would show that no more comes; the bound below holds at any moment.
    await call.until('replies', () => call.received >= streamRoomBytes - 2000);
    expect(yielded).toBeLessThan(2000);
    let taken = 0;
    // A window may double each time that it is given back, not before (docs/decisions/0051).
    for (let most = 2 * streamRoomBytes; call.end === undefined; most *= 2) {
      const bytes = call.received - taken;
      expect(bytes).toBeLessThanOrEqual(most);
      if (bytes > 0) transport.taken(call, bytes);
      taken += bytes;
      await call.until('more', () => call.received > taken || call.end !== undefined);
    }
    expect(call.messages).toHaveLength(2000);
    await idle();
  });

  it('gives room for requests as they are taken', async () => {
    const text = 'x'.repeat(1000);
    let read = 0;
    let go: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { begin, transport, idle } = await start({
      many: async (requests) => {
        await gone;
        for await (const _ of requests) read++;
        return { text: `${read}` };
      },
    });
    const call = begin('many', undefined);
    let room = streamRoomBytes;
    for (let sent = 0; sent < 2000; sent++) {
      if (room + call.room <= 0) {
        go();
        await call.until('room', () => room + call.room > 0);
      }
      room -= transport.message(call, many.request, { text }) + messageHeadBytes;
    }
    transport.halfClose(call);
    await call.untilEnd();
    expect(call.messages).toEqual(['2000']);
    await idle();
  });

  it('tells the server of a cancelled call, and says nothing more of it', async () => {
    let began: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      began = resolve;
    });
    let signal: AbortSignal | undefined;
    const { begin, transport, idle } = await start({
      both: async function* (_requests, ctx) {
        signal = ctx.signal;
        yield { text: 'a' };
        began();
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      },
    });
    const call = begin('both', undefined);
    await call.until('a reply', () => call.messages.length === 1);
    await begun;
    transport.cancel(call);
    await idle();
    expect(signal?.aborted).toBe(true);
    expect(call.end).toBe(undefined);
  });

  it.each(['one', 'many', 'flow', 'both'] as const)('ends a call of %s at its deadline', async (kind) => {
    let began: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      began = resolve;
    });
    const hang = (): Promise<never> => {
      began();
      return new Promise(() => undefined);
    };
    const hangs = async function* (): AsyncGenerator<Text> {
      yield await hang();
    };
    const { begin, idle, world } = await start({ one: hang, many: hang, flow: hangs, both: hangs });
    const call = begin(kind, kind === 'one' || kind === 'flow' ? '' : undefined, 200);
    await begun;
    world.pass(200);
    expect((await call.untilEnd()).status & 0xff).toBe(statusNumbers.DEADLINE_EXCEEDED);
    await idle();
  });

  it('ends a call whose server answers before all requests are there', async () => {
    const { begin, transport, idle } = await start({ many: () => ({ text: 'enough' }) });
    const call = begin('many', undefined);
    transport.message(call, many.request, { text: 'a' });
    expect(await call.untilEnd()).toMatchObject({ status: 0 });
    expect(call.messages).toEqual(['enough']);
    await idle();
  });

  it('fails what is under way when its endpoint is removed', async () => {
    const { begin, remove, idle } = await start({ both: () => new Promise<never>(() => undefined) });
    const call = begin('both', undefined);
    await remove();
    expect(statusOfWord((await call.untilEnd()).status)).toBe('CANCELLED');
    await idle();
  });

  it('leaves a call as it was when a request cannot be encoded', async () => {
    const { begin, transport } = await start({
      many: async (requests) => {
        let text = '';
        for await (const request of requests) text += request.text;
        return { text };
      },
    });
    const call = begin('many', undefined);
    expect(() => transport.message(call, many.request, { text: 5 as unknown as string })).toThrow(/text/);
    transport.message(call, flow.request, { text: 'a' });
    transport.halfClose(call);
    await call.untilEnd();
    expect(call.messages).toEqual(['a']);
  });
});
