import { expect, it } from 'vitest';
import { type Handlers, Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { Order } from '../support/order.ts';

const makeOrder = () => ({});

it('refuses what is not a handler of the service', () => {
  const server = new Server();
  const wrong = (handlers: unknown) => () => server.addService(Order, handlers as Handlers<typeof Order>);
  expect(wrong({ makeOrder, cancel: makeOrder })).toThrow(
    'Order has no unary method cancel; it has makeOrder',
  );
  expect(wrong({ makeOrder: 5 })).toThrow('the handler of Order.makeOrder is not a function');
  server.addService(Order, { makeOrder });
  expect(wrong({ makeOrder })).toThrow('Order.makeOrder has a handler already');
  expect(() => server.addService(5 as unknown as typeof Order, { makeOrder })).toThrow(TypeError);
  expect(() => server.addService(null as unknown as typeof Order, { makeOrder })).toThrow(TypeError);
});

it('must come before listen(), whose addresses are checked', async () => {
  const network = new MemoryNetwork();
  const server = new Server({ transport: network.serverTransport });
  expect(() => server.stats()).toThrow('does not listen yet');
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
