import { describe, expect, it } from 'vitest';
import { type Channel, createClient, type Handlers, Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { Order } from '../support/order.ts';
import { wrongTypes } from '../support/wrong-values.ts';

const makeOrder = () => ({});

it('refuses what is not a handler of the service', () => {
  const server = new Server();
  const wrong = (handlers: unknown) => () => server.addService(Order, handlers as Handlers<typeof Order>);
  expect(wrong({ makeOrder, cancel: makeOrder })).toThrow('Order has no method cancel; it has makeOrder');
  expect(wrong({ makeOrder: 5 })).toThrow('the handler of Order.makeOrder is not a function');
  server.addService(Order, { makeOrder });
  expect(wrong({ makeOrder })).toThrow('Order.makeOrder already has a handler');
  expect(() => server.addService(5 as unknown as typeof Order, { makeOrder })).toThrow(TypeError);
  expect(() => server.addService(null as unknown as typeof Order, { makeOrder })).toThrow(TypeError);
});

it('must come before listen(), whose addresses are checked', async () => {
  const network = new MemoryNetwork();
  const server = new Server({ transport: network.serverTransport });
  expect(() => server.stats()).toThrow('is not listening yet');
  await expect(server.listen('nonsense')).rejects.toThrow(TypeError);
  await expect(server.listen('static:///10.0.0.1:1,10.0.0.1:2')).rejects.toThrow('one address');
  await expect(server.listen('etcd:///Order')).rejects.toThrow('one address');
  await expect(server.listen('')).rejects.toThrow(TypeError);
  server.addService(Order, { makeOrder });
  expect(await server.listen('10.0.0.1:50051')).toEqual({ address: '10.0.0.1:50051', port: 50051 });
  expect(await server.listen('unix:/tmp/a:5')).toEqual({ address: 'unix:/tmp/a:5', port: 0 });
  expect(await server.listen('[::1]:7')).toEqual({ address: '[::1]:7', port: 7 });
  expect(() => server.addService(Order, { makeOrder })).toThrow('before listen()');
  await server.close();
  await expect(server.listen('10.0.0.1:50052')).rejects.toThrow('closed');
});

describe('what is no service, or has no handlers, is refused with what to do', () => {
  const server = () => new Server();
  const anything = undefined as unknown as typeof Order;

  /** What a trap throws is not ours to replace. */
  const errorFor = (name: string) => (name === 'a proxy with traps' ? Error : TypeError);

  it.each(wrongTypes)('addService(%s)', (name, make) => {
    expect(() => server().addService(make() as typeof Order, { makeOrder })).toThrow(errorFor(name));
    expect(() => createClient(make() as typeof Order, {} as Channel)).toThrow(errorFor(name));
  });

  it.each(wrongTypes)('addService(Order, %s)', (name, make) => {
    expect(() => server().addService(Order, make() as Handlers<typeof Order>)).toThrow(errorFor(name));
  });

  it.each(wrongTypes.filter(([name]) => name !== 'undefined'))('a handler that is %s', (name, make) => {
    const isFunction = ['a function', 'a class', 'an async function'].includes(name);
    const add = () => server().addService(Order, { makeOrder: make() as typeof makeOrder });
    if (isFunction) expect(add).not.toThrow();
    else expect(add).toThrow(/Order.makeOrder is not a function/);
  });

  it.each(wrongTypes)('createClient(Order, %s)', (_name, make) => {
    expect(() => createClient(Order, make() as Channel)).toThrow(/second argument of createClient.*Channel/);
  });

  it.each([
    [
      'no argument at all',
      () => server().addService(...([] as unknown as [typeof Order, never])),
      /service definition is needed/,
    ],
    [
      'all services of a file',
      () => server().addService({ Order } as unknown as typeof Order, { makeOrder }),
      /pass one of them: Order/,
    ],
    [
      'a name',
      () => server().addService('Order' as unknown as typeof Order, { makeOrder }),
      /service definition/,
    ],
    [
      'a promise of one',
      () => server().addService(Promise.resolve(Order) as unknown as typeof Order, { makeOrder }),
      /await it/,
    ],
    [
      'a grpc-js client',
      () =>
        server().addService(Object.assign(() => 0, { service: {} }) as unknown as typeof Order, {
          makeOrder,
        }),
      /\.service of that client/,
    ],
    [
      'no handlers',
      () => server().addService(Order, {} as { makeOrder: typeof makeOrder }),
      /no handler for any method of Order; it has makeOrder/,
    ],
    [
      'a handler in another case',
      () =>
        server().addService(Order, { MakeOrder: makeOrder } as unknown as { makeOrder: typeof makeOrder }),
      /did you mean makeOrder/,
    ],
    ['no channel', () => createClient(Order, anything as unknown as Channel), /new Channel/],
    [
      'a target for a channel',
      () => createClient(Order, 'host:1' as unknown as Channel),
      /new Channel.*not "host:1"/,
    ],
    [
      'a method without a codec',
      () =>
        createClient(
          { name: 'A', methods: { b: { name: 'b', wireName: 'A.b' } } } as unknown as typeof Order,
          {} as Channel,
        ),
      /A\.b\.request must be a codec/,
    ],
    [
      'a grpc-js method without a serializer',
      () =>
        createClient(
          { B: { path: '/A/B', requestStream: false, responseStream: false } } as unknown as typeof Order,
          {} as Channel,
        ),
      /requestSerialize/,
    ],
  ])('%s', (_name, act, text) => {
    expect(act).toThrow(TypeError);
    expect(act).toThrow(text);
  });

  it('an object that is refused leaves nothing behind', async () => {
    const network = new MemoryNetwork();
    const made = new Server({ transport: network.serverTransport });
    expect(() => made.addService(Order, { makeOrder: 5 } as never)).toThrow(TypeError);
    made.addService(Order, { makeOrder });
    await made.listen('10.0.0.1:0');
  });

  it('a method called as one that every object has needs a handler all the same', () => {
    const method = { ...Order.methods.makeOrder, name: 'toString', wireName: 'Odd.toString' };
    const odd = { name: 'Odd', methods: { toString: method } };
    expect(() => server().addService(odd, {} as never)).toThrow(/no handler for any method of Odd/);
    expect(() => server().addService(odd, { toString: makeOrder } as never)).not.toThrow();
  });
});
