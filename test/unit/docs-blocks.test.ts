import { describe, expect, it } from 'vitest';
import { type Block, parseBlocks } from '../support/docs/blocks.ts';
import { checkBlock } from '../support/docs/check-block.ts';
import { commandsOf } from '../support/docs/check-shell.ts';
import { checkTypescript } from '../support/docs/check-typescript.ts';

function block(language: string, code: string): Block {
  return { file: 'a.md', line: 10, language, code: `${code}\n`, directive: { kind: 'check' } };
}

describe('blocks of a document', () => {
  it('have language, line and code; indented ones without their indent', () => {
    const text = ['text', '```ts', 'a;', '```', '- item', '  ```', '  b', '    c', '  ```', ''].join('\n');
    expect(parseBlocks('a.md', text)).toEqual([
      { file: 'a.md', line: 2, language: 'ts', code: 'a;\n', directive: { kind: 'check' } },
      { file: 'a.md', line: 6, language: '', code: 'b\n  c\n', directive: { kind: 'check' } },
    ]);
  });

  it('obey the comment directly before them', () => {
    const directive = (comment: string): unknown =>
      parseBlocks('a.md', `${comment}\n\n\`\`\`ts\n\`\`\`\n`)[0]?.directive;
    expect(directive('<!-- run -->')).toEqual({ kind: 'run' });
    expect(directive('<!-- code: output -->')).toEqual({ kind: 'output' });
    expect(directive('<!-- code: file=server.ts -->')).toEqual({ kind: 'file', path: 'server.ts' });
    expect(directive('<!-- code: in=examples/hello -->')).toEqual({ kind: 'in', folder: 'examples/hello' });
    expect(directive('<!-- code: skip of the peer -->')).toEqual({ kind: 'skip', reason: 'of the peer' });
    expect(directive('<!-- run -->\nsome text')).toEqual({ kind: 'check' });
    expect(() => directive('<!-- code: skip -->')).toThrow('is none of');
  });

  it('that are not closed are reported', () => {
    expect(() => parseBlocks('a.md', '```ts\n')).toThrow('a.md:1 this block is not closed');
  });
});

describe('ts blocks', () => {
  it('that are wrong are reported with their line, whether complete or excerpts', { timeout: 30_000 }, () => {
    const problems = checkTypescript([
      block('ts', "import { Channel } from 'rocket-rpc';\n\nnew Channel('a:1', { ballancer: 1 });"),
      block('ts', "await orders.makeOrder({ price: 'dear' });"),
      block('ts', "throw new RpcError('NOT_FOUND', 'excerpts need no import');"),
      block('ts', "import { Channel } from 'rocket-rpc';\nthrow new RpcError('NOT_FOUND', 'others do');"),
      block('ts', 'const a: = 1;'),
    ]);
    expect(problems).toEqual([
      expect.stringMatching(/^a\.md:13 .*ballancer/),
      expect.stringMatching(/^a\.md:11 .*string.*number/),
      expect.stringMatching(/^a\.md:12 Cannot find name 'RpcError'/),
      'a.md:11 Type expected.',
    ]);
  });
});

describe('sh blocks', () => {
  it('are taken apart', () => {
    expect(commandsOf("A=1 npx rocket bench -t 10 | jq '.calls' # of all")).toEqual([
      ['npx', 'rocket', 'bench', '-t', '10'],
      ['jq', '.calls'],
    ]);
    expect(commandsOf('scripts/setup.sh && npm test; x#y')).toEqual([
      ['scripts/setup.sh'],
      ['npm', 'test'],
      ['x#y'],
    ]);
    expect(commandsOf('# nothing')).toEqual([]);
  });

  it('may only name what there is', { timeout: 30_000 }, () => {
    const lines = [
      'npx rocket bench --qqs 5 -z 1',
      'npx rocket bench -t 10 \\',
      '  --jason x',
      'rocket bounce',
      'npm run bunch',
      'scripts/set-up.sh',
      'npm run bench:compare -- --quick && npx rocket flame --seconds 10 -- node --whatever server.js',
    ];
    expect(checkBlock(block('sh', lines.join('\n')))).toEqual([
      'a.md:11 rocket bench has no option --qqs',
      'a.md:12 rocket bench has no option --jason',
      'a.md:13 there is no command rocket bounce',
      'a.md:14 package.json has no script bunch',
      'a.md:15 there is no scripts/set-up.sh',
    ]);
  });
});

describe('other blocks', () => {
  it('must parse', () => {
    expect(checkBlock(block('proto', 'syntax = "proto3"; message A { string a = 1 }'))).toHaveLength(1);
    expect(checkBlock(block('json', '{ a: 1 }'))).toHaveLength(1);
    expect(checkBlock(block('js', 'a b;'))).toHaveLength(1);
    expect(checkBlock(block('typescript', ''))).toEqual([expect.stringContaining('typescript: blocks are')]);
    for (const [language, code] of [
      ['proto', 'syntax = "proto3"; message A { string a = 1; }'],
      ['json', '{ "a": 1 }'],
      ['js', 'const a = 1;'],
      ['text', '{{{'],
    ] as const)
      expect(checkBlock(block(language, code))).toEqual([]);
  });
});
