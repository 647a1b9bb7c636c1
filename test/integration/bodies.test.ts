import { describe, expect, it, onTestFinished } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { startRawServer } from '../support/raw-server.ts';
import { settled, until } from '../support/waits.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

function text(bytes: number): string {
  return 'abcdefghijklmnopqrstuvwxyz012345'.repeat(Math.ceil(bytes / 32)).slice(0, bytes);
}

describe('bodies of any size go both ways', () => {
  it.each([
    0,
    1,
    100,
    16 * KiB,
    64 * KiB - 10,
    64 * KiB,
    64 * KiB + 1,
    100 * KiB,
    MiB - 4096,
    MiB - 64,
    MiB - 8,
    MiB,
    MiB + 1,
    3 * MiB,
  ])('%i bytes', async (bytes) => {
    const { address } = await startOrderServer(({ goods }, context) => {
      context.responseMetadata.set('tail', context.metadata.get('tail') ?? 'none');
      return { orderId: goods ?? '' };
    });
    const { orders } = openOrders(address, { timeoutMs: 10_000 });
    const goods = text(bytes);
    const tail = 't'.repeat(400);
    const seen: (number | undefined)[] = [];
    const calls = [1, 2, 3].map(() =>
      orders.makeOrder(
        { goods },
        { metadata: { tail }, onMetadata: (metadata) => seen.push(metadata.get('tail')?.length) },
      ),
    );
    for (const reply of await Promise.all(calls)) expect(reply.orderId === goods).toBe(true);
    expect(seen).toEqual([400, 400, 400]);
  });

  // The encoded body ends a few bytes before the end of the 1 MiB outbox slab, where the texts must still fit.
  it.each([0, 1, 2, 20, 100, 399, 400, 410])(
    'a body that leaves %i bytes of the outbox slab',
    async (left) => {
      const { address } = await startOrderServer(({ goods }, context) => {
        context.responseMetadata.set('tail', context.metadata.get('tail') ?? 'none');
        return { orderId: goods ?? '' };
      });
      const { orders } = openOrders(address, { timeoutMs: 10_000 });
      const goods = text(MiB - left - 4);
      const tail = 't'.repeat(400);
      let seen: number | undefined;
      const reply = await orders.makeOrder(
        { goods },
        {
          metadata: { tail },
          onMetadata: (metadata) => {
            seen = metadata.get('tail')?.length;
          },
        },
      );
      expect(reply.orderId === goods).toBe(true);
      expect(seen).toBe(400);
    },
  );
});

it('small and large bodies interleave', async () => {
  const { address } = await startOrderServer(({ goods }) => ({ orderId: goods ?? '' }));
  const { orders } = openOrders(address, { timeoutMs: 15_000, maxQueuedBytes: 64 * MiB });
  const sizes = Array.from({ length: 200 }, (_, i) => [10, 70 * KiB, 500, 300 * KiB, 60 * KiB][i % 5] ?? 0);
  const replies = await Promise.all(
    sizes.map((size, i) => orders.makeOrder({ goods: `${i}:${text(size)}` })),
  );
  for (const [i, size] of sizes.entries()) expect(replies[i]?.orderId === `${i}:${text(size)}`).toBe(true);
});

describe('past maxFrameBytes', () => {
  it('a request fails with RESOURCE_EXHAUSTED that names the option, and the connection stays', async () => {
    const { server, address } = await startOrderServer();
    const { orders } = openOrders(address, { maxFrameBytes: 10_000, connections: 1 });
    await orders.makeOrder({});
    for (const bytes of [10_000, 100_000, 2 * MiB]) {
      await expect(orders.makeOrder({ goods: text(bytes) })).rejects.toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        requestWritten: false,
        message: expect.stringContaining('option maxFrameBytes'),
      });
    }
    expect(await orders.makeOrder({ goods: text(9000) })).toBeDefined();
    expect(server.stats().connectionsTotal).toBe(1);
  });

  it('a reply becomes RESOURCE_EXHAUSTED that names the option, and the connection stays', async () => {
    const { server, address } = await startOrderServer(({ price }) => ({ orderId: text(price ?? 0) }), {
      maxFrameBytes: 10_000,
    });
    const { orders } = openOrders(address, { connections: 1 });
    for (const price of [10_000, 100_000, 2 * MiB]) {
      await expect(orders.makeOrder({ price })).rejects.toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        requestWritten: true,
        message: expect.stringContaining('option maxFrameBytes'),
      });
    }
    expect((await orders.makeOrder({ price: 9000 })).orderId?.length).toBe(9000);
    expect(server.stats()).toMatchObject({ connectionsTotal: 1, callsInFlight: 0 });
  });

  it('maxQueuedBytes: a request that would wait behind too many fails, and names it', async () => {
    const server = await startRawServer(() => undefined);
    onTestFinished(() => server.close());
    const options = { maxQueuedBytes: 100_000, connections: 1, peerIsRocketRpc: true };
    const { channel, orders } = openOrders(`127.0.0.1:${server.port}`, options);
    await channel.ready();
    await until(() => server.connections.length === 1, { deadlineMs: 5000, what: 'the connection' });
    server.connections[0]!.pauseReading();
    // Together more than the kernel takes.
    const calls = Array.from({ length: 20 }, () => orders.makeOrder({ goods: text(3_000_000) }));
    const settling = Promise.allSettled(calls);
    await until(() => channel.stats().callsInFlight < 20, { deadlineMs: 5000, what: 'one to fail' });
    await channel.close({ drainMs: 0 });
    const reasons = (await settling).map((outcome) => outcome.status === 'rejected' && outcome.reason);
    const refused = reasons.filter((reason) => reason.code === 'RESOURCE_EXHAUSTED');
    expect(refused.length).toBeGreaterThan(0);
    for (const reason of refused) {
      expect(reason).toMatchObject({
        requestWritten: false,
        message: expect.stringContaining('option maxQueuedBytes'),
      });
    }
    expect(reasons.filter((reason) => reason.code === 'CANCELLED').length).toBe(20 - refused.length);
    expect(channel.stats()).toMatchObject({ waitingBytes: 0, callsInFlight: 0 });
  });
});

/** Strings of every length up to some hundred characters, some of them with a character that is not ASCII. */
function stringOf(call: number, field: number): string {
  const length = (call * 7 + field * 13) % 300;
  const text = Array.from({ length }, (_, at) => String.fromCharCode(33 + ((call + at) % 90))).join('');
  return (call + field) % 7 === 0 ? `${text}é` : text;
}

it('each string arrives where it belongs, however many come at once', async () => {
  const { address } = await startOrderServer(({ price = 0, goods = '' }) => {
    expect(goods).toBe(stringOf(price, 0));
    if (price % 11 === 0) throw new RpcError('OUT_OF_RANGE', 'one that is not decoded on the way back');
    return { retCode: price, resInfo: stringOf(price, 1), orderId: goods };
  });
  const { orders } = openOrders(address);
  // More than one batch holds, and more strings than are made ahead for one.
  const calls = Array.from({ length: 6000 }, (_, price) =>
    settled(orders.makeOrder({ price, goods: stringOf(price, 0) }), 15_000),
  );
  for (const [price, outcome] of (await Promise.all(calls)).entries()) {
    if (price % 11 === 0) expect(outcome).toMatchObject({ reason: { code: 'OUT_OF_RANGE' } });
    else
      expect(outcome).toMatchObject({
        value: { retCode: price, resInfo: stringOf(price, 1), orderId: stringOf(price, 0) },
      });
  }
});
