import type { CallOptions } from '../../lib/index.ts';

/** Types that are right for an option of a call, by the names of wrongTypes. */
export const rightForCall: Readonly<Record<keyof CallOptions, readonly string[]>> = {
  timeoutMs: ['a number'],
  signal: [],
  metadata: [
    'an array',
    'an array of another realm',
    'a Map',
    'an object of nothing known',
    'an object of nothing known, frozen',
    'an object of nothing known, of another realm',
  ],
  waitForReady: ['true', 'false'],
  parent: [],
  onHeaders: ['a function', 'a class', 'an async function'],
  onTrailers: ['a function', 'a class', 'an async function'],
  onMetadata: ['a function', 'a class', 'an async function'],
  compression: [],
  balanceKey: ['a string', 'the empty string', 'a blank string', 'a number as a string'],
  retry: ['false'],
  credentials: ['false'],
};
