import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksOf, documents, root } from '../support/docs/blocks.ts';
import { ownFiles, unknownNames } from '../support/docs/file-names.ts';
import { headingsOf, leadsSomewhere, linksOf } from '../support/docs/links.ts';

/** Every document, the decision notes and those at the root included. */
const everyDocument = [
  ...documents(),
  ...readdirSync(join(root, 'docs/decisions')).map((name) => `docs/decisions/${name}`),
  ...['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
];

describe('links of documents', () => {
  it('lead to files and headings that exist', () => {
    const broken = everyDocument.flatMap((document) =>
      linksOf(document)
        .filter((link) => !leadsSomewhere(link))
        .map(({ text }) => `${document}: ${text}`),
    );
    expect(broken).toEqual([]);
  });

  it('are found in prose, not in code', () => {
    const text = '[a](b.md#c) `[x](no.md)` [d](https://x)\n```ts\n[e](no.md)\n```\n[f](#g)\n';
    expect(linksOf('docs/z.md', text)).toEqual([
      { file: 'docs/b.md', heading: 'c', text: 'b.md#c' },
      { file: 'docs/z.md', heading: 'g', text: '#g' },
    ]);
    expect(leadsSomewhere({ file: 'README.md', heading: 'honest-limits', text: '' })).toBe(true);
    expect(leadsSomewhere({ file: 'README.md', heading: 'honest-limit', text: '' })).toBe(false);
    expect(leadsSomewhere({ file: 'docs/nothing.md', heading: '', text: '' })).toBe(false);
  });

  it('of the index lead to every document', () => {
    const linked = new Set(linksOf('docs/README.md').map(({ file }) => file));
    const below = documents().filter((name) => name.startsWith('docs/') && name !== 'docs/README.md');
    expect(below.filter((name) => !linked.has(name))).toEqual([]);
  });
});

describe('names of files', () => {
  const files = ownFiles();
  /** Of C++ rocket, of pino, of V8, and of an example. */
  const others =
    /: (?:net\/coder\/\w+\.cc|common\/\w+\.(?:h|cc)|docs\/api\.md|v8-[\w-]+\.h|\/?app\/server\.ts)$/;

  it('in comments and documents are those of files that exist', () => {
    const texts = files.filter(
      (name) =>
        (/^(?:native|lib|test|bench|scripts)\/.*\.(?:cc|h|ts|mjs)$/.test(name) || name.endsWith('.md')) &&
        name !== 'CHANGELOG.md' &&
        existsSync(join(root, name)),
    );
    const unknown = texts.flatMap((name) =>
      unknownNames(name, readFileSync(join(root, name), 'utf8'), files),
    );
    expect(unknown.filter((found) => !others.test(found))).toEqual([]);
  });

  it('are found in comments, not in code', () => {
    const source =
      '#include "no.h"\n/// See no.h and call.h,\n// lib/no.ts (call.cc), docs/no.md; a.proto\nopen(\'lib/x.ts\');\n';
    const own = ['native/core/rpc/call.h', 'native/core/rpc/call.cc'];
    expect(unknownNames('native/core/rpc/x.h', source, own)).toEqual([
      'native/core/rpc/x.h:2: no.h',
      'native/core/rpc/x.h:3: lib/no.ts',
      'native/core/rpc/x.h:3: docs/no.md',
    ]);
    expect(unknownNames('docs/x.md', 'server.ts and lib/no.ts', own)).toEqual(['docs/x.md:1: lib/no.ts']);
  });
});

describe('README.zh-CN.md', () => {
  const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((name) =>
    readFileSync(join(root, name), 'utf8'),
  );

  it('has the headings of README.md, level by level', () => {
    const levels = (text = ''): (string | undefined)[] =>
      headingsOf(text).map((heading) => heading.split(' ')[0]);
    expect(levels(chinese)).toEqual(levels(english));
  });

  it('has the code of README.md, and describes it the same way', () => {
    const code = (name: string): unknown[] =>
      blocksOf(name).map(({ language, code, directive }) => ({ language, code, directive }));
    expect(code('README.zh-CN.md')).toEqual(code('README.md'));
  });

  it('has the table rows and links of README.md', () => {
    // What stands in backticks and the numbers of each row: the words between them differ.
    const rows = (text = ''): string[][] =>
      (text.match(/^\|.*/gm) ?? []).map((row) => (row.match(/`[^`]+`|\d+/g) ?? []).sort());
    expect(rows(chinese)).toEqual(rows(english));
    const links = (name: string): string[] =>
      linksOf(name)
        .filter(({ file }) => !file.startsWith('README'))
        .map(({ file }) => file)
        .sort();
    expect(links('README.zh-CN.md')).toEqual(links('README.md'));
  });
});
