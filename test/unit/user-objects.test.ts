import { describe, expect, it } from 'vitest';
import type { Balancer, ChannelOptions, Resolver, ResolverListener } from '../../lib/index.ts';
import { Channel, createClient, LocalDiscovery } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { Order } from '../support/order.ts';
import { settled } from '../support/waits.ts';
import { hostileThenables } from '../support/wrong-values.ts';

const fail = (): never => {
  throw new Error('hostile');
};

/** Ways in which a function may misbehave that nobody waits for. */
const misbehaviours: readonly (readonly [name: string, act: () => unknown])[] = [
  ['throws', fail],
  [
    'throws what has no words',
    () => {
      throw Object.create(null);
    },
  ],
  ['rejects', () => Promise.reject(new Error('hostile'))],
  ['never settles', () => new Promise(() => undefined)],
  ...hostileThenables.map(([name, make]) => [`returns ${name}`, make] as const),
];

async function opened(options: (address: string) => ChannelOptions) {
  const memory = await memoryOrders();
  const told: string[] = [];
  const logger = { warn: (line: string) => told.push(line), error: (line: string) => told.push(line) };
  const channel = new Channel('test:///orders', {
    connections: 1,
    transport: memory.network.clientTransport,
    logger,
    ...options(memory.address),
  });
  return { ...memory, told, channel, orders: createClient(Order, channel) };
}

class FixedResolver implements Resolver {
  listener: ResolverListener | undefined;
  readonly address: string;
  constructor(address: string) {
    this.address = address;
  }
  start(listener: ResolverListener): void {
    this.listener = listener;
    listener.onEndpoints([{ name: this.address, addresses: [this.address] }]);
  }
  refresh(): void {}
  close(): void {}
}

async function worksAndCloses({ channel, orders, network }: Awaited<ReturnType<typeof opened>>) {
  expect((await settled(orders.makeOrder({ goods: 'x' }), 5000)).status).toBe('fulfilled');
  expect((await settled(channel.close(), 5000)).status).toBe('fulfilled');
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, endpoints: [] });
  expect(network.endpoints).toEqual([]);
  await new Promise(setImmediate);
}

describe.each(misbehaviours)('a function that %s', (_name, act) => {
  it.each(['refresh', 'close'] as const)(
    'as %s() of a resolver: calls work, and close() closes',
    async (method) => {
      const made = await opened((address) => ({
        resolver: Object.assign(new FixedResolver(address), { [method]: act }),
      }));
      made.network.setLink(made.address, 3);
      made.network.setLink(made.address, 2);
      await worksAndCloses(made);
    },
  );

  it.each(['update', 'onEnd'] as const)(
    'as %s() of a balancer: calls work, and close() closes',
    async (method) => {
      const made = await opened((address) => ({
        resolver: new FixedResolver(address),
        balancer: () => ({
          update: () => undefined,
          pick: () => undefined,
          ...{ [method]: act },
        }),
      }));
      await worksAndCloses(made);
    },
  );

  it('as a logger: calls work, and close() closes', async () => {
    const made = await opened((address) => ({
      resolver: new FixedResolver(address),
      logger: { warn: act as () => void, error: act as () => void },
    }));
    made.network.setLink(made.address, 3);
    made.network.setLink(made.address, 2);
    await worksAndCloses(made);
  });

  it('as a listener of a registration: it is withdrawn all the same', async () => {
    const discovery = new LocalDiscovery();
    const registration = await discovery.register('Order', '10.0.0.1:1');
    registration.onState(act as () => void);
    let heard = 0;
    registration.onState(() => heard++);
    await settled(registration.close(), 5000);
    expect([registration.state, heard]).toEqual(['closed', 1]);
  });

  it('as child() of a logger, or a method of the child: handlers go on', async () => {
    const child = { trace: act, debug: act, info: act, warn: act, error: act, fatal: act };
    for (const made of [act, () => child]) {
      const logger = { warn: () => undefined, error: () => undefined, child: made as never };
      const { request } = await memoryOrders(
        (_request, ctx) => {
          ctx.log.info('one');
          ctx.log.error({ a: 1 }, 'two');
          return {};
        },
        { logger },
      );
      expect((await request()).wireCode).toBe(0);
    }
  });
});

