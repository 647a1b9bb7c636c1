import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { splitDefault } from '../../scripts/docs-limits/documented.ts';
import { optionGroups } from '../../scripts/docs-limits/options.ts';
import { codeDefault, quantity, withOptionTable } from '../../scripts/docs-limits/render.ts';
import { pathOf } from '../../scripts/docs-limits/source.ts';

describe('the table of options', () => {
  const options = optionGroups().flatMap((group) => group.options);

  it('in docs/operations.md is what the code gives (npm run docs:limits)', () => {
    const document = readFileSync(pathOf('docs/operations.md'), 'utf8');
    expect(document).toBe(withOptionTable(document));
  });

  it('describes every option', () => {
    expect(options.filter(({ text }) => text === '').map(({ name }) => name)).toEqual([]);
  });

  it('has the defaults of the code, wherever a comment states one', () => {
    const told = options.filter(
      (option) => option.fallback !== undefined && codeDefault(option) !== undefined,
    );
    expect(told.length).toBeGreaterThan(20);
    const wrong = told.filter(
      (option) => !startsWithQuantity(option.fallback ?? '', codeDefault(option) ?? ''),
    );
    expect(wrong.map((option) => `${option.name}: ${option.fallback}, not ${codeDefault(option)}`)).toEqual(
      [],
    );
  });

  it('has a rule for every option', () => {
    const inner = ['auth.username', 'auth.password'];
    const without = options.filter(({ name, rule }) => rule === undefined && !inner.includes(name));
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});

function startsWithQuantity(text: string, wanted: string): boolean {
  return text.startsWith(wanted) && !/^[\w.,]/.test(text.slice(wanted.length));
}

describe('a comment', () => {
  it('gives up its default', () => {
    expect(splitDefault('Bytes. Default 4 MiB. More.')).toEqual({ text: 'Bytes. More.', fallback: '4 MiB' });
    expect(splitDefault('A host. Default: `127.0.0.1:1`.')).toEqual({
      text: 'A host.',
      fallback: '`127.0.0.1:1`',
    });
    expect(splitDefault('Must be given.')).toEqual({ text: 'Must be given.', fallback: undefined });
  });
});

describe('a quantity', () => {
  it.each([
    ['drainMs', 5000, '5 s'],
    ['drainMs', 0, '0'],
    ['drainMs', 1500, '1500 ms'],
    ['ttlSeconds', 86_400, '1 d'],
    ['maxFrameBytes', 4 << 20, '4 MiB'],
    ['maxFrameBytes', 64, '64 B'],
    ['maxCallsInFlight', 65_536, '65,536'],
  ])('%s %i', (name, value, text) => {
    expect(quantity(name, value)).toBe(text);
  });
});
