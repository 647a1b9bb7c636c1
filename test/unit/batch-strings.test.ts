import { describe, expect, it } from 'vitest';
import { BatchStrings } from '../../lib/addon/batch-strings.ts';

const slab = Buffer.alloc(32);

function batch(...places: [position: number, string: string][]): BatchStrings {
  const strings = new BatchStrings();
  const words = new Int32Array(16);
  places.forEach(([position, string], index) => {
    words.set([position, string.length], index * 2);
  });
  strings.begin(slab, words, [...places.map(([, string]) => string), 'a string of callers'], places.length);
  return strings;
}

/** What is there at each of these positions, for one character. */
function take(strings: BatchStrings, ...positions: number[]): (string | undefined)[] {
  return positions.map((position) => strings.take(slab, position, 1));
}

describe('BatchStrings', () => {
  it('returns each string by its place', () => {
    expect(take(batch([3, 'a'], [10, 'b'], [12, 'c']), 3, 10, 12, 14)).toEqual(['a', 'b', 'c', undefined]);
  });

  it('returns none for another place', () => {
    const none = undefined;
    expect(take(batch([3, 'a'], [10, 'b']), 0, 2, 3, 4, 9, 10)).toEqual([none, none, 'a', none, none, 'b']);
  });

  it('gives none for another buffer or length, whatever is there', () => {
    const strings = batch([3, 'a'], [10, 'b'], [12, 'c']);
    expect(strings.take(Buffer.from(slab), 3, 1)).toBeUndefined();
    expect(strings.take(slab, 3, 2)).toBeUndefined();
    expect(take(strings, 10, 12)).toEqual(['b', 'c']);
  });

  it('passes over those that nobody asked for', () => {
    expect(take(batch([3, 'a'], [10, 'b'], [12, 'c'], [20, 'd']), 12, 19, 20)).toEqual(['c', undefined, 'd']);
  });

  it('does not take what is behind the strings for places', () => {
    expect(take(batch(), 0)).toEqual([undefined]);
    const ended = batch([3, 'a']);
    ended.end();
    expect(take(ended, 3)).toEqual([undefined]);
  });
});
