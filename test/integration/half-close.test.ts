import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { gate, openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { orderRequestBody } from '../support/order.ts';
import { until } from '../support/waits.ts';

const soonMs = 5000;

/** A server whose handler never answers, and what its signal says. */
async function startWaiting() {
  const aborted = gate<unknown>();
  const started = await startOrderServer((_, { signal }) => {
    signal.addEventListener('abort', () => aborted.resolve(signal.reason));
    return new Promise(() => undefined);
  });
  const running = () =>
    until(() => started.server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
  return { ...started, aborted: aborted.promise, running };
}

describe('a peer that ends its side after its requests', () => {
  it.each([
    ['one request', 1, {}],
    ['more than one connection may have in handlers’ hands', 40, { maxCallsPerConnection: 2 }],
    ['ten thousand', 10_000, {}],
  ])('gets every answer, then the end: %s', async (_, count, options) => {
    const { server, port } = await startOrderServer(async ({ goods }) => {
      await Promise.resolve();
      return { orderId: goods ?? '' };
    }, options);
    const raw = await rawTo(port);
    const frames = Array.from({ length: count }, (_, i) => orderFrame(`${i}`, { body: orderRequestBody }));
    raw.send(Buffer.concat(frames));
    raw.send(orderFrame('cut', { body: orderRequestBody }).subarray(0, 30));
    raw.end();
    const replies = await raw.frames(count, 15_000);
    expect(new Set(replies.map(({ msgId }) => msgId)).size).toBe(count);
    expect(replies.every(({ errCode }) => errCode === 0)).toBe(true);
    expect(await raw.waitClosed(soonMs)).toBe('end');
    await until(() => server.stats().connections === 0, {
      deadlineMs: soonMs,
      what: 'the connection to end',
    });
    expect(server.stats()).toMatchObject({ callsInFlight: 0, connectionsClosed: { closed_by_peer: 1 } });
  });

  it('continues with its calls: the signal does not abort, and the handler answers at any time', async () => {
    const answer = gate<{ orderId: string }>();
    let signal: AbortSignal | undefined;
    const { server, port } = await startOrderServer((_, context) => {
      signal = context.signal;
      return answer.promise;
    });
    const raw = await rawTo(port);
    raw.send(orderFrame('late', { body: orderRequestBody }));
    raw.end();
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    expect(server.stats()).toMatchObject({ connections: 1, callsInFlight: 1 });
    expect(signal?.aborted).toBe(false);
    answer.resolve({ orderId: 'late' });
    expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: 'late', errCode: 0 });
    expect(await raw.waitClosed(soonMs)).toBe('end');
    expect(signal?.aborted).toBe(false);
  });
});

describe('the signal aborts', () => {
  it('when a peer that had ended its side resets', async () => {
    const { port, aborted, running } = await startWaiting();
    const raw = await rawTo(port);
    raw.send(orderFrame('last', { body: orderRequestBody }));
    raw.end();
    await running();
    raw.reset();
    expect(await aborted).toMatchObject({ code: 'CANCELLED', message: 'the caller has gone away' });
  });

  it('when the connection is not read because it has as many calls as it may', async () => {
    const aborted = gate<unknown>();
    const { server, port } = await startOrderServer(
      (_, { signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        return new Promise(() => undefined);
      },
      { maxCallsPerConnection: 1 },
    );
    const raw = await rawTo(port);
    raw.send(Buffer.concat(['a', 'b', 'c'].map((id) => orderFrame(id, { body: orderRequestBody }))));
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    raw.reset();
    expect(await aborted.promise).toMatchObject({ code: 'CANCELLED', message: 'the caller has gone away' });
  });

  it.each(['persistent', 'short'] as const)('when a channel with calls closes: %s', async (connection) => {
    const { address, aborted, running } = await startWaiting();
    const { channel, orders } = openOrders(address, { connection });
    const call = orders.makeOrder({}).catch((error: unknown) => error);
    await running();
    await channel.close({ drainMs: 0 });
    expect(await call).toMatchObject({ code: 'CANCELLED' });
    expect(await aborted).toMatchObject({ code: 'CANCELLED', message: 'the caller has gone away' });
  });

  it('when a channel closes whose call was abandoned before', async () => {
    const { address, aborted, running } = await startWaiting();
    const { channel, orders } = openOrders(address);
    const controller = new AbortController();
    const call = orders.makeOrder({}, { signal: controller.signal }).catch((error: unknown) => error);
    await running();
    controller.abort();
    expect(await call).toMatchObject({ code: 'CANCELLED' });
    await channel.close({ drainMs: 0 });
    expect(await aborted).toMatchObject({ code: 'CANCELLED' });
  });

  it('when the process of a client is killed', async () => {
    const { address, aborted, running } = await startWaiting();
    const child = await startChild('pending-call.mjs', [address]);
    await running();
    child.kill('SIGKILL');
    expect(await aborted).toMatchObject({ code: 'CANCELLED', message: 'the caller has gone away' });
  });

  it('when a peer on a Unix socket closes', async () => {
    const aborted = gate<unknown>();
    const path = `/tmp/rocket-half-close-${process.pid}.sock`;
    const { server } = await startOrderServer(
      (_, { signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        return new Promise(() => undefined);
      },
      {},
      `unix:${path}`,
    );
    const socket = connect({ path, allowHalfOpen: true });
    socket.write(orderFrame('u', { body: orderRequestBody }));
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    socket.destroy();
    expect(await aborted.promise).toMatchObject({ code: 'CANCELLED' });
  });
});

it('a server that ends its side after its replies: the client has them all', async () => {
  const { startRawServer } = await import('../support/raw-server.ts');
  const seen: (() => void)[] = [];
  const raw = await startRawServer((request, connection) => {
    seen.push(() => connection.reply(request, { body: request.body }));
    if (seen.length < 3) return;
    for (const reply of seen) reply();
    connection.end();
  });
  const { orders } = openOrders(`127.0.0.1:${raw.port}`, { peerIsRocketRpc: true, connections: 1 });
  const calls = ['a', 'b', 'c'].map(() => orders.makeOrder({}));
  expect(await Promise.all(calls)).toHaveLength(3);
  await raw.close();
});
