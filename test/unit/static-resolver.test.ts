import { afterEach, expect, it, vi } from 'vitest';
import { parseTarget } from '../../lib/contract/target.ts';
import { StaticResolver } from '../../lib/discovery/static-resolver.ts';
import type { Endpoint } from '../../lib/index.ts';
import { Recorder } from '../support/recorder.ts';
import { Changes } from '../support/waits.ts';

afterEach(() => {
  vi.useRealTimers();
});

function listening(target: string) {
  const changes = new Changes();
  const lists: (readonly Endpoint[])[] = [];
  const errors: Error[] = [];
  const resolver = new StaticResolver(parseTarget(target).endpoints);
  resolver.start({
    onEndpoints: (endpoints) => {
      lists.push(endpoints);
      changes.notify();
    },
    onError: (error) => {
      errors.push(error);
      changes.notify();
    },
  });
  const wait = { deadlineMs: 5000, what: 'the resolver to speak' };
  const spoken = (times: number) =>
    changes.until(() => (lists.length + errors.length >= times ? true : undefined), wait);
  return { resolver, lists, errors, spoken };
}

it('numeric addresses are known at once, and never looked up again', () => {
  const { resolver, lists } = listening('static:///10.0.0.1:1,[::1]:2');
  resolver.refresh();
  expect(lists).toEqual([
    [
      { name: '10.0.0.1:1', addresses: ['10.0.0.1:1'] },
      { name: '[::1]:2', addresses: ['[::1]:2'] },
    ],
  ]);
});

it('names are looked up, and again on refresh', async () => {
  const { resolver, lists, spoken } = listening('static:///localhost:7,10.0.0.1:8');
  expect(lists).toEqual([]);
  await spoken(1);
  expect(lists[0]?.map(({ name }) => name)).toEqual(['localhost:7', '10.0.0.1:8']);
  expect(lists[0]?.[0]?.addresses).toContain('127.0.0.1:7');
  resolver.refresh();
  resolver.refresh();
  await spoken(2);
  expect(lists).toHaveLength(2);
  resolver.close();
});

it('a name that is not there is an error, or left out when others are', async () => {
  const alone = listening('no-such-host.invalid:1');
  await alone.spoken(1);
  expect(alone.errors[0]?.message).toContain('no-such-host.invalid');
  const among = listening('static:///no-such-host.invalid:1,10.0.0.1:8');
  await among.spoken(1);
  expect(among.lists).toEqual([[{ name: '10.0.0.1:8', addresses: ['10.0.0.1:8'] }]]);
});

it('reports nothing after close()', async () => {
  const { resolver, lists, errors } = listening('localhost:1');
  resolver.close();
  resolver.refresh();
  const other = listening('localhost:2');
  await other.spoken(1);
  expect([lists, errors]).toEqual([[], []]);
});

it('a name keeps its addresses when a lookup fails, and is looked up again by itself', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const answers: Record<string, (string | Error)[]> = {
    one: ['10.0.0.1:1', new Error('SERVFAIL'), new Error('SERVFAIL'), '10.0.0.3:1'],
    two: [new Error('SERVFAIL'), '10.0.0.2:1'],
  };
  let asked = 0;
  const { endpoints } = parseTarget('static:///one:1,two:1');
  const resolver = new StaticResolver(endpoints, async (host) => {
    asked++;
    const answer = answers[host]!.length > 1 ? answers[host]!.shift()! : answers[host]![0]!;
    if (answer instanceof Error) throw answer;
    return [answer];
  });
  const seen = new Recorder();
  const addresses = () => seen.endpoints.map(({ addresses: each }) => each.join()).join(' ');
  resolver.start(seen);
  await vi.advanceTimersByTimeAsync(0);
  expect([addresses(), seen.names]).toEqual(['10.0.0.1:1', 'one:1']);
  await vi.advanceTimersByTimeAsync(2000);
  expect([addresses(), asked]).toEqual(['10.0.0.1:1 10.0.0.2:1', 4]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect([addresses(), asked]).toEqual(['10.0.0.3:1 10.0.0.2:1', 8]);
  // All of them are known now, so nothing is asked until somebody wants it.
  await vi.advanceTimersByTimeAsync(300_000);
  expect([asked, seen.errors]).toEqual([8, []]);
  resolver.refresh();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toBe(10);
  resolver.close();
});
