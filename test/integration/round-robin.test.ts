import { expect, it } from 'vitest';
import type { RpcError } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const soonMs = 5000;

async function counted(): Promise<{ address: string; calls: () => number; close: () => Promise<void> }> {
  let calls = 0;
  const { server, address } = await startOrderServer(() => {
    calls++;
    return { orderId: address };
  });
  return { address, calls: () => calls, close: () => server.close({ drainMs: 0 }) };
}

it('spreads calls evenly over static:///a,b,c', async () => {
  const servers = await Promise.all([counted(), counted(), counted()]);
  const { orders } = openOrders(`static:///${servers.map(({ address }) => address).join(',')}`);
  for (let i = 0; i < 300; i++) await orders.makeOrder({});
  expect(servers.map(({ calls }) => calls())).toEqual([100, 100, 100]);
});

it('skips an endpoint that died, and takes it back', async () => {
  const connections = 2;
  const [first, second] = [await counted(), await counted()];
  const { channel, orders } = openOrders(`static:///${first.address},${second.address}`, {
    backoff: { minMs: 500, maxMs: 500 },
    connections,
  });
  for (let i = 0; i < 10; i++) await orders.makeOrder({});
  await second.close();
  await until(() => channel.stats().connections <= connections, {
    deadlineMs: soonMs,
    what: 'the end to be seen',
  });
  // A kept connection that ended while nothing ran is made again by the next call, which is how a dead one shows.
  const failures: RpcError[] = [];
  for (let i = 0; i < 50; i++) await orders.makeOrder({}).catch((error: RpcError) => failures.push(error));
  expect(failures.length).toBeLessThanOrEqual(connections);
  for (const failure of failures)
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', requestWritten: false });
  const before = first.calls();
  for (let i = 0; i < 50; i++) await orders.makeOrder({});
  expect(first.calls() - before).toBe(50);
  let back = 0;
  await startOrderServer(
    () => {
      back++;
      return {};
    },
    {},
    second.address,
  );
  await until(
    async () => {
      await orders.makeOrder({});
      return back > 5;
    },
    { deadlineMs: soonMs, what: 'the endpoint to be used again' },
  );
});

it('fails with UNAVAILABLE when every endpoint is dead', async () => {
  const [first, second] = [await counted(), await counted()];
  const { channel, orders } = openOrders(`static:///${first.address},${second.address}`);
  await orders.makeOrder({});
  await Promise.all([first.close(), second.close()]);
  await until(() => channel.stats().connections === 0, {
    deadlineMs: soonMs,
    what: 'the connections to end',
  });
  await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE', requestWritten: false });
});