describe('pick() of a balancer', () => {
  it.each<[name: string, pick: () => unknown]>([
    ['throws', fail],
    ['returns null', () => null],
    ['returns a promise', () => Promise.resolve(undefined)],
    ['returns something else', () => ({ name: 'x', state: 'listed', number: 0 })],
    [
      'throws what has no words',
      () => {
        throw Object.create(null);
      },
    ],
  ])('that %s fails the call with INTERNAL, and nothing hangs', async (_name, pick) => {
    const { channel, orders, network } = await opened((address) => ({
      resolver: new FixedResolver(address),
      balancer: () => ({ update: () => undefined, pick }) as unknown as Balancer<never>,
    }));
    const outcome = await settled(orders.makeOrder({}), 5000);
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'INTERNAL', requestWritten: false },
    });
    expect([network.started, channel.stats().callsPending]).toEqual([[], 0]);
    await settled(channel.close(), 5000);
    expect(network.endpoints).toEqual([]);
  });
});

describe('what a resolver names', () => {
  it.each<[name: string, endpoints: unknown]>([
    ['nothing', undefined],
    ['a string', 'host:1'],
    ['a Set', new Set()],
    ['null endpoints', [null, undefined, 5]],
    ['endpoints without a name', [{ addresses: ['10.0.0.1:1'] }]],
    ['endpoints whose addresses are a string', [{ name: 'a', addresses: '10.0.0.1:1' }]],
    ['endpoints whose addresses are numbers', [{ name: 'a', addresses: [5] }]],
    ['endpoints of no weight', [{ name: 'a', addresses: ['10.0.0.1:1'], weight: Number.NaN }]],
    ['an endpoint that cannot be read', [Object.defineProperty({}, 'name', { get: fail })]],
  ])(
    'being %s: calls fail with UNAVAILABLE that says so, and the resolver is not thrown at',
    async (_name, endpoints) => {
      const resolver = new FixedResolver('');
      resolver.start = (listener) => {
        resolver.listener = listener;
      };
      const { channel, orders } = await opened(() => ({ resolver }));
      expect(() => resolver.listener?.onEndpoints(endpoints as never)).not.toThrow();
      const outcome = await settled(orders.makeOrder({}), 5000);
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
      expect((await settled(channel.close(), 5000)).status).toBe('fulfilled');
    },
  );

  it.each([undefined, null, 5, 'text', Object.create(null), Symbol('s')])(
    'an error that is %s is told to calls',
    async (error) => {
      const resolver = new FixedResolver('');
      resolver.start = (listener) => listener.onError(error as never);
      const { orders } = await opened(() => ({ resolver }));
      const outcome = await settled(orders.makeOrder({}), 5000);
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    },
  );

  it('one that fails at once is not retried for ever', async () => {
    const resolver = new FixedResolver('');
    let asked = 0;
    resolver.start = (listener) => {
      resolver.listener = listener;
      listener.onError(new Error('down'));
    };
    resolver.refresh = () => {
      asked++;
      resolver.listener?.onError(new Error('down'));
    };
    const { channel } = await opened(() => ({ resolver }));
    expect(asked).toBe(1);
    await channel.close();
  });

  it('a start() that throws: the constructor does, and leaves nothing open', async () => {
    const memory = await memoryOrders();
    let closed = 0;
    const resolver: Resolver = { start: fail, refresh: () => undefined, close: () => closed++ };
    const { clientTransport: transport } = memory.network;
    expect(() => new Channel('test:///orders', { resolver, transport })).toThrow('hostile');
    await new Promise(setImmediate);
    expect([closed, memory.network.endpoints]).toEqual([1, []]);
  });
});

it('retry.idempotent is held against the methods of the services that clients are made of', async () => {
  const { open } = await memoryOrders();
  const withNames =
    (...idempotent: string[]) =>
    () =>
      open({ retry: { idempotent } });
  expect(withNames('Order.makeOrder', 'Other.anything')).not.toThrow();
  expect(withNames('Order.makeOrdr')).toThrow(
    /retry.idempotent: Order has no method Order.makeOrdr; did you mean Order.makeOrder/,
  );
  expect(withNames('order.makeOrder')).toThrow(/did you mean Order.makeOrder/);
  const { orders } = open();
  await expect(orders.makeOrder({}, { retry: { idempotent: ['Order.cancel'] } })).rejects.toThrow(TypeError);
  await expect(orders.makeOrder({}, { retry: { idempotent: ['Order.makeOrder'] } })).resolves.toBeDefined();
});
