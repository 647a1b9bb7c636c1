import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url);

async function runExample(name: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', `examples/${name}`, ...args], {
    cwd: root,
    timeout: 30_000,
    env: { ...process.env, ...env },
  });
  expect(stderr).toBe('');
  return stdout;
}

/** Examples import the compiled package, as its users do. */
beforeAll(() => builtPackage(), 60_000);

describe('examples', () => {
  it('quickstart prints the order id and ends by itself', async () => {
    expect(await runExample('quickstart.ts')).toBe('20230514\n');
  });

  it('is what the README shows', () => {
    const quickstart = readFileSync(new URL('examples/quickstart.ts', root), 'utf8');
    expect(readFileSync(new URL('README.md', root), 'utf8')).toContain(quickstart);
  });

  it('hello prints a greeting and an error', async () => {
    expect(await runExample('hello.ts')).toBe('hello, Ada\nINVALID_ARGUMENT: who is it?\n');
  });

  it('deadlines and cancelling reach the server behind the server', async () => {
    expect(await runExample('deadlines.ts')).toBe(
      [
        'deadline: the back has at most 500 ms',
        'deadline: the caller sees DEADLINE_EXCEEDED',
        'deadline: the back sees DEADLINE_EXCEEDED',
        'cancelled: the back has at most 500 ms',
        'cancelled: the caller sees CANCELLED',
        'cancelled: the back sees DEADLINE_EXCEEDED',
        'gone: the back has more than 500 ms',
        'gone: the caller sees CANCELLED',
        'gone: the back sees CANCELLED',
        '',
      ].join('\n'),
    );
  });

  it('interceptors refuse a caller without a token, and log each call on both sides', async () => {
    const output = await runExample('interceptors.ts');
    expect(output).toMatch(/^with secret-of-ada: hello, server$/m);
    expect(output).toMatch(/^with guess: UNAUTHENTICATED: no token that we know$/m);
    const call = '\\[[0-9a-f]{20}\\]\t\\[greeter.Greeter.hello\\]\t\\[-\\]';
    expect(output).toMatch(new RegExp(`^\\[INFO\\].*${call}\thandled$`, 'm'));
    expect(output).toMatch(new RegExp(`^\\[WARN\\].*${call}\trefused: UNAUTHENTICATED$`, 'm'));
    expect(output).toMatch(/^\[INFO\].*\tcalled greeter\.Greeter\.hello$/m);
    expect(output).toMatch(/^\[WARN\].*\tcalled greeter\.Greeter\.hello: UNAUTHENTICATED$/m);
  });

  it('callers are let in by the SPIFFE id of their certificate', async () => {
    const output = await runExample('spiffe.ts');
    expect(output).toMatch(/^web: hello, web$/m);
    expect(output).toMatch(
      /^batch: PERMISSION_DENIED: spiffe:\/\/example\.org\/ns\/shop\/sa\/batch may not call greeter\.Greeter\.hello$/m,
    );
  });

  it('workers share the calls, and the main thread is free meanwhile', async () => {
    const output = await runExample('workers/main.ts');
    expect(output).toMatch(/^hello, main thread, while [1-8] calls are running$/m);
    expect(output).toMatch(/^worker 1: 4 calls, 148933 primes each$/m);
    expect(output).toMatch(/^worker 2: 4 calls, 148933 primes each$/m);
    expect(output).toMatch(/^workers ended with 0 and 0; 0 io threads left$/m);
  });

  it('Fastify answers over HTTP from a service beside it, and they share a log', async () => {
    const output = await runExample('fastify.ts');
    expect(output).toMatch(/^POST \{"name":"Ada"\}: 200 \{"text":"hello, Ada"\}$/m);
    expect(output).toMatch(
      /^POST \{"name":"nobody"\}: 404 \{"code":"NOT_FOUND","message":"there is nobody"\}$/m,
    );
    expect(output).toMatch(/^\{"level":30,"msg":"Server listening at http:.*\}$/m);
    expect(output).toMatch(
      /^\{"level":30,"msgId":"[0-9a-f]{20}","method":"greeter\.Greeter\.hello","msg":"greeting Ada"\}$/m,
    );
  });

  it('the route guide calls a method of each kind', async () => {
    expect(await runExample('route-guide/main.ts')).toBe(
      [
        'a feature: Patriots Path, Mendham, NJ 07945, USA',
        'nothing at 0, 0: ""',
        'in the rectangle: Patriots Path, Mendham, NJ 07945, USA',
        'in the rectangle: 101 New Jersey 10, Whippany, NJ 07981, USA',
        'in the rectangle: U.S. 6, Shohola, PA 18458, USA',
        'a route: 3 points, 2 features, 57891 m',
        'said here before: first',
        'said here before: first',
        'said here before: third',
        '',
      ].join('\n'),
    );
  });

  it('one service is called by both protocols at once', async () => {
    expect(await runExample('both-protocols.ts')).toBe(
      'answered by TinyPB: 1000, by gRPC: 1000\ncalls of the server: 2000\n',
    );
  });

  it('the demo shows every outcome and ends with nothing left', async () => {
    const output = await runExample('demo.ts', ['--seconds', '0.5']);
    for (const expected of ['20230514', 'short balance', 'DEADLINE_EXCEEDED', 'CANCELLED', 'UNIMPLEMENTED']) {
      expect(output).toContain(expected);
    }
    expect(output).toMatch(/well-formed requests +-> [1-9]\d* answered/);
    expect(output.match(/over TLS, by \S+ +-> \{"orderId"/g)).toHaveLength(2);
    expect(output).toMatch(/another certificate +-> UNAVAILABLE: .*certificate/);
    expect(output).toMatch(/without TLS +-> UNAVAILABLE: /);
    expect(output).toMatch(/calls +[1-9]\d* in /);
    expect(output).toContain('0 io threads left, 0 calls pending');
  });

  it.skipIf(etcdIsMissing())('the shop goes on while instances are closed, started and killed', async () => {
    const etcd = await EtcdServer.start();
    const output = await runExample('shop/main.ts', [], { ETCDCTL_ENDPOINTS: etcd.hosts.join(',') });
    expect(output).toMatch(/^two of stock: orders by .*: \d+, .*: \d+; 0 failed$/m);
    expect(output).toMatch(/^one of stock: orders by [^,]+; 0 failed$/m);
    expect(output).toMatch(/^one more: orders by .*: \d+, .*: \d+; 0 failed$/m);
    expect(output).toMatch(/^one killed: orders by .*; [0-4] failed$/m);
    expect(output).toMatch(/^closed$/m);
  });
});
