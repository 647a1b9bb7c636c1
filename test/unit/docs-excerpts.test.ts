import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

interface Excerpt {
  readonly where: string;
  readonly file: string | undefined;
  /** What stands between lines that are only `// …`. */
  readonly parts: readonly string[];
}

const normalised = (text: string): string => text.trim().replace(/\s+/g, ' ');

/** The C++ blocks of a text: the first line is a comment that names the file they are taken from. */
function excerptsOf(name: string, text: string): Excerpt[] {
  return [...text.matchAll(/^```cpp\n(.*?)^```$/gms)].map(([, block = ''], index) => {
    const [first = '', ...lines] = block.split('\n');
    return {
      where: `${name}, C++ block ${index + 1}`,
      file: /^\/\/ (\S+)$/.exec(first)?.[1],
      parts: lines
        .join('\n')
        .split(/^\s*\/\/ …$/m)
        .map(normalised),
    };
  });
}

/** What is wrong with an excerpt, given the text of the file it names; undefined when nothing is. */
function problem({ file, parts }: Excerpt, read: (file: string) => string | undefined): string | undefined {
  if (file === undefined) return 'names no file on its first line';
  const source = read(file);
  if (source === undefined) return `names ${file}, which is not there`;
  const whole = normalised(source);
  let from = 0;
  for (const part of parts) {
    const at = part === '' ? -1 : whole.indexOf(part, from);
    if (at < 0) return `is not what ${file} has: ${part || '(nothing)'}`;
    from = at + part.length;
  }
  return undefined;
}

function readSource(file: string): string | undefined {
  const full = path.join(root, file);
  return existsSync(full) ? readFileSync(full, 'utf8') : undefined;
}

const texts = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const excerpts = ['README.md', 'ARCHITECTURE.md', ...texts].flatMap((name) =>
  excerptsOf(name, readFileSync(path.join(root, name), 'utf8')),
);

describe('C++ that the documentation quotes', () => {
  it('is there', () => {
    expect(excerpts.length).toBeGreaterThan(5);
  });

  it.each(excerpts.map((excerpt) => [excerpt.where, excerpt] as const))('%s', (_where, excerpt) => {
    expect(problem(excerpt, readSource)).toBeUndefined();
  });

  it('would be missed: another word, another order, another file, no file', () => {
    const source = 'int a = 1;\nint b = 2;\n';
    const check = (block: string): string | undefined => {
      const [excerpt] = excerptsOf('x.md', `\`\`\`cpp\n${block}\`\`\`\n`);
      return problem(excerpt!, (file) => (file === 'a.cc' ? source : undefined));
    };
    expect(check('// a.cc\nint  a = 1;\n')).toBeUndefined();
    expect(check('// a.cc\nint a = 1;\n// …\nint b = 2;\n')).toBeUndefined();
    expect(check('// a.cc\nint a = 2;\n')).toContain('is not what a.cc has');
    expect(check('// a.cc\nint b = 2;\n// …\nint a = 1;\n')).toContain('is not what a.cc has: int a');
    expect(check('// b.cc\nint a = 1;\n')).toContain('which is not there');
    expect(check('int a = 1;\n')).toBe('names no file on its first line');
  });
});
