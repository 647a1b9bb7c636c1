import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { documentedNames } from '../../scripts/docs-limits/options.ts';
import { root } from '../support/docs/blocks.ts';

/** Cells of the rows of a document's tables. */
function rowsOf(document: string): string[][] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | '));
}

it('docs/wire-protocol.md has the status of every error code', () => {
  const rows = rowsOf('docs/wire-protocol.md').filter(([codes = '']) => /^1\d{7}\b/.test(codes));
  const told = rows.flatMap(([codes = '', , status]) =>
    codes.split(', ').map((code) => [Number(code), status]),
  );
  expect(told).toEqual(
    Array.from({ length: 13 }, (_, index) => 10_000_000 + index).map((code) => [
      code,
      RpcError.fromWire(code, '').code,
    ]),
  );
});

it('docs/limits.md names options that exist', () => {
  const rows = rowsOf('docs/limits.md').filter(([what, option]) => what !== 'what' && option !== undefined);
  const named = rows.flatMap(([, option = '']) => option.match(/(?<=`)[\w.]+(?=`)/g) ?? []);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !documentedNames().has(name))).toEqual([]);
});
