import { describe, expect, it } from 'vitest';
import { Ejection, ejectionTable } from '../../lib/balance/ejection.ts';
import { checkedOptions } from '../../lib/contract/option-table.ts';

function fixture(names = 'abcd') {
  let now = 1000;
  const ejection = new Ejection<string>(checkedOptions('ejection', {}, ejectionTable), () => now);
  ejection.update([...names]);
  const fail = (name: string, times: number) => {
    let ejected = false;
    for (let i = 0; i < times; i++) ejected = ejection.onEnd(name, true) || ejected;
    return ejected;
  };
  const ejected = () => [...names].filter((name) => ejection.isEjected(name)).join('');
  return { ejection, fail, ejected, pass: (ms: number) => (now += ms), now: () => now };
}

describe('ejection', () => {
  it('comes with five failures in a row, not with four and a success', () => {
    const { ejection, fail, ejected } = fixture();
    fail('a', 4);
    ejection.onEnd('a', false);
    expect(fail('a', 4)).toBe(false);
    expect(fail('a', 1)).toBe(true);
    expect(ejected()).toBe('a');
  });

  it('comes with half of twenty calls failing within the window', () => {
    const { ejection, ejected } = fixture();
    for (let i = 0; i < 30; i++) ejection.onEnd('a', i % 2 === 0);
    expect(ejected()).toBe('a');
  });

  it('does not come when the failures are spread over a long time', () => {
    const { ejection, ejected, pass } = fixture();
    for (let i = 0; i < 60; i++) {
      ejection.onEnd('a', i % 2 === 0);
      pass(3000);
    }
    expect(ejected()).toBe('');
  });

  it('never leaves out more than half, and the only one never', () => {
    const { fail, ejected } = fixture();
    expect(['a', 'b', 'c', 'd'].map((name) => fail(name, 50))).toEqual([true, true, false, false]);
    expect(ejected()).toBe('ab');
    const alone = fixture('a');
    alone.fail('a', 50);
    expect(alone.ejected()).toBe('');
  });

  it('ends after a second, lasts twice as long each time, up to a minute, and begins anew after a good time', () => {
    const { ejection, fail, ejected, pass, now } = fixture();
    const lengths: number[] = [];
    for (let i = 0; i < 8; i++) {
      fail('a', 5);
      const length = ejection.nextChangeAt()! - now();
      lengths.push(length);
      pass(length - 1);
      expect([ejection.expire(), ejected()]).toEqual([false, 'a']);
      pass(1);
      expect([ejection.expire(), ejected()]).toEqual([true, '']);
    }
    expect(lengths).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    pass(200_000);
    fail('a', 5);
    expect(ejection.nextChangeAt()! - now()).toBe(1000);
  });

  it('takes those back that are nearest to their end when a shorter list would leave out more than half', () => {
    const { ejection, fail, ejected, pass } = fixture();
    fail('b', 5);
    pass(100);
    fail('a', 5);
    expect(ejected()).toBe('ab');
    ejection.update(['a', 'b', 'c']);
    expect(ejected()).toBe('a');
    ejection.update(['a']);
    expect([ejected(), ejection.nextChangeAt()]).toEqual(['', undefined]);
  });

  it('takes no notice of endpoints that are not listed any more', () => {
    const { ejection, fail, ejected } = fixture();
    ejection.update(['b', 'c', 'd']);
    expect(fail('a', 50)).toBe(false);
    expect(fail('b', 5)).toBe(true);
    expect(ejected()).toBe('b');
  });

  it('forgets endpoints that have been removed', () => {
    const { ejection, fail, ejected } = fixture();
    fail('a', 5);
    ejection.update(['b', 'c']);
    ejection.update(['a', 'b', 'c']);
    expect(ejected()).toBe('');
    expect(ejection.nextChangeAt()).toBeUndefined();
  });
});
