import { describe, expect, it } from 'vitest';
import { BatchStrings } from '../../lib/addon/batch-strings.ts';

function batch(...places: [position: number, string: string][]): BatchStrings {
  const strings = new BatchStrings();
  const words = new Int32Array(16);
  places.forEach(([position, string], index) => {
    words.set([position, string.length], index * 2);
  });
  strings.begin(
    words,
    places.map(([, string]) => string),
  );
  return strings;
}

describe('BatchStrings', () => {
  it('gives each string to who asks for its place', () => {
    const strings = batch([3, 'a'], [10, 'b'], [12, 'c']);
    expect([3, 10, 12].map((position) => strings.take(position))).toEqual(['a', 'b', 'c']);
    expect(strings.take(14)).toBeUndefined();
  });

  it('gives none to who asks for another place', () => {
    const strings = batch([3, 'a'], [10, 'b']);
    expect([0, 2, 3, 4, 9, 10].map((position) => strings.take(position))).toEqual([
      undefined,
      undefined,
      'a',
      undefined,
      undefined,
      'b',
    ]);
  });

  it('passes over those that nobody asked for', () => {
    const strings = batch([3, 'a'], [10, 'b'], [12, 'c'], [20, 'd']);
    expect(strings.take(12)).toBe('c');
    expect(strings.take(19)).toBeUndefined();
    expect(strings.take(20)).toBe('d');
  });

  it('does not take what is behind the strings for places', () => {
    const strings = batch();
    expect(strings.take(0)).toBeUndefined();
    const ended = batch([3, 'a']);
    ended.end();
    expect(ended.take(3)).toBeUndefined();
  });
});
