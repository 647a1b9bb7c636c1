import { expect, it, onTestFinished } from 'vitest';
import { loadProto, RpcError, Server } from '../../lib/index.ts';
import { encodeRequest, type LoadOptions, runLoad, UnreachableError } from '../../lib/load/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { startClock } from '../support/clock.ts';
import { startOrderServer } from '../support/loopback.ts';

const soonMs = 10_000;
const shopProto = new URL('../support/protos/shop.proto', import.meta.url).pathname;
const request = encodeRequest();

it('a closed loop counts what the server counted, warm-up apart', async () => {
  let handled = 0;
  const { address } = await startOrderServer(() => {
    handled++;
    return {};
  });
  const mode = { kind: 'duration', seconds: 0.7, concurrency: 50 } as const;
  const result = await runLoad({ target: address, mode, request, warmupSeconds: 0.2, connections: 3 });
  expect(result.warmupCalls).toBeGreaterThan(0);
  expect(result.calls + result.warmupCalls).toBe(handled);
  expect(result).toMatchObject({ failed: 0, unfinished: 0, successRate: 1, interrupted: false });
  expect(result.connectionsOpened).toBe(3);
  expect(result.histogram.reduce((sum, { calls }) => sum + calls, 0)).toBe(result.calls);
  expect(result.series.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(result.calls);
  expect(result.callsPerSecond).toBeLessThanOrEqual(result.calls / 0.7);
});

it('so many calls over two threads, each with a connection of its own', async () => {
  let handled = 0;
  const { server, address } = await startOrderServer(({ price }) => {
    handled += price ?? 0;
    return {};
  });
  const mode = { kind: 'count', total: 1001, concurrency: 20 } as const;
  const result = await runLoad({ target: address, mode, request, threads: 2, short: true });
  expect(result).toMatchObject({ calls: 1001, succeeded: 1001, connectionsOpened: 1001 });
  expect(handled).toBe(100 * 1001);
  // And the one with which the target was looked for.
  expect(server.stats().connectionsTotal).toBe(1002);
});

/** A load on a server whose JavaScript is blocked for 500 ms, once, while it runs. */
async function stalled(server: Child, port: string, mode: LoadOptions['mode']) {
  let told = false;
  const onProgress = () => {
    if (!told) server.tell('block');
    told = true;
  };
  return runLoad({ target: `127.0.0.1:${port}`, mode, request, onProgress, warmupSeconds: 0.3 });
}

it('the open loop sees a server that stalls for 500 ms, where the closed loop hardly does', async () => {
  const server = await startChild('blocked-server.mjs', ['500']);
  const clock = startClock();
  const port = await server.said('listening', soonMs);
  const open = await stalled(server, port, { kind: 'rate', callsPerSecond: 500, seconds: 1.5 });
  expect(open).toMatchObject({ calls: 750, failed: 0 });
  // A third of the calls was due in those 500 ms; the first of them waited for all of it.
  expect(open.latency?.p99Ms).toBeGreaterThan(400);
  expect(open.latency?.p90Ms).toBeGreaterThan(200);
  expect(open.latency?.p50Ms).toBeLessThan(clock.latestMs(0));
  // Two calls waited; the closed loop made the others before and afterwards.
  const closed = await stalled(server, port, { kind: 'duration', seconds: 1, concurrency: 2 });
  expect(closed.latency?.maxMs).toBeGreaterThan(300);
  expect(closed.latency?.p99Ms).toBeLessThan(clock.latestMs(0));
});

it('calls that fail are counted by status, with an example', async () => {
  let calls = 0;
  const { address } = await startOrderServer((_request, ctx) => {
    if (++calls % 2 === 0) throw new RpcError('FAILED_PRECONDITION', 'short balance');
    return ctx.timeRemainingMs > 0 && calls % 5 === 0 ? new Promise(() => undefined) : {};
  });
  const mode = { kind: 'count', total: 20, concurrency: 20 } as const;
  const result = await runLoad({ target: address, mode, request, timeoutMs: 300 });
  expect(result).toMatchObject({ calls: 20, succeeded: 8, failed: 12, successRate: 0.4 });
  const of = (status: string) => result.errors.filter((error) => error.status === status);
  expect(of('FAILED_PRECONDITION')).toMatchObject([{ count: 10, example: 'short balance' }]);
  // The server's deadline or the client's, whichever is told first, and each in its own words.
  const late = of('DEADLINE_EXCEEDED');
  expect(late.reduce((sum, { count }) => sum + count, 0)).toBe(2);
  for (const { example } of late) expect(example).toMatch(/^deadline exceeded/);
});

it('calls any method of any service', async () => {
  const { Shop } = loadProto(shopProto);
  if (Shop === undefined) throw new Error('no Shop');
  const seen: unknown[] = [];
  const server = new Server({ logger: false });
  server.addService(Shop, {
    echo: () => ({}),
    chain: (node) => {
      seen.push(node);
      return {};
    },
  });
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { address } = await server.listen('127.0.0.1:0');
  const chain = encodeRequest({
    proto: shopProto,
    method: 'Shop.chain',
    data: { name: 'a', next: { id: 7 } },
  });
  const mode = { kind: 'count', total: 3, concurrency: 1 } as const;
  const result = await runLoad({ target: address, mode, request: chain });
  expect(result).toMatchObject({ succeeded: 3, config: { method: 'shop.v1.Shop.chain' } });
  expect(seen).toMatchObject(Array.from({ length: 3 }, () => ({ name: 'a', next: { id: 7n } })));
});

it('a signal ends it with what there is', async () => {
  const { address } = await startOrderServer(() => new Promise(() => undefined));
  const stop = new AbortController();
  const mode = { kind: 'duration', seconds: 60, concurrency: 7 } as const;
  const onProgress = () => stop.abort();
  const result = await runLoad({ target: address, mode, request, signal: stop.signal, onProgress });
  expect(result).toMatchObject({ calls: 0, unfinished: 7, interrupted: true, latency: null });
});

it.each([
  ['127.0.0.1:1', /^cannot reach 127\.0\.0\.1:1: connection refused$/],
  ['unix:/nowhere/a.sock', /^cannot reach unix:\/nowhere\/a\.sock: no such file or directory$/],
  ['nothing', /^cannot reach nothing: not an address/],
])('nobody at %s', async (target, message) => {
  const mode = { kind: 'count', total: 1, concurrency: 1 } as const;
  const run = runLoad({ target, mode, request });
  await expect(run).rejects.toThrow(UnreachableError);
  await expect(run).rejects.toThrow(message);
});

it('an option out of its range', async () => {
  const mode = { kind: 'count', total: 1, concurrency: 1 } as const;
  const run = runLoad({ target: '127.0.0.1:1', mode, request, threads: 65 });
  await expect(run).rejects.toThrow('threads must be a whole number from 1 to 64, not 65');
});
