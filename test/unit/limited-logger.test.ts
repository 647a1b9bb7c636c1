import { expect, it } from 'vitest';
import { limitedLogger } from '../../lib/log/limited-logger.ts';

it('a limited logger writes ten lines a second, and how many it left out', () => {
  const said: string[] = [];
  let now = 0;
  const log = limitedLogger({ warn: (line) => said.push(line), error: () => undefined }, () => now);
  for (let i = 0; i < 25; i++) log.warn(`a${i}`);
  expect(said).toEqual(Array.from({ length: 10 }, (_, i) => `a${i}`));
  now = 1000;
  log.warn('b');
  log.warn('c');
  expect(said.slice(10)).toEqual(['b (15 similar lines left out)', 'c']);
});
