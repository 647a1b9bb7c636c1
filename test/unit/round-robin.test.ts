import { describe, expect, it } from 'vitest';
import type { BalancedEndpoint } from '../../lib/balance/balancer.ts';
import { RoundRobin } from '../../lib/balance/round-robin.ts';

const endpoints = (names: string): BalancedEndpoint[] => {
  return [...names].map((name) => ({ name, weight: 1, inFlight: 0 }));
};

describe('round robin', () => {
  it('gives each in turn, also when the list changes', () => {
    const robin = new RoundRobin();
    const picks = (times: number) => Array.from({ length: times }, () => robin.pick()?.name);
    expect(picks(1)).toEqual([undefined]);
    robin.update(endpoints('abc'));
    expect(picks(3).sort()).toEqual(['a', 'b', 'c']);
    picks(2);
    robin.update(endpoints('a'));
    expect(picks(2)).toEqual(['a', 'a']);
    robin.update([]);
    expect(picks(1)).toEqual([undefined]);
    robin.update(endpoints('xy'));
    expect(picks(3).sort().join('')).toMatch(/^(xxy|xyy)$/);
  });
});
