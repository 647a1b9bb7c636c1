import { expect, it } from 'vitest';
import { EtcdError } from '../../lib/discovery/etcd/errors.ts';
import { Pace } from '../../lib/discovery/etcd/pace.ts';

const refusal = new EtcdError('wrong password', true, undefined);
const away = new EtcdError('nobody there', false, undefined);

it('pauses up to a second while etcd is away, and up to half a minute while it refuses', () => {
  const pace = new Pace(100, () => 1);
  const pauses = (error: unknown) => Array.from({ length: 7 }, () => pace.next(error));
  expect(pauses(away)).toEqual([100, 200, 400, 800, 1000, 1000, 1000]);
  expect(pauses(refusal)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(pace.next()).toBe(1000);
  pace.reset();
  expect([pace.next(away), pace.next(refusal)]).toEqual([100, 1000]);
});
