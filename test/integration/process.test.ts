import { describe, expect, it, onTestFinished } from 'vitest';
import type { RpcError } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 10_000;

describe('a process', () => {
  it.each(['never', 'connected', 'called'])('exits by itself with an idle channel (%s)', async (mode) => {
    const { address } = await startOrderServer();
    const child = await startChild('idle-channel.mjs', [mode, address]);
    await child.said('done', soonMs);
    expect(await child.exit(3000), child.describe()).toEqual({ code: 0, signal: null });
    expect(child.errors).toBe('');
  });

  it('stays for a pending call, then exits', async () => {
    let answer: (() => void) | undefined;
    const { address } = await startOrderServer(
      ({ goods }) =>
        new Promise((resolve) => {
          answer = () => resolve({ orderId: goods ?? '' });
        }),
    );
    const child = await startChild('pending-call.mjs', [address]);
    await child.said('called', soonMs);
    await until(() => answer !== undefined, { deadlineMs: soonMs, what: 'the call to arrive' });
    expect(child.running).toBe(true);
    answer?.();
    expect(await child.said('reply', 3000)).toBe('late');
    expect(await child.exit(3000), child.describe()).toEqual({ code: 0, signal: null });
  });

  it('stays with a listening server and closes gracefully on SIGTERM', async () => {
    const child = await startChild('listening.mjs', ['hold']);
    const port = await child.said('listening', soonMs);
    const { orders } = openOrders(`127.0.0.1:${port}`);
    const call = orders.makeOrder({ goods: 'held' });
    await child.said('handling', soonMs);
    child.kill('SIGTERM');
    await child.said('closing', soonMs);
    // The signal handler has said so just before it closes.
    const isRefused = async () => {
      const late = await settled(orders.makeOrder({ goods: 'too late' }, { timeoutMs: 200 }), soonMs);
      return late.status === 'rejected' && (late.reason as RpcError).code === 'UNAVAILABLE';
    };
    await until(isRefused, { deadlineMs: soonMs, what: 'a later call to be refused' });
    child.tell('release');
    expect(await call).toMatchObject({ orderId: 'held' });
    await child.said('closed', soonMs);
    expect(await child.exit(3000), child.describe()).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['handler', 7, 500],
    ['handler', 3, 1],
    ['timer', 42, 2000],
    ['caller', 0, 1000],
    ['caller', 9, 1],
  ])('process.exit() under load from a %s gives its code %i', async (where, code, calls) => {
    const child = await startChild('exit-under-load.mjs', [where, `${code}`, `${calls}`]);
    expect(await child.exit(15_000), child.describe()).toEqual({ code, signal: null });
    expect(child.errors).toBe('');
  });

  it('process.exit() in the middle of TLS handshakes is no crash', { timeout: 120_000 }, async () => {
    const authority = new TestAuthority();
    onTestFinished(() => authority.remove());
    const { keyFile, certFile } = authority.issue('localhost');
    for (let run = 0; run < 20; run++) {
      const child = await startChild('tls-exit.mjs', [
        keyFile,
        certFile,
        authority.certFile,
        `${20 + 2 * run}`,
      ]);
      expect(await child.exit(20_000), child.describe()).toEqual({ code: 0, signal: null });
      expect(child.errors).toBe('');
    }
  });

  it('collects dropped channels and servers without a crash', async () => {
    const child = await startChild('dropped.mjs', [], ['--expose-gc']);
    expect(await child.exit(18_000), child.describe()).toEqual({ code: 0, signal: null });
    expect(child.output).toContain('reply still');
    expect(child.output).toContain('pending 0');
  });
});
