import { afterEach, describe, expect, it } from 'vitest';
import { Channel, createClient, LocalDiscovery, type MethodDefinition, Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { Order } from '../support/order.ts';

/** What a method does in a state: it returns, or throws (or rejects with) an error that has this text or code. */
type Outcome = 'works' | { readonly throws: string };
type Table<State extends string, Subject> = Readonly<
  Record<
    string,
    {
      readonly use: (subject: Subject) => unknown;
      readonly in: Readonly<Record<State, Outcome>>;
    }
  >
>;

/** Own methods and accessors of a class, as its documentation would list them. */
function membersOf(type: { readonly prototype: object }): string[] {
  return Reflect.ownKeys(type.prototype)
    .map((key) => (key === Symbol.asyncDispose ? 'asyncDispose' : String(key)))
    .filter((name) => name !== 'constructor')
    .sort();
}

async function outcomeOf(use: () => unknown): Promise<Outcome> {
  try {
    await use();
    return 'works';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { throws: `${code === undefined ? '' : `${code}: `}${message}` };
  }
}

const transports = [
  ['in memory', true],
  ['native', false],
] as const;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const handlers = { makeOrder: () => ({}) };
const other = { name: 'Other', methods: { m: { ...Order.methods.makeOrder, wireName: 'Other.m' } } };

describe.each(transports)('a server, %s', (_, memory) => {
  const all = ['new', 'starting', 'listening', 'closing', 'closed', 'dropped'] as const;
  type State = (typeof all)[number];
  // In memory no name is looked up, so it listens at once.
  const states = all.filter((state) => !(memory && state === 'starting'));
  const address = memory ? '10.0.0.1:0' : '127.0.0.1:0';

  async function serverIn(state: State): Promise<Server> {
    const { serverTransport } = new MemoryNetwork();
    const server = new Server({ logger: false, ...(memory ? { transport: serverTransport } : {}) });
    server.addService(Order, handlers);
    open.push(() => server.close({ drainMs: 0 }));
    if (state === 'starting') void server.listen('localhost:0').catch(() => undefined);
    if (state === 'listening' || state === 'closing' || state === 'closed') await server.listen(address);
    if (state === 'closing') void server.close();
    if (state === 'closed') await server.close();
    if (state === 'dropped') await server.close({ drainMs: 0 }); // never listened
    return server;
  }

  const everywhere = {
    new: 'works',
    starting: 'works',
    listening: 'works',
    closing: 'works',
    closed: 'works',
    dropped: 'works',
  } as const;
  const late = { throws: 'addService() must come before listen()' };
  const closed = { throws: 'listen() on a closed server' };
  const plain = { throws: 'setTls() on a server made without option tls' };
  const silent = { throws: 'the server is not listening yet' };
  const table: Table<State, Server> = {
    addService: {
      use: (server) => server.addService(other, { m: () => ({}) }),
      in: { ...everywhere, listening: late, closing: late, closed: late, dropped: late },
    },
    listen: {
      use: (server) => server.listen(address),
      in: { ...everywhere, closing: closed, closed, dropped: closed },
    },
    setHealth: { use: (server) => server.setHealth('NOT_SERVING', 'Order'), in: everywhere },
    setTls: {
      use: (server) => server.setTls({}),
      in: {
        new: plain,
        starting: plain,
        listening: plain,
        closing: plain,
        closed: plain,
        dropped: plain,
      },
    },
    registrations: { use: (server) => expect(server.registrations).toEqual([]), in: everywhere },
    stats: {
      use: (server) => expect(server.stats()).toMatchObject({ handlersRunning: 0, callsInFlight: 0 }),
      in: { ...everywhere, new: silent, starting: silent, dropped: silent },
    },
    close: { use: (server) => server.close({ drainMs: 0 }), in: everywhere },
    asyncDispose: { use: (server) => server[Symbol.asyncDispose](), in: everywhere },
  };

  it('has a row for every public member', () => {
    expect(Object.keys(table).sort()).toEqual(membersOf(Server));
  });

  const cells = Object.keys(table).flatMap((name) => states.map((state) => [name, state] as const));
  it.each(cells)('%s when it is %s', async (name, state) => {
    const { use, in: outcomes } = table[name]!;
    const server = await serverIn(state);
    expect(await outcomeOf(() => use(server))).toEqual(outcomes[state]);
    // Whatever was done, it can be closed, and stays so.
    await server.close({ drainMs: 0 });
    expect(await outcomeOf(() => server.listen(address))).toEqual(closed);
  });

  it('that was closed before it listened has no counters', async () => {
    const server = await serverIn('new');
    await server.close();
    expect(() => server.stats()).toThrow('the server is not listening yet');
    expect(() => server.addService(other, { m: () => ({}) })).toThrow(
      'addService() must come before listen()',
    );
  });

  it('that was closed while it looked up a name does not listen', async () => {
    const server = await serverIn('new');
    const listening = outcomeOf(() => server.listen('localhost:0'));
    await server.close();
    expect(await listening).toEqual({ throws: 'the server was closed while listen() resolved a name' });
  });

  it('closes the same whether close() is called once or often', async () => {
    const server = await serverIn('listening');
    const closing = server.close();
    expect(server.close({ drainMs: 0 })).toBe(closing);
    await closing;
    expect(server.close()).toBe(closing);
  });

  it.each(states)('refuses wrong options of close() when it is %s', async (state) => {
    const server = await serverIn(state);
    expect(() => server.close({ drainMs: -1 })).toThrow(RangeError);
    expect(() => server.close({ drain: 1 } as object)).toThrow(TypeError);
  });

  it.each(states)('registers nothing new when it is %s, or listens first', async (state) => {
    const registry = new LocalDiscovery();
    const server = await serverIn(state);
    const outcome = await outcomeOf(() => server.listen(address, { registry }));
    const listens = state === 'new' || state === 'starting' || state === 'listening';
    expect(outcome).toEqual(listens ? 'works' : closed);
    expect(server.registrations).toHaveLength(listens ? 1 : 0);
  });
});

describe.each(transports)('a channel, %s', (_, memory) => {
  const states = ['new', 'connecting', 'open', 'closing', 'closed'] as const;
  type State = (typeof states)[number];

  async function channelIn(state: State): Promise<Channel> {
    const { serverTransport, clientTransport } = new MemoryNetwork();
    const server = new Server({ logger: false, ...(memory ? { transport: serverTransport } : {}) });
    server.addService(Order, handlers);
    open.push(() => server.close({ drainMs: 0 }));
    const { address } = await server.listen(memory ? '10.0.0.1:0' : '127.0.0.1:0');
    const channel = new Channel(address, memory ? { transport: clientTransport } : {});
    open.push(() => channel.close({ drainMs: 0 }));
    if (state === 'connecting') channel.connect();
    else if (state !== 'new') await channel.ready();
    if (state === 'closing') void channel.close();
    if (state === 'closed') await channel.close();
    return channel;
  }

  const everywhere = {
    new: 'works',
    connecting: 'works',
    open: 'works',
    closing: 'works',
    closed: 'works',
  } as const;
  const closed = { throws: expect.stringMatching(/^CANCELLED: the channel to .* is closed$/) as string };
  const untilClosed = { ...everywhere, closing: closed, closed } as const;
  const method = Order.methods.makeOrder as MethodDefinition;
  const plain = { throws: 'setTls() on a channel made without TLS' };
  const table: Table<State, Channel> = {
    setTls: {
      use: (channel) => channel.setTls({}),
      in: { new: plain, connecting: plain, open: plain, closing: plain, closed: plain },
    },
    connect: { use: (channel) => channel.connect(), in: everywhere },
    ready: { use: (channel) => channel.ready(), in: untilClosed },
    call: { use: (channel) => channel.call(method, {}), in: untilClosed },
    state: { use: (channel) => expect(channel.state).toBeTypeOf('string'), in: everywhere },
    watchState: { use: (channel) => channel.watchState().return?.(), in: everywhere },
    // It is its first next() that makes the call.
    stream: { use: (channel) => channel.stream(method, {}).return(), in: everywhere },
    addService: { use: (channel) => createClient(Order, channel), in: everywhere },
    stats: { use: (channel) => expect(channel.stats()).toMatchObject({ callsPending: 0 }), in: everywhere },
    close: { use: (channel) => channel.close({ drainMs: 0 }), in: everywhere },
    asyncDispose: { use: (channel) => channel[Symbol.asyncDispose](), in: everywhere },
  };

  it('has a row for every public member', () => {
    expect(Object.keys(table).sort()).toEqual(membersOf(Channel));
  });

  const cells = Object.keys(table).flatMap((name) => states.map((state) => [name, state] as const));
  it.each(cells)('%s when it is %s', async (name, state) => {
    const { use, in: outcomes } = table[name]!;
    const channel = await channelIn(state);
    expect(await outcomeOf(() => use(channel))).toEqual(outcomes[state]);
    await channel.close({ drainMs: 0 });
    expect(await outcomeOf(() => channel.call(method, {}))).toEqual(closed);
    expect(channel.stats()).toMatchObject({ callsPending: 0, connections: 0, endpoints: [] });
  });

  it('closes the same whether close() is called once or often', async () => {
    const channel = await channelIn('open');
    const closing = channel.close();
    expect(channel.close({ drainMs: 0 })).toBe(closing);
    await closing;
    expect(channel.close()).toBe(closing);
  });

  it.each(states)('refuses what is wrong when it is %s', async (state) => {
    const channel = await channelIn(state);
    expect(() => channel.close({ drainMs: -1 })).toThrow(RangeError);
    expect(await outcomeOf(() => channel.call({} as MethodDefinition, {}))).toEqual({
      throws: expect.stringContaining('a method of a service definition'),
    });
    expect(await outcomeOf(() => channel.ready({ timeoutMs: -1 }))).toEqual({
      throws: expect.stringContaining('timeoutMs'),
    });
  });
});
