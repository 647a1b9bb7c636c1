import { describe, expect, it } from 'vitest';
import type { BalancedEndpoint, Balancer } from '../../lib/balance/balancer.ts';
import { type BalancerName, balancerFactory } from '../../lib/balance/balancers.ts';
import { ConsistentHash } from '../../lib/balance/consistent-hash.ts';
import { P2cEwma } from '../../lib/balance/p2c-ewma.ts';
import { PickFirst } from '../../lib/balance/pick-first.ts';
import { RoundRobin, roundRobin } from '../../lib/balance/round-robin.ts';
import { WeightedRoundRobin } from '../../lib/balance/weighted-round-robin.ts';
import { seededRandom } from '../support/seeded-random.ts';

interface Fake extends BalancedEndpoint {
  weight: number;
  inFlight: number;
}

const endpoint = (name: string, weight = 1): Fake => ({ name, weight, inFlight: 0 });
const endpoints = (names: string): Fake[] => [...names].map((name) => endpoint(name));
const picks = (balancer: Balancer<Fake>, times: number, key?: string): string =>
  Array.from({ length: times }, () => balancer.pick(key)?.name ?? '-').join('');
const countOf = (picked: string, name: string): number => picked.split(name).length - 1;

const names: BalancerName[] = [
  'round_robin',
  'weighted_round_robin',
  'p2c_ewma',
  'consistent_hash',
  'pick_first',
];

describe('every balancer', () => {
  it.each(names)('%s: picks nothing of nothing, the one there is, and avoids what was tried', (name) => {
    const balancer: Balancer<Fake> = balancerFactory(name)();
    expect(balancer.pick('key')).toBeUndefined();
    const [a, b, c] = endpoints('abc') as [Fake, Fake, Fake];
    balancer.update([a]);
    expect(picks(balancer, 3, 'key')).toBe('aaa');
    balancer.update([a, b, c]);
    for (let i = 0; i < 20; i++) {
      expect(balancer.pick(`key${i}`, new Set([a, b]))).toBe(c);
      expect([b, c]).toContain(balancer.pick(undefined, new Set([a])));
      expect(balancer.pick(`key${i}`, new Set([a, b, c]))).toBeDefined();
    }
    balancer.update([]);
    expect(balancer.pick()).toBeUndefined();
  });

  it('is known by name, or refused with the names there are', () => {
    expect(() => balancerFactory('rund_robin' as BalancerName)).toThrow(
      /there are round_robin, weighted_round_robin/,
    );
  });
});

describe('round robin', () => {
  it('gives each in turn', () => {
    const robin = new RoundRobin<Fake>();
    robin.update(endpoints('abc'));
    expect(picks(robin, 7)).toBe('abcabca');
  });

  it('continues after the last one when the list changes, so that frequent changes favour no endpoint', () => {
    const robin = new RoundRobin<Fake>();
    const [a, b, c] = endpoints('abc') as [Fake, Fake, Fake];
    let picked = '';
    for (let i = 0; i < 300; i++) {
      robin.update(i % 2 === 0 ? [a, b, c] : [c, a, b]);
      picked += picks(robin, 1);
    }
    for (const name of 'abc') expect(countOf(picked, name)).toBeGreaterThan(80);
    robin.update([a, b, c]);
    robin.pick();
    robin.update([b]);
    expect(picks(robin, 2)).toBe('bb');
  });

  it('rotates over several channels that make one call each', () => {
    const factory = roundRobin();
    const list = endpoints('abc');
    let picked = '';
    for (let i = 0; i < 9; i++) {
      const robin: Balancer<Fake> = factory();
      robin.update(list);
      picked += picks(robin, 1);
    }
    expect(picked).toBe('abcabcabc');
  });
});

describe('weighted round robin', () => {
  it('is smooth: 5:1:1 gives a a b a c a a', () => {
    const balancer = new WeightedRoundRobin<Fake>();
    balancer.update([endpoint('a', 5), endpoint('b'), endpoint('c')]);
    expect(picks(balancer, 14)).toBe('aabacaaaabacaa');
  });

  it('keeps what survivors have gained, and follows a changed weight', () => {
    const balancer = new WeightedRoundRobin<Fake>();
    const [a, b] = [endpoint('a', 3), endpoint('b', 1)];
    balancer.update([a, b]);
    picks(balancer, 4);
    b.weight = 3;
    balancer.update([a, b]);
    const picked = picks(balancer, 100);
    expect(Math.abs(countOf(picked, 'a') - 50)).toBeLessThanOrEqual(1);
  });
});

