import { beforeAll, describe, expect, it } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { type Block, blocksOf, documents } from '../support/docs/blocks.ts';
import { checkBlock } from '../support/docs/check-block.ts';
import { checkTypescript } from '../support/docs/check-typescript.ts';
import { runBlock } from '../support/docs/run-block.ts';

/** Every block of README*.md and docs; CONTRIBUTING.md says what is done with which. */
const blocks = documents().flatMap(blocksOf);
const checked = blocks.filter(({ directive }) => directive.kind !== 'skip');
const typescript = checked.filter(({ language }) => language === 'ts');

/** The block that shows what this one prints. */
function outputOf(block: Block): Block | undefined {
  const next = blocks[blocks.indexOf(block) + 1];
  return next?.file === block.file && next.directive.kind === 'output' ? next : undefined;
}

beforeAll(builtPackage, 60_000);

describe('code in documents', () => {
  it('compiles against the types of the package', { timeout: 60_000 }, () => {
    expect(typescript.length).toBeGreaterThan(0);
    expect(checkTypescript(typescript)).toEqual([]);
  });

  it('in other languages parses, and names commands and options that exist', { timeout: 60_000 }, () => {
    expect(checked.filter((block) => block.language !== 'ts').flatMap(checkBlock)).toEqual([]);
  });

  for (const block of typescript.filter(({ directive }) => directive.kind === 'run')) {
    it(`runs: ${block.file}:${block.line}`, async () => {
      const printed = await runBlock(block);
      const shown = outputOf(block);
      if (shown !== undefined) expect(printed).toBe(shown.code);
    });
  }

  it('is seldom left unchecked', () => {
    const skipped = blocks.filter(({ directive }) => directive.kind === 'skip');
    expect(skipped.length).toBeLessThanOrEqual(blocks.length / 20);
  });
});
