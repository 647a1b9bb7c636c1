import { describe, expect, it } from 'vitest';
import { SettlingList } from '../../lib/discovery/etcd/settling-list.ts';

const graceMs = 10_000;
const doubtAfterMs = 4500;
const endpoint = (name: string) => ({ name, addresses: [name] });
const endpoints = (names: string) => [...names].map(endpoint);

function fixture(remembered = '') {
  const list = new SettlingList(graceMs, doubtAfterMs, endpoints(remembered));
  const names = () =>
    list
      .endpoints()
      .map(({ name }) => name)
      .sort()
      .join('');
  return { list, names };
}

describe('the list of instances that clients use', () => {
  it('believes a healthy etcd at once', () => {
    const { list, names } = fixture();
    list.replace(endpoints('abc'), 0);
    list.heard(1000);
    list.remove('a', 1000);
    expect([names(), list.settlesAt]).toEqual(['bc', undefined]);
    list.replace(endpoints('b'), 2000);
    expect([names(), list.settlesAt]).toEqual(['b', undefined]);
  });

  it('holds back what is missing after a silence, until it has settled', () => {
    const { list, names } = fixture();
    list.replace(endpoints('abc'), 0);
    list.replace(endpoints('a'), 20_000);
    expect([names(), list.settlesAt]).toEqual(['abc', 30_000]);
    list.heard(24_000);
    list.replace(endpoints('ab'), 28_000);
    expect(names()).toBe('abc');
    list.replace(endpoints('ab'), 30_000);
    expect([names(), list.settlesAt]).toEqual(['ab', undefined]);
  });

  it('holds back what was remembered before its first list, for whatever reason it is missing', () => {
    const { list, names } = fixture('abc');
    expect(names()).toBe('abc');
    list.replace(endpoints('a'), 500);
    expect([names(), list.settlesAt]).toEqual(['abc', 10_500]);
    list.heard(4000);
    list.heard(7000);
    list.put(endpoint('b'));
    list.replace(endpoints('ab'), 10_500);
    expect([names(), list.settlesAt]).toEqual(['ab', undefined]);
  });

  it('does not believe an empty list the first time', () => {
    const { list, names } = fixture();
    list.replace(endpoints('ab'), 0);
    list.replace([], 1000);
    expect([names(), list.settlesAt]).toEqual(['ab', 11_000]);
    list.heard(5000);
    list.heard(9000);
    list.replace([], 11_000);
    expect(names()).toBe('');
  });

  it('keeps the last instance for a moment when it disappears, until a second lookup confirms it', () => {
    const { list, names } = fixture();
    list.replace(endpoints('ab'), 0);
    list.heard(1000);
    list.remove('a', 1000);
    list.remove('b', 1000);
    expect([names(), list.settlesAt]).toEqual(['b', 1500]);
    // Another comes within that moment.
    list.put(endpoint('c'));
    expect([names(), list.settlesAt]).toEqual(['c', undefined]);
    // However often it goes and comes again, and whenever the list is read.
    for (let now = 2000; now < 4000; now += 100) {
      list.remove('c', now);
      list.replace([], now + 10);
      expect([names(), list.settlesAt]).toEqual(['c', now + 500]);
      list.put(endpoint('c'));
    }
    list.remove('c', 4000);
    list.replace([], 4500);
    expect([names(), list.settlesAt]).toEqual(['', undefined]);
  });
});
