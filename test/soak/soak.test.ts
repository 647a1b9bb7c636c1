/** A short `npm run test:soak`, and how it judges. */
import { describe, expect, it } from 'vitest';
import { peersAreMissing } from '../interop/support/peers.ts';
import { soakClient } from './client-soak.ts';
import { growthOfSecondHalf, isFlat } from './flatness.ts';
import { soak } from './soak.ts';

describe('flatness', () => {
  const flat = Array.from({ length: 40 }, (_, i) => (100 << 20) + (i % 3));
  const growing = Array.from({ length: 40 }, (_, i) => (100 << 20) + (i << 20));

  it('is of the second half', () => {
    expect(growthOfSecondHalf(growing)).toBeCloseTo(19 << 20);
    expect(Math.abs(growthOfSecondHalf(flat))).toBeLessThan(2);
    const warmedUp = growing.map((value, i) => (i < 20 ? value : 5));
    expect(growthOfSecondHalf(warmedUp)).toBe(0);
  });

  it('is judged by the control', () => {
    expect(isFlat(flat, flat)).toBe(true);
    expect(isFlat(growing, flat)).toBe(false);
    expect(isFlat(growing, growing)).toBe(true);
  });
});

it.skipIf(process.platform !== 'linux')(
  'half a minute of everything leaves nothing behind',
  { timeout: 120_000 },
  async () => {
    const result = await soak(30, () => {});
    expect(result.wrong).toEqual([]);
    expect(Object.keys(result.outcomes)).toEqual(
      expect.arrayContaining([
        'both OK',
        'cancelled CANCELLED',
        'cancelled replies CANCELLED',
        'churn OK',
        'deadline DEADLINE_EXCEEDED',
        'one OK',
        'replies OK',
        'requests OK',
        'slow reader OK',
        'tinypb OK',
      ]),
    );
    // Half a minute is too short for a verdict on memory; descriptors do not warm up.
    expect(result.growth.handles.soaked).toBeLessThan(20);
  },
);

it.skipIf(process.platform !== 'linux' || peersAreMissing('grpc-go-server'))(
  'half a minute of faults loses no call of the client that may be repeated, and leaves nothing behind',
  { timeout: 180_000 },
  async () => {
    const result = await soakClient(30, () => {});
    expect(result.wrong).toEqual([]);
    expect(Object.keys(result.outcomes)).toEqual(
      expect.arrayContaining([
        'both OK',
        'cancelled CANCELLED',
        'deadline DEADLINE_EXCEEDED',
        'left OK',
        'one OK',
        'repeated OK',
        'replies OK',
        'requests OK',
        'slow reader OK',
      ]),
    );
    expect(Object.keys(result.faults).length).toBeGreaterThanOrEqual(5);
  },
);
