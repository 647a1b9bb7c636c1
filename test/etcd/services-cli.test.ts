import { describe, expect, it } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { discovery } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { until } from '../support/waits.ts';

const soonMs = 20_000;

/** `rocket services`, as it is compiled. */
function services(...args: string[]): Promise<Child> {
  return startChild('../../../dist/lib/cli/main.js', ['services', ...args]);
}

describe.skipIf(etcdIsMissing())('rocket services', () => {
  it('shows services, instances, weights, metadata and the time the leases have left', async () => {
    const { hosts } = await EtcdServer.start();
    const registry = discovery({ hosts });
    await registry.register('Order', '127.0.0.1:9001', { weight: 3, metadata: { zone: 'a' } });
    await registry.register('Order', '127.0.0.1:9002');
    await registry.register('Stock', '127.0.0.1:9003', { ttlSeconds: 60 });
    const child = await services('--etcd', hosts[0]!);
    expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
    expect(child.errors).toBe('');
    expect(child.output).toMatch(/│ Order +│ 127\.0\.0\.1:9001 │ +3 │ (30|2\d) of 30 s │ zone=a/);
    expect(child.output).toMatch(/│ +│ 127\.0\.0\.1:9002 │ +1 │ (30|2\d) of 30 s │/);
    expect(child.output).toMatch(/│ Stock +│ 127\.0\.0\.1:9003 │ +1 │ (60|5\d) of 60 s │/);
    const one = await services('Stock', '--json', '--etcd', hosts[0]!);
    await one.exit(soonMs);
    expect(JSON.parse(one.output)).toMatchObject([{ service: 'Stock', lease: { granted: 60 } }]);
  });

  it('continues with --watch, and shows new instances', async () => {
    const { hosts } = await EtcdServer.start();
    const child = await services('--watch', '--interval', '0.2', '--etcd', hosts[0]!);
    const shows = (text: string) =>
      until(() => child.output.includes(text), { deadlineMs: soonMs, what: () => child.describe() });
    await shows('nothing is registered');
    await discovery({ hosts }).register('Order', '127.0.0.1:9001');
    await shows('127.0.0.1:9001');
    expect(child.running).toBe(true);
  });

  it('reports in one line what is wrong', async () => {
    const server = await EtcdServer.start();
    await server.kill();
    const gone = await services('--etcd', server.hosts[0]!);
    expect((await gone.exit(soonMs)).code).toBe(1);
    expect(gone.errors).toMatch(
      /^rocket services: .*no etcd could be reached at 127\.0\.0\.1:\d+ \(option hosts\).*\n$/,
    );
    const wrong = await services('--etcd', 'nonsense');
    expect((await wrong.exit(soonMs)).code).toBe(2);
    expect(wrong.errors).toMatch(/not host:port: "nonsense"/);
  });
});
