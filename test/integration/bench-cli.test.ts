import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import type { LoadResult } from '../../lib/load/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const soonMs = 15_000;

/** `rocket bench`, as it is compiled. */
function bench(...args: string[]): Promise<Child> {
  return startChild('../../../dist/lib/cli/main.js', ['bench', ...args]);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The process of the server that the bench has started for itself. */
async function ownServer(child: Child): Promise<number> {
  const found = () => /^ {2}server .* process (\d+)$/m.exec(child.output)?.[1];
  await until(() => found() !== undefined || !child.running, {
    deadlineMs: soonMs,
    what: () => child.describe(),
  });
  return Number(found());
}

it('without a target it brings its own server, and leaves nothing behind but its files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rocket-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [json, html] = [join(folder, 'a.json'), join(folder, 'a.html')];
  const child = await bench('-n', '500', '-c', '20', '--payload', '64', '--json', json, '--html', html);
  const server = await ownServer(child);
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(isRunning(server)).toBe(false);
  expect(child.errors).toBe('');
  for (const line of [
    /^ {2}load {8}500 calls, 20 at a time \(closed loop\)$/m,
    /^ {2}method {6}Order\.makeOrder, request of 64 bytes$/m,
    /^ {2}calls {7}500 in \d\.\d\d s$/m,
    /^ {2}succeeded {3}500 \(100 %\)$/m,
    /^ {2}P99\.9 /m,
  ]) {
    expect(child.output).toMatch(line);
  }
  const result = JSON.parse(readFileSync(json, 'utf8')) as LoadResult;
  expect(result).toMatchObject({
    calls: 500,
    failed: 0,
    errors: [],
    targetCallsPerSecond: null,
    config: { mode: { kind: 'count', total: 500, concurrency: 20 }, requestBytes: 64, short: false },
    series: [{ second: 0, succeeded: 500 }],
  });
  expect(result.latency?.p50Ms).toBeGreaterThan(0);
  expect(readFileSync(html, 'utf8')).toContain('"calls":500');
});

it('prints a line a second where there is no terminal, and the rate it achieved', async () => {
  const child = await bench('-q', '200', '-t', '1.3', '--short', '--threads', '2');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toMatch(/^ {3}1 s {2}\d+ calls\/s {2}p99 .* ms {2}pending \d+ {2}failed 0$/m);
  expect(child.output).toMatch(/^ {2}achieved {4}[\d.]+ of 200 calls\/s/m);
  expect(child.output).toMatch(/^ {2}calls {7}260 in/m);
});

it('Ctrl-C prints what there is', async () => {
  const child = await bench('-t', '60', '-c', '5');
  const server = await ownServer(child);
  await child.said(' {3}1 s', soonMs);
  child.kill('SIGINT');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 130, signal: null });
  expect(child.output).toMatch(/^ {2}calls .* in \d+\.\d\d s, interrupted$/m);
  expect(child.output).toMatch(/^ {2}failed {6}0$/m);
  expect(isRunning(server)).toBe(false);
});

it('reports it when its own server ends before the load does', async () => {
  const child = await bench('-t', '60', '-c', '5');
  process.kill(await ownServer(child), 'SIGKILL');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 1, signal: null });
  expect(child.errors).toContain('the server started for this run ended (SIGKILL)');
  expect(child.output).toMatch(/^ {2}calls .* interrupted$/m);
});

it('its own server does not outlive it, however it ends', async () => {
  const child = await bench('-t', '60', '-c', '5');
  const server = await ownServer(child);
  child.kill('SIGKILL');
  await until(() => !isRunning(server), { deadlineMs: soonMs, what: 'the server to end' });
});

it('exit code 1 when calls fail', async () => {
  const { address } = await startOrderServer(() => {
    throw new RpcError('NOT_FOUND', 'no such goods');
  });
  const child = await bench('-n', '10', '-c', '2', '--target', address);
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 1, signal: null });
  expect(child.output).toMatch(/^errors by status\n {2}NOT_FOUND {2}10 {2}no such goods$/m);
});

it('exit code 1 from a server that has no such method', async () => {
  const { address } = await startOrderServer();
  const data = '{"name":"a"}';
  const shop = ['--proto', 'test/support/protos/shop.proto', '--method', 'Shop.chain', '--data', data];
  const child = await bench('-n', '10', '-c', '2', '--target', address, ...shop);
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 1, signal: null });
  expect(child.output).toMatch(/^ {2}UNIMPLEMENTED {2}10 {2}/m);
});

it('a server that dies midway: each cause is counted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rocket-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const json = join(folder, 'a.json');
  const server = await startChild('blocked-server.mjs', ['0']);
  const target = `127.0.0.1:${await server.said('listening', soonMs)}`;
  const child = await bench('-t', '3', '-c', '20', '--timeout', '2000', '--target', target, '--json', json);
  await child.said(' {3}1 s', soonMs);
  server.kill('SIGKILL');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 1, signal: null });
  const { errors, failed } = JSON.parse(readFileSync(json, 'utf8')) as LoadResult;
  expect(errors.length).toBeGreaterThan(1);
  expect(errors.reduce((sum, { count }) => sum + count, 0)).toBe(failed);
  expect(errors.map(({ example }) => example).join('\n')).toMatch(/refused/);
  const lines = child.output.replaceAll(/ +/g, ' ');
  for (const { status, count, example } of errors)
    expect(lines).toContain(` ${status} ${count.toLocaleString('en')} ${example.replaceAll(/\s+/g, ' ')}\n`);
});

it('metadata is sent with every request, and its values are not shown', async () => {
  const seen = new Set<string>();
  const { address } = await startOrderServer((_request, ctx) => {
    seen.add(JSON.stringify(ctx.metadata));
    return {};
  });
  const pairs = ['--metadata', 'tenant=a', '--metadata', 'token=se=cret'];
  const child = await bench('-n', '10', '-c', '2', '--target', address, ...pairs);
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect([...seen]).toEqual(['{"tenant":"a","token":"se=cret"}']);
  expect(child.output).toMatch(/^ {2}metadata {4}tenant, token$/m);
  expect(child.output).not.toContain('cret');
});

it('a request of 0 bytes is reported as empty', async () => {
  const { address } = await startOrderServer();
  const child = await bench('-n', '1', '-c', '1', '--target', address, '--data', '{}');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toMatch(/request of 0 bytes\n {14}an empty message: every field has its default/);
});

it('exit code 2 and one line when nobody is there', async () => {
  const child = await bench('-n', '10', '-c', '2', '--target', '127.0.0.1:1');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 2, signal: null });
  expect(child.output).toBe('');
  expect(child.errors).toBe('cannot reach 127.0.0.1:1: connection refused\n');
});

it.each([
  [
    ['-t', '1', '-c', '1', '--treads', '2'],
    "unknown option '--treads' (Did you mean --threads?)",
    '-t 1 -c 1 --threads 2',
  ],
  [['-t'], "option '-t, --time <seconds>' argument missing", '-t 10 -c 100'],
])('exit code 2 and the closest right call: %j', async (args, message, closest) => {
  const child = await bench(...args);
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 2, signal: null });
  expect(child.output).toBe('');
  expect(child.errors).toBe(
    `rocket bench: ${message}\ntry: rocket bench ${closest}   (rocket bench --help has more)\n`,
  );
});

it('--help teaches', async () => {
  const child = await bench('--help');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toContain('rocket bench -q 5000 -t 10');
  expect(child.output).toContain('Exit code: 0 every call succeeded');
});
