import { expect, test } from 'vitest';
import { isGenerated, resolveAddresses } from '../../lib/cli/flame/perf-map.ts';

test('finds the entry an address lies in, its end excluded', () => {
  const names = resolveAddresses(
    '1000 10 JS:*a b.js:1:1\n2000 20 Builtins_X\n',
    [0xfff, 0x1000, 0x100f, 0x1010, 0x2001],
  );
  expect([...names]).toEqual([
    [0x1000, 'JS:*a b.js:1:1'],
    [0x100f, 'JS:*a b.js:1:1'],
    [0x2001, 'Builtins_X'],
  ]);
});

test('where entries overlap the later one holds, as V8 used the place again', () => {
  const names = resolveAddresses('1000 100 JS:~module code\n1040 40 JS:*handler\n', [0x1000, 0x1050, 0x1090]);
  expect([...names.values()]).toEqual(['JS:~module code', 'JS:*handler', 'JS:~module code']);
});

test('a line cut off by a crash or empty is passed over', () => {
  expect([...resolveAddresses('\n1000\nzz 10 x\n1000 10 y\n10', [0x1000])]).toEqual([[0x1000, 'y']]);
});

test('addresses beyond 32 bits, asked for twice', () => {
  expect(resolveAddresses('7ff89e957000 1000 f', [0x7ff89e95789e, 0x7ff89e95789e]).get(0x7ff89e95789e)).toBe(
    'f',
  );
});

test.each([
  ['/tmp/perf-12.map', true],
  ['[unknown]', true],
  ['//anon', true],
  ['/memfd:v8 (deleted)', true],
  ['/usr/bin/node', false],
  ['[vdso]', false],
  ['[kernel.kallsyms]', false],
])('code in %s is generated: %s', (dso, generated) => {
  expect(isGenerated({ address: 1, symbol: 'x', dso })).toBe(generated);
});
