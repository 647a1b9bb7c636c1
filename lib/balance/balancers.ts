import type { BalancerFactory } from './balancer.ts';
import { ConsistentHash } from './consistent-hash.ts';
import { P2cEwma } from './p2c-ewma.ts';
import { PickFirst } from './pick-first.ts';
import { roundRobin } from './round-robin.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';

/** The names that the option `balancer` of a channel accepts; docs/discovery.md says where each sends the next call. */
export type BalancerName =
  | 'round_robin'
  | 'weighted_round_robin'
  | 'p2c_ewma'
  | 'consistent_hash'
  | 'pick_first';

/** The type is written out: declarations made from inferred generic functions do not compile. */
const factories: Readonly<Record<BalancerName, BalancerFactory>> = {
  /** Each in turn, whatever its weight. */
  round_robin: roundRobin(),
  /** Each in turn, in proportion to its weight. */
  weighted_round_robin: () => new WeightedRoundRobin(),
  /** The better of two, by latency and calls in flight. */
  p2c_ewma: () => new P2cEwma(),
  /** By CallOptions.balanceKey. */
  consistent_hash: () => new ConsistentHash(),
  /** Always the same one, until it is removed. */
  pick_first: () => new PickFirst(),
};

/** @throws TypeError that lists the valid names. */
export function balancerFactory(name: BalancerName): BalancerFactory {
  if (typeof name !== 'string' || !Object.hasOwn(factories, name)) {
    throw new TypeError(
      `there is no balancer ${typeof name === 'string' ? name : typeof name}; there are ${Object.keys(factories).join(', ')}, or give a function`,
    );
  }
  return factories[name];
}
