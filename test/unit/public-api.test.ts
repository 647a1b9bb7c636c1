import { describe, expect, it } from 'vitest';
import * as api from '../../lib/index.ts';
import { Kinds } from '../support/memory-kinds.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { isTrap, refusal } from '../support/option-takers.ts';
import { Order, orderProto } from '../support/order.ts';
import { type Hostile, wrongTypes } from '../support/wrong-values.ts';

/** An argument: what is right for it, and the names of the wrong types that are right as well. */
interface Argument {
  readonly right: unknown;
  readonly takes: (type: string) => boolean;
}

const only =
  (...names: string[]) =>
  (type: string) =>
    names.includes(type);
const texts = ['a string', 'the empty string', 'a blank string', 'a number as a string'];

const key: Argument = { right: 'a', takes: only(...texts) };
/** Metadata keys have no spaces; one that is only looked up is not checked for that. */
const value: Argument = { right: 'b', takes: only(...texts) };
const service: Argument = { right: Order, takes: only() };
const handlers: Argument = { right: { makeOrder: () => ({}) }, takes: only() };
const functions = ['a function', 'a class', 'an async function'];
/** What a call is refused with; it is not made. */
const method: Argument = { right: Order.methods.makeOrder, takes: only() };

type Subject = Readonly<Record<string, { call(...args: never[]): unknown; args: readonly Argument[] }>>;

const serverOf = () => new api.Server({ transport: new MemoryNetwork().serverTransport });
const network = new MemoryNetwork();
const open = (interceptors: api.ClientInterceptor[] = []) =>
  new api.Channel('10.0.0.1:1', { transport: network.clientTransport, interceptors });
const through: api.ClientInterceptor = (call, next) => next(call);
const registration = () => new api.LocalDiscovery().register('Order', '10.0.0.1:1');
const call = (given: unknown, to: api.Channel) => to.call(given as typeof Order.methods.makeOrder, {});
const stream = (given: unknown, to: api.Channel) => to.stream(given as never, {} as never).next();

/** Functions, constructors and methods of each export; those without arguments are called in other tests. */
const subjects: Readonly<Record<string, Subject>> = {
  Metadata: {
    set: {
      call: (a: string, b: string) => new api.Metadata().set(a, b),
      args: [{ ...key, takes: only('a string', 'a number as a string') }, value],
    },
    append: {
      call: (a: string, b: string) => new api.Metadata().append(a, b),
      args: [{ ...key, takes: only('a string', 'a number as a string') }, value],
    },
    'set of bytes': {
      call: (bytes: Uint8Array) => new api.Metadata().set('a-bin', bytes),
      args: [{ right: new Uint8Array(1), takes: only('a typed array', 'a typed array of shared memory') }],
    },
    get: { call: (a: string) => new api.Metadata().get(a), args: [key] },
    getAll: { call: (a: string) => new api.Metadata().getAll(a), args: [key] },
    has: { call: (a: string) => new api.Metadata().has(a), args: [key] },
    delete: { call: (a: string) => new api.Metadata().delete(a), args: [key] },
    decode: {
      call: (text: string) => api.Metadata.decode(text),
      args: [{ right: '', takes: only(...texts) }],
    },
    constructor: {
      call: (init: never) => new api.Metadata(init),
      args: [{ right: {}, takes: only('undefined', 'an array', 'an array of another realm', 'a generator') }],
    },
  },
  RpcError: {
    constructor: {
      call: (code: never, message: string) => new api.RpcError(code, message),
      args: [
        { right: 'NOT_FOUND', takes: only('a number') },
        // Whatever it is must not keep the status from being told.
        { right: 'text', takes: () => true },
      ],
    },
    fromWire: {
      call: (code: number) => api.RpcError.fromWire(code, ''),
      args: [{ right: 5, takes: only('a number', 'a negative number') }],
    },
  },
  Server: {
    addService: { call: (a: never, b: never) => serverOf().addService(a, b), args: [service, handlers] },
    listen: { call: (a: string) => serverOf().listen(a), args: [{ right: '10.0.0.1:0', takes: only() }] },
    setHealth: {
      call: (a: never, b: never) =>
        serverOf()
          .addService(Order, { makeOrder: () => ({}) })
          .setHealth(a, b),
      args: [
        { right: 'SERVING', takes: only() },
        // The empty string is the server, as in a health check.
        { right: 'Order', takes: only('undefined', 'the empty string') },
      ],
    },
  },
  Channel: {
    constructor: {
      call: (target: string) => new api.Channel(target, { transport: network.clientTransport }),
      args: [{ right: 'h:1', takes: only() }],
    },
    call: { call: (given: unknown) => call(given, open()), args: [method] },
    'call, intercepted': { call: (given: unknown) => call(given, open([through])), args: [method] },
    stream: {
      call: (given: unknown) => stream(given, open()),
      args: [{ ...method, right: Kinds.methods.flow }],
    },
    'stream, intercepted': {
      call: (given: unknown) => stream(given, open([through])),
      args: [{ ...method, right: Kinds.methods.flow }],
    },
  },
  LocalDiscovery: {
    resolver: {
      call: (name: string) => new api.LocalDiscovery().resolver(name),
      args: [{ right: 'a', takes: only('a string', 'a blank string', 'a number as a string') }],
    },
    register: {
      call: (name: string, address: string) => new api.LocalDiscovery().register(name, address),
      args: [
        { right: 'a', takes: only('a string', 'a blank string', 'a number as a string') },
        { right: '10.0.0.1:1', takes: only() },
      ],
    },
    'onState of a registration': {
      call: async (listener: never) => (await registration()).onState(listener),
      args: [{ right: () => undefined, takes: only(...functions) }],
    },
  },
  EtcdDiscovery: {
    resolver: {
      call: (name: string) => api.etcd().resolver(name),
      args: [{ right: 'a', takes: only('a string', 'a blank string', 'a number as a string') }],
    },
    register: {
      call: (name: string, address: string) => api.etcd().register(name, address),
      args: [
        { right: undefined, takes: only('a string', 'a blank string', 'a number as a string') },
        { right: undefined, takes: only() },
      ],
    },
    instances: {
      call: (name: string) => api.etcd().instances(name),
      args: [{ right: 'a', takes: only('undefined', 'a string', 'a blank string', 'a number as a string') }],
    },
  },
  createClient: {
    call: {
      call: (a: never, b: never) => api.createClient(a, b),
      args: [service, { right: open(), takes: only() }],
    },
  },
  loadProto: {
    call: {
      call: (paths: never) => api.loadProto(paths),
      args: [{ right: orderProto, takes: only('a string', 'a blank string', 'a number as a string') }],
    },
  },
  uncompressed: {
    call: {
      call: (message: object) => api.uncompressed(message),
      args: [{ right: {}, takes: (type) => isObject(type) }],
    },
  },
  // These take options, each of which option-types.test.ts tries.
  createLogger: {},
  rocketDestination: {},
  etcd: {},
  RocketLogger: {},
  healthService: {},
  currentCall: {},
  engineStats: {},
};

