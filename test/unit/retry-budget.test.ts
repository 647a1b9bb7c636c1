import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../lib/rpc/retry-budget.ts';
import { retryPauseMs, retryPolicy } from '../../lib/rpc/retry-options.ts';

function fixture(ratio: number, perSecond: number) {
  let now = 0;
  const budget = new RetryBudget(ratio, perSecond, () => now);
  const takes = (times: number) => Array.from({ length: times }, () => budget.take()).filter(Boolean).length;
  const calls = (times: number) => {
    for (let i = 0; i < times; i++) budget.onCall();
  };
  return { takes, calls, pass: (ms: number) => (now += ms) };
}

describe('a retry budget', () => {
  it('allows ten a second without calls, and a tenth of that in a tenth', () => {
    const { takes, pass } = fixture(0, 10);
    expect(takes(100)).toBe(10);
    pass(1000);
    expect(takes(100)).toBe(10);
    pass(100);
    expect(takes(100)).toBe(1);
  });

  it('allows a fifth of the calls', () => {
    const { takes, calls } = fixture(0.2, 0);
    calls(1000);
    expect(takes(1000)).toBe(200);
  });

  it('keeps ten seconds of unused tokens, not an hour', () => {
    const { takes, calls, pass } = fixture(0.2, 10);
    for (let i = 0; i < 3600; i++) {
      calls(100);
      pass(1000);
    }
    const taken = takes(100_000);
    expect(taken).toBeGreaterThan(150);
    expect(taken).toBeLessThan(400);
  });
});

describe('a retry policy', () => {
  it('pauses between nothing and twice as long each time, up to a bound', () => {
    const policy = retryPolicy({ backoff: { minMs: 20, maxMs: 100 } })!;
    expect([1, 2, 3, 4, 5].map((attempt) => retryPauseMs(policy, attempt, 1))).toEqual([
      20, 40, 80, 100, 100,
    ]);
    expect(retryPauseMs(policy, 3, 0)).toBe(0);
  });

  it.each([
    [{ maxAttempts: 0 }, 'retry.maxAttempts'],
    [{ maxAttempts: 11 }, 'retry.maxAttempts'],
    [{ backoff: { minMs: 0 } }, 'retry.backoff.minMs'],
    [{ codes: ['OK'] }, 'retry.codes'],
    [{ attempts: 3 }, 'no option attempts'],
  ])('refuses %j by the name of the option', (options, text) => {
    expect(() => retryPolicy(options as never)).toThrow(text);
  });
});
