import { afterEach, describe, expect, it, vi } from 'vitest';
import { DnsResolver } from '../../lib/discovery/dns-resolver.ts';
import { LocalDiscovery } from '../../lib/discovery/local-discovery.ts';
import { Recorder } from '../support/recorder.ts';

const a = '127.0.0.1:9001';
const b = '127.0.0.1:9002';

describe('the registry inside the process', () => {
  it('shows added and removed instances at once, with weight and metadata', async () => {
    const local = new LocalDiscovery();
    const seen = new Recorder();
    const resolver = local.resolver('Order');
    resolver.start(seen);
    expect([seen.lists, seen.errors]).toEqual([[''], ['no instance of Order is registered']]);
    const first = await local.register('Order', a, { weight: 2, metadata: { zone: 'a' } });
    await local.register('Order', b);
    await local.register('OrderAdmin', '127.0.0.1:9003');
    expect(seen.names).toBe(`${a} ${b}`);
    expect(seen.endpoints[0]).toEqual({ name: a, addresses: [a], weight: 2, metadata: { zone: 'a' } });
    const states: string[] = [];
    first.onState((state) => states.push(state));
    await Promise.all([first.close(), first.close()]);
    expect([seen.names, first.state, states]).toEqual([b, 'closed', ['closed']]);
    resolver.close();
    await local.register('Order', a);
    expect(seen.names).toBe(b);
  });

  it('refuses the same instance twice', async () => {
    const local = new LocalDiscovery();
    const first = await local.register('Order', a);
    await expect(local.register('Order', a)).rejects.toThrow(/already registered for Order/);
    await first.close();
    await local.register('Order', a);
  });
});

describe('dns:///', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('makes an endpoint of every address, looks up again, and keeps its list when a lookup fails', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const answers: (string[] | Error)[] = [[a, a, b], new Error('SERVFAIL'), [], [b]];
    let asked = 0;
    const resolver = new DnsResolver('shop.example', 80, async () => {
      const answer = answers[asked++] ?? [];
      if (answer instanceof Error) throw answer;
      return answer;
    });
    const seen = new Recorder();
    resolver.start(seen);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.names).toBe(`${a} ${b}`);
    await vi.advanceTimersByTimeAsync(30_000);
    await vi.advanceTimersByTimeAsync(30_000);
    expect([asked, seen.lists.length, seen.errors]).toEqual([3, 1, []]);
    resolver.refresh();
    resolver.refresh();
    await vi.advanceTimersByTimeAsync(1000);
    expect([asked, seen.names]).toEqual([4, b]);
    resolver.close();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(asked).toBe(4);
  });

  it('reports an error if nothing was ever found', async () => {
    const seen = new Recorder();
    const resolver = new DnsResolver('nowhere.invalid', 80);
    resolver.start(seen);
    await seen.fails(/nowhere\.invalid/, 6000);
    resolver.close();
  });
});