describe('p2c by peak EWMA', () => {
  function fixture(list: Fake[]) {
    let now = 0;
    const balancer = new P2cEwma<Fake>({ clock: () => now, random: seededRandom(7) });
    balancer.update(list);
    return { balancer, pass: (ms: number) => (now += ms) };
  }

  it('sends nearly everything to the fast ones, and a little to find out', () => {
    const list = endpoints('abc');
    const { balancer, pass } = fixture(list);
    const slowness = { a: 1, b: 1, c: 50 };
    let picked = '';
    for (let i = 0; i < 3000; i++) {
      pass(1);
      const one = balancer.pick()!;
      picked += one.name;
      balancer.onEnd(one, slowness[one.name as 'a' | 'b' | 'c'], false);
    }
    expect(countOf(picked, 'c')).toBeLessThan(100);
    expect(countOf(picked, 'a')).toBeGreaterThan(1000);
    expect(countOf(picked, 'b')).toBeGreaterThan(1000);
  });

  it('leaves alone one that fails fast or has much in flight, and takes it back when it has calmed down', () => {
    const list = endpoints('ab');
    const { balancer, pass } = fixture(list);
    const [a, b] = list as [Fake, Fake];
    balancer.onEnd(a, 5, false);
    balancer.onEnd(b, 1, true);
    expect(picks(balancer, 20)).toBe('a'.repeat(20));
    a.inFlight = 100_000;
    expect(picks(balancer, 5)).toBe('bbbbb');
    a.inFlight = 0;
    pass(200_000);
    balancer.onEnd(a, 1, false);
    balancer.onEnd(b, 0.5, false);
    expect(countOf(picks(balancer, 100), 'b')).toBeGreaterThan(0);
  });

  it('tries a newcomer without flooding it, and gives the heavier one more', () => {
    const list = endpoints('ab');
    const { balancer } = fixture(list);
    const [a, b] = list as [Fake, Fake];
    balancer.onEnd(a, 10, false);
    expect(balancer.pick()).toBe(b);
    b.inFlight = 1;
    expect(picks(balancer, 10)).toBe('a'.repeat(10));
    b.inFlight = 0;
    balancer.onEnd(b, 10, false);
    b.weight = 4;
    expect(picks(balancer, 10)).toBe('b'.repeat(10));
  });
});

describe('consistent hash', () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
  const many = (count: number): Fake[] => Array.from({ length: count }, (_, i) => endpoint(`10.0.0.${i}:80`));

  it('sends a key to the same endpoint every time, and moves few keys when one is removed', () => {
    const list = many(10);
    const balancer = new ConsistentHash<Fake>();
    balancer.update(list);
    const before = keys.map((key) => balancer.pick(key)!);
    expect(keys.map((key) => balancer.pick(key)!)).toEqual(before);
    balancer.update(list.slice(1));
    const moved = keys.filter((key, i) => balancer.pick(key) !== before[i]);
    const lost = before.filter((each) => each === list[0]);
    expect(moved.length).toBe(lost.length);
    expect(moved.length).toBeGreaterThan(500);
    expect(moved.length).toBeLessThan(2000);
  });

  it('bounds the load of each: nobody has more than 1.25 times the fair share in flight', () => {
    const list = many(10);
    const balancer = new ConsistentHash<Fake>();
    balancer.update(list);
    for (let i = 0; i < 1000; i++) balancer.pick('the one hot key')!.inFlight++;
    expect(Math.max(...list.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(Math.ceil(1.25 * 100) + 1);
  });

  it('builds its ring when it is asked for a key, and not for each connection that is made', () => {
    let built = 0;
    const list = many(50).map((each, i) =>
      i > 0 ? each : Object.defineProperty(each, 'name', { get: () => `first ${++built > 0}` }),
    );
    const balancer = new ConsistentHash<Fake>();
    for (let ready = 1; ready <= list.length; ready++) {
      balancer.update(list.slice(0, ready));
      balancer.pick();
    }
    expect(built).toBe(0);
    const found = new Set(keys.map((key) => balancer.pick(key)));
    expect([built, found.size]).toEqual([1, 50]);
    balancer.update([...list].reverse());
    balancer.pick('a key');
    expect(built).toBe(1);
    balancer.update(list.slice(0, 1));
    expect([balancer.pick('a key'), built]).toEqual([list[0], 2]);
    balancer.update([]);
    expect(balancer.pick('a key')).toBeUndefined();
  });

  it('takes ten thousand endpoints', () => {
    const balancer = new ConsistentHash<Fake>();
    const list = many(10_000);
    balancer.update(list);
    expect(new Set(keys.map((key) => balancer.pick(key))).size).toBeGreaterThan(3000);
  });

  it('takes turns without a key', () => {
    const balancer = new ConsistentHash<Fake>();
    balancer.update(endpoints('abc'));
    expect(picks(balancer, 6)).toBe('abcabc');
  });
});

describe('pick first', () => {
  it('stays until its endpoint is removed', () => {
    const balancer = new PickFirst<Fake>();
    const [a, b, c] = endpoints('abc') as [Fake, Fake, Fake];
    balancer.update([b, c]);
    balancer.update([a, b, c]);
    expect(picks(balancer, 3)).toBe('bbb');
    balancer.update([a, c]);
    expect(picks(balancer, 3)).toBe('aaa');
  });
});
