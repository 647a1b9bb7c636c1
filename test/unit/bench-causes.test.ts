import { expect, it } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { Recorder, statusOfCause } from '../../lib/load/recorder.ts';

function countsOf(recorder: Recorder): [string, number, string][] {
  return [...recorder.failures].map(([cause, { count, example }]) => [statusOfCause(cause), count, example]);
}

it('texts that differ in numbers, identifiers and quoted words are one cause; others are causes of their own', () => {
  const recorder = new Recorder(0);
  for (let i = 0; i < 5000; i++) {
    recorder.failure(new RpcError('NOT_FOUND', `no order ${i} of "user${i}" (10.0.0.${i % 200}:${i})`));
    recorder.failure(new RpcError('UNAVAILABLE', 'connection lost'));
    if (i % 2 === 0) recorder.failure(new RpcError('UNAVAILABLE', 'connection refused'));
  }
  recorder.failure(new TypeError('a bug'));
  expect(recorder.failed).toBe(12_501);
  expect(countsOf(recorder)).toEqual([
    ['NOT_FOUND', 5000, 'no order 0 of "user0" (10.0.0.0:0)'],
    ['UNAVAILABLE', 5000, 'connection lost'],
    ['UNAVAILABLE', 2500, 'connection refused'],
    ['INTERNAL', 1, 'TypeError: a bug'],
  ]);
});

it('a server with a word of its own in every text cannot fill the report', () => {
  const recorder = new Recorder(0);
  const word = (i: number): string =>
    i.toString(36).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'.charAt(Number(digit)));
  for (let i = 0; i < 3000; i++) recorder.failure(new RpcError('INTERNAL', `about ${word(i)}`));
  recorder.failure(new RpcError('NOT_FOUND', 'gone'));
  expect(recorder.failures.size).toBeLessThan(30);
  const counts = countsOf(recorder).map(([, count]) => count);
  expect(counts.reduce((sum, count) => sum + count)).toBe(3001);
  expect(countsOf(recorder).filter(([status]) => status === 'NOT_FOUND')).toEqual([['NOT_FOUND', 1, 'gone']]);
});
