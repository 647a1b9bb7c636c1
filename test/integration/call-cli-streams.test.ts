/** Streams of `rocket call`, as it is compiled. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { startServer } from '../support/json-server.ts';
import { call, linesOf, outcomeOf, soonMs } from '../support/rocket-call.ts';
import { Spawned } from '../support/spawned.ts';
import { until } from '../support/waits.ts';

beforeAll(() => builtPackage(), 60_000);

describe('streams', () => {
  it.each(['@-', '@'])('sends what stdin has, a line each or not: %s', async (data) => {
    const { address, seen } = await startServer();
    const input = '{"int":1}\n{"int":2}{\n"int":\n3}\n\n';
    expect(await linesOf([address, 'Json/Collect', '--data', data], input)).toEqual(['{"int":6}']);
    expect(seen.requests).toBe(3);
  });

  it('sends what a file has, or the option itself, or nothing', async () => {
    const { address } = await startServer();
    const folder = mkdtempSync(path.join(tmpdir(), 'rocket-call-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'points.json');
    writeFileSync(file, '\ufeff{"int":1}\n'.repeat(1000).replaceAll('\n\ufeff', '\n'));
    expect(await linesOf([address, 'Json/Collect', '-d', `@${file}`])).toEqual(['{"int":1000}']);
    expect(await linesOf([address, 'Json/Collect', '-d', '{"int":4} {"int":5}'])).toEqual(['{"int":9}']);
    expect(await linesOf([address, 'Json/Collect'])).toEqual(['{}']);
  });

  it('prints each reply on a line', async () => {
    const { address } = await startServer();
    expect(await linesOf([address, 'Json/Spread', '-d', '{"int":3}'])).toEqual([
      '{}',
      '{"int":1}',
      '{"int":2}',
    ]);
  });

  it('prints replies as they come, before the next request', async () => {
    const { address } = await startServer();
    const child = await call(address, 'Json/Chat', '--data', '@-');
    child.tell('{"text":"a"}');
    await child.said('{"text":"re a"}', soonMs);
    child.tell('{"text":"b"}');
    await child.said('{"text":"re b"}', soonMs);
    child.endInput();
    expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
    expect(child.errors).toBe('');
  });

  it('prints the replies before a failure', async () => {
    const { address } = await startServer();
    const { code, lines, errors } = await outcomeOf([address, 'Json/Spread', '-d', '{"int":2}']);
    expect({ code, lines, errors }).toEqual({
      code: 74,
      lines: ['{}', '{"int":1}'],
      errors: 'rocket call: ABORTED: after two\n',
    });
  });

  it('is not made by TinyPB', async () => {
    const { address } = await startServer();
    const { code, errors } = await outcomeOf([address, 'Json/Chat', '--protocol', 'tinypb']);
    expect(errors).toBe(
      'rocket call: --protocol tinypb: json.v1.Json.Chat streams, which TinyPB cannot carry\n',
    );
    expect(code).toBe(2);
  });

  it.each([
    ['a server that ends', 'Json/Chat', 0],
    ['a method that is not there', 'Json/Nothing', 2],
  ])('ends with %s, though stdin goes on', async (_what, method, code) => {
    const { address } = await startServer();
    const child = await call(address, method, '--data', '@-');
    child.tell('{"text":"bye"}');
    expect((await child.exit(soonMs)).code).toBe(code);
    expect(child.output).toBe('');
    expect(child.errors === '').toBe(code === 0);
  });

  it('ends at a request that is wrong, names its line, and cancels the call', async () => {
    const { address, seen } = await startServer();
    const { code, lines, errors } = await outcomeOf(
      [address, 'Json/Chat', '--data', '@-'],
      '{"text":"a"}\n\n{"text":1}\n{}',
    );
    expect(errors).toBe('rocket call: --data: line 3: text: a string is needed, not 1\n');
    expect(code).toBe(2);
    expect(lines.length).toBeLessThan(2);
    if (seen.metadata.length > 0)
      await until(() => seen.cancelled === 1, { deadlineMs: soonMs, what: 'the call to end' });
  });

  it('ends quietly with its reader, and cancels the call', async () => {
    const { address, seen } = await startServer();
    await builtPackage();
    const command = `${process.execPath} dist/lib/cli/main.js call ${address} Json/Spread; echo $? >&2`;
    const shell = new Spawned(['sh', '-c', `(${command}) | head -n 2`]);
    expect((await shell.exit(soonMs)).code).toBe(0);
    expect(shell.output).toBe('{}\n{"int":1}\n');
    expect(shell.errors).toBe('0\n');
    await until(() => seen.cancelled === 1, { deadlineMs: soonMs, what: 'the call to end' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s cancels the call', async (signal) => {
    const { address, seen } = await startServer();
    const child = await call(address, 'Json/Chat', '--data', '@-');
    child.tell('{"text":"a"}');
    await child.said('{"text":"re a"}', soonMs);
    child.kill(signal);
    expect(await child.exit(soonMs)).toEqual({ code: signal === 'SIGINT' ? 130 : 143, signal: null });
    expect(child.errors).toBe('');
    await until(() => seen.cancelled === 1, { deadlineMs: soonMs, what: 'the call to end' });
  });

  it('SIGINT ends it while the rest of its request is waited for', async () => {
    const { address, seen, server } = await startServer();
    const child = await call(address, 'Json/Echo', '--data', '@-');
    child.tell('{"text":');
    const isDescribed = () => server.stats().callsTotal > 0 && server.stats().callsInFlight === 0;
    await until(isDescribed, { deadlineMs: soonMs, what: 'reflection to be over' });
    child.kill('SIGINT');
    expect(await child.exit(soonMs)).toEqual({ code: 130, signal: null });
    const { errors, output } = child;
    expect({ errors, output, requests: seen.requests }).toEqual({ errors: '', output: '', requests: 0 });
  });
});
