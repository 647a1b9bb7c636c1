import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readmeWithTable, resultsMarkdown } from './markdown.ts';
import type { Results } from './results.ts';

/** Where the results and what is made of them lie. */
export const resultPaths = {
  json: fileURLToPath(new URL('../results/compare.json', import.meta.url)),
  markdown: fileURLToPath(new URL('../results/compare.md', import.meta.url)),
  /** In both languages, with the same table. */
  readmes: ['README.md', 'README.zh-CN.md'].map((name) =>
    fileURLToPath(new URL(`../../${name}`, import.meta.url)),
  ),
};

/** Throws when nothing was ever written. */
export function readResults(): Results {
  return JSON.parse(readFileSync(resultPaths.json, 'utf8')) as Results;
}

/** Writes the results and everything that is made of them. */
export function writeResults(results: Results): void {
  const digits = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(5)) : value;
  writeFileSync(resultPaths.json, `${JSON.stringify(results, digits, 1)}\n`);
  renderResults(readResults());
}

/** Makes the tables of results/compare.md and of both READMEs. */
export function renderResults(results: Results): void {
  writeFileSync(resultPaths.markdown, resultsMarkdown(results));
  for (const path of resultPaths.readmes)
    writeFileSync(path, readmeWithTable(readFileSync(path, 'utf8'), results));
}
