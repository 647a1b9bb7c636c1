import { describe, expect, it } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
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

  it('asks an etcd over TLS, which may want a certificate, for its name', async () => {
    const made = makeCertificates();
    const files = { ca: made.caFile, cert: made.certFile, key: made.keyFile, clientCerts: true };
    const { hosts } = await EtcdServer.start(1, files);
    await discovery({ hosts, tls: { ca: made.ca, cert: made.cert, key: made.key } }).register(
      'Order',
      '127.0.0.1:9001',
    );
    const outcomeOf = async (...flags: string[]) => {
      const child = await services(
        'Order',
        '--json',
        '--etcd',
        hosts[0]!.replace(/^https:\/\//, ''),
        ...flags,
      );
      const { code } = await child.exit(soonMs);
      return { code, output: child.output, errors: child.errors };
    };
    const own = ['--cert', made.certFile, '--key', made.keyFile];
    const ca = ['--cacert', made.caFile];
    expect(await outcomeOf('--tls', ...ca, ...own)).toMatchObject({
      code: 0,
      output: expect.stringContaining('127.0.0.1:9001'),
    });
    const stranger = await outcomeOf(...own);
    expect(stranger.code).toBe(1);
    expect(stranger.errors).toMatch(/--cacert/);
    const named = await outcomeOf(...ca, ...own, '--servername', 'example.com');
    expect(named.code).toBe(1);
    expect(named.errors).toMatch(/--servername/);
  });

  it('believes any certificate with --insecure, and says so', async () => {
    const made = makeCertificates();
    const { hosts } = await EtcdServer.start(1, {
      ca: made.caFile,
      cert: made.certFile,
      key: made.keyFile,
      clientCerts: false,
    });
    await discovery({ hosts, tls: { ca: made.ca } }).register('Order', '127.0.0.1:9001');
    const child = await services('Order', '--json', '--etcd', hosts[0]!, '--insecure');
    expect((await child.exit(soonMs)).code, child.describe()).toBe(0);
    expect(child.output).toContain('127.0.0.1:9001');
    expect(child.errors).toMatch(/^rocket services: --insecure: the certificate is not checked/);
  });
});
