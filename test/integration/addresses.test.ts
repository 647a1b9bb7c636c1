import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Server } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { Order } from '../support/order.ts';
import { startRawServer } from '../support/raw-server.ts';

function socketPath(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'rpc.sock');
}

it('IPv6', async () => {
  let peer = '';
  const { address, port } = await startOrderServer(
    (_, context) => {
      peer = context.peer.address;
      return { orderId: 'six' };
    },
    {},
    '[::1]:0',
  );
  expect(address).toBe(`[::1]:${port}`);
  expect(await openOrders(address).orders.makeOrder({})).toMatchObject({ orderId: 'six' });
  expect(peer).toMatch(/^\[::1\]:\d+$/);
});

it('a Unix socket', async () => {
  const file = socketPath();
  let peer = '';
  const { server, address, port } = await startOrderServer(
    (_, context) => {
      peer = context.peer.address;
      return { orderId: 'unix' };
    },
    {},
    `unix:${file}`,
  );
  expect([address, port]).toEqual([`unix:${file}`, 0]);
  expect(await openOrders(`unix:${file}`).orders.makeOrder({})).toMatchObject({ orderId: 'unix' });
  expect(await openOrders(`unix://${file}`).orders.makeOrder({})).toMatchObject({ orderId: 'unix' });
  expect(peer).toMatch(/^unix:/);
  await server.close();
  // The path is free again.
  const again = await startOrderServer(() => ({ orderId: 'again' }), {}, `unix:${file}`);
  expect(await openOrders(again.address).orders.makeOrder({})).toMatchObject({ orderId: 'again' });
});

it('a host name', async () => {
  const { port } = await startOrderServer(() => ({ orderId: 'named' }), {}, 'localhost:0');
  const { channel, orders } = openOrders(`localhost:${port}`);
  expect(await orders.makeOrder({})).toMatchObject({ orderId: 'named' });
  expect(channel.stats().endpoints).toEqual([`localhost:${port}`]);
});

it('a host name whose first address refuses: the next is tried', async () => {
  // localhost is ::1 and 127.0.0.1 on most machines; only the second listens.
  const { port } = await startOrderServer(() => ({ orderId: 'four' }), {}, '127.0.0.1:0');
  expect(await openOrders(`localhost:${port}`).orders.makeOrder({})).toMatchObject({ orderId: 'four' });
});

it('several listeners of one server', async () => {
  const { server, address } = await startOrderServer(() => ({ orderId: 'one' }));
  const second = await server.listen('127.0.0.1:0');
  const third = await server.listen(`unix:${socketPath()}`);
  const addresses = [address, second.address, third.address];
  for (const each of addresses) {
    expect(await openOrders(each).orders.makeOrder({})).toMatchObject({ orderId: 'one' });
  }
  await server.close();
  for (const each of addresses) {
    await expect(openOrders(each).orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
});

describe('an address that cannot be had', () => {
  it('in use: EADDRINUSE that names the address, and the server can still listen elsewhere', async () => {
    const taken = await startRawServer(() => undefined);
    onTestFinished(() => taken.close());
    const server = new Server({ logger: false }).addService(Order, {
      makeOrder: () => ({ orderId: 'elsewhere' }),
    });
    onTestFinished(() => server.close());
    await expect(server.listen(`127.0.0.1:${taken.port}`)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`127.0.0.1:${taken.port}`),
    });
    const { address } = await server.listen('127.0.0.1:0');
    expect(await openOrders(address).orders.makeOrder({})).toMatchObject({ orderId: 'elsewhere' });
  });

  it('of another server of ours: EADDRINUSE too', async () => {
    const { address } = await startOrderServer();
    await expect(startOrderServer(undefined, {}, address)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      address,
    });
  });

  it('a Unix path that is a file, or that somebody serves', async () => {
    const file = socketPath();
    writeFileSync(file, 'precious');
    await expect(startOrderServer(undefined, {}, `unix:${file}`)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    const served = socketPath();
    const other = createServer().listen(served);
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    await expect(startOrderServer(undefined, {}, `unix:${served}`)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('not ours: EADDRNOTAVAIL', async () => {
    await expect(startOrderServer(undefined, {}, '192.0.2.1:0')).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
      message: expect.stringContaining('192.0.2.1'),
    });
  });
});