function isObject(type: string): boolean {
  const made = (wrongTypes.find(([name]) => name === type) as Hostile)[1]();
  return typeof made === 'object' && made !== null;
}

it('has an entry for every function and class that is exported', () => {
  const exported = Object.entries(api).filter(([, each]) => typeof each === 'function');
  expect(exported.map(([name]) => name).sort()).toEqual(Object.keys(subjects).sort());
});

it('exports tables that cannot be changed', () => {
  for (const table of [api.Status, api.statusNumbers, api.ServingStatus])
    expect(Object.isFrozen(table)).toBe(true);
});

/** Of the engine: they say nothing of what was given. */
const native =
  /Cannot (read|set|convert|destructure|perform|mix|use)|is not (a function|iterable|a constructor)|Invalid |undefined \(/;

describe.each(Object.entries(subjects).filter(([, subject]) => Object.keys(subject).length > 0))(
  '%s',
  (_name, subject) => {
    describe.each(Object.entries(subject))('%s', (_method, { call: use, args }) => {
      const cases = args.flatMap((argument, at) =>
        wrongTypes
          .filter(([type]) => !argument.takes(type))
          .map(([type, make]) => [at + 1, type, make] as const),
      );
      it.each(cases)('argument %i: %s is refused', async (at, type, make) => {
        const given = args.map(({ right }, i) => (i + 1 === at ? make() : right));
        const error = await refusal(() => use(...(given as never[])));
        expect(error, 'it was taken').toBeDefined();
        if (isTrap(type)) return;
        expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
        expect((error as Error).message).not.toMatch(native);
        expect((error as Error).message).not.toBe('');
      });
    });
  },
);

describe('the message of an RpcError', () => {
  it.each(wrongTypes)('may be %s', (type, make) => {
    const { code, message } = new api.RpcError('NOT_FOUND', make() as string);
    expect([code, typeof message]).toEqual(['NOT_FOUND', 'string']);
    if (type === 'an Error') expect(message).toBe('x');
  });
});

it('an RpcError takes metadata as a call does', () => {
  const { metadata } = new api.RpcError('NOT_FOUND', 'x', { metadata: { a: '1' } });
  expect([...metadata]).toEqual([['a', '1']]);
  expect(() => new api.RpcError('NOT_FOUND', 'x', new api.Metadata({ a: '1' }) as object)).toThrow(
    /RpcError takes an object of options, not a Metadata/,
  );
});
