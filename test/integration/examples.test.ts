import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
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

describe('examples', () => {
  it('quickstart prints the order id and ends by itself', async () => {
    expect(await runExample('quickstart.ts')).toBe('20230514\n');
  });

  it('is what the README shows', () => {
    const quickstart = readFileSync(new URL('examples/quickstart.ts', root), 'utf8');
    expect(readFileSync(new URL('README.md', root), 'utf8')).toContain(quickstart);
  });

  it('the demo shows every outcome and ends with nothing left', async () => {
    const output = await runExample('demo.ts', ['--seconds', '0.5']);
    for (const expected of ['20230514', 'short balance', 'DEADLINE_EXCEEDED', 'CANCELLED', 'UNIMPLEMENTED']) {
      expect(output).toContain(expected);
    }
    expect(output).toMatch(/well-formed requests +-> [1-9]\d* answered/);
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
