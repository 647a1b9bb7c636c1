import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTools } from '../../lib/cli/gen/protobuf-tools.ts';
import { runGen } from '../../lib/cli/gen/run-gen.ts';
import { filesIn, generated, protos, temporaryFolder, writeFiles } from '../support/generated.ts';

/** The message for a.proto with these lines, after its folder. */
function failure(lines: readonly string[], others: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder();
  writeFiles(folder, [['a.proto', lines.join('\n')], ...Object.entries(others)]);
  try {
    generated(path.join(folder, 'a.proto'), { include: [folder] });
  } catch (error) {
    expect(error).toMatchObject({ name: 'GenFailure' });
    return (error as Error).message.replaceAll(`${folder}/`, '');
  }
  throw new Error('it was generated');
}

const proto3 = 'syntax = "proto3";';

describe('a .proto that is wrong is named with its line', () => {
  it.each<[what: string, lines: readonly string[], message: string]>([
    ['a token', [proto3, 'message A {', '  int32 a 1;', '}'], "a.proto:3: illegal token '1', '=' expected"],
    ['an end that is missing', [proto3, 'message A {', '  int32 a = 1;'], 'a.proto:3: illegal end of input'],
    ['an edition', ['// No such year.', 'edition = "1999";'], "a.proto:2: illegal edition '1999'"],
    ['a string', [proto3, '', 'import "b'], 'a.proto:3: illegal string'],
    [
      'a number that is there twice',
      [proto3, 'message A {', '  int32 a = 1;', '  // more', '  int32 b = 1;', '  int32 c = 3;', '}'],
      'a.proto:5: duplicate id 1 in',
    ],
    [
      'a field that is there twice',
      [proto3, 'message A {', '  int32 a = 1;', '  int32 b = 2;', '  int32 a = 3;', '}'],
      "a.proto:5: duplicate name 'a' in",
    ],
    [
      'a message that is there twice',
      [proto3, 'message A {}', 'message B {}', 'message A {', '}'],
      "a.proto:4: duplicate name 'A' in",
    ],
    [
      'a reserved number',
      [proto3, 'message A {', '  reserved 2;', '  int32 a = 1;', '  int32 b = 2;', '}'],
      'a.proto:5: id 2 is reserved in',
    ],
    [
      'the type of a field',
      [proto3, 'message A {', '  // Bee b = 1;', '  /* Bee b = 1; */ int32 c = 2;', '  Bee b = 1;', '}'],
      'a.proto:5: no such Type or Enum',
    ],
    [
      'the type of a field, by its name in the .proto',
      [proto3, 'message A {', '  map<string, Bee>', '    bee_by_name = 1;', '}'],
      'a.proto:4: no such Type or Enum',
    ],
    [
      'the request of a method',
      [proto3, 'message A {}', 'service S {', '  rpc One(A) returns (A);', '  rpc Two(B) returns (A);', '}'],
      'a.proto:5: no such type: B',
    ],
    [
      'an extension of nothing',
      [proto3, 'message A {}', 'extend Bee {', '  string b = 1;', '}'],
      'a.proto:3: no such message: Bee',
    ],
    [
      'an import',
      [
        proto3,
        'import "google/protobuf/timestamp.proto";',
        '// import "nowhere.proto";',
        'import "nowhere.proto";',
      ],
      'a.proto:4: import "nowhere.proto" is not found',
    ],
    [
      'methods of one name',
      [proto3, 'message A {}', 'service S {', '  rpc one(A) returns (A);', '  rpc One(A) returns (A);', '}'],
      'a.proto:5: two methods of S would be one()',
    ],
  ])('%s', (_, lines, message) => {
    expect(failure(lines)).toMatch(new RegExp(`^${message.replace(/[().*+?]/g, '\\$&')}`));
  });

  it('also when it is imported', () => {
    const other = [proto3, 'message B {', '  Sea c = 1;', '}'].join('\n');
    expect(failure([proto3, 'import "b/b.proto";'], { 'b/b.proto': other })).toMatch(
      /^b\/b\.proto:3: no such/,
    );
  });

  it('files that import each other, at the import', () => {
    const other = [proto3, '', 'import "a.proto";'].join('\n');
    expect(failure([proto3, 'import "b.proto";'], { 'b.proto': other })).toBe(
      'b.proto:3: these files import each other',
    );
  });

  it('a file that no folder gives a name, with what helps', () => {
    const folder = temporaryFolder();
    writeFiles(folder, [
      ['a/a.proto', `${proto3}\n\nimport "../b/b.proto";`],
      ['b/b.proto', proto3],
    ]);
    const generate = (include: string[]) => generated(path.join(folder, 'a/a.proto'), { include });
    expect(() => generate([])).toThrow(/a\/a\.proto:3: .*b\/b\.proto is outside of .*; --include a folder/);
    expect([...generate([folder]).keys()]).toEqual(['a/a.js', 'a/a.d.ts']);
  });

  it('a file that is not there', () => {
    expect(() => generated('nowhere.proto')).toThrow(/^nowhere\.proto: no such file in \/\S+$/);
    expect(() => generated(protos)).toThrow('no such file');
  });
});

it('nothing is written when one of the files is wrong', () => {
  const folder = temporaryFolder();
  writeFiles(folder, [
    ['a.proto', `${proto3} message A {}`],
    ['b.proto', `${proto3} message B { Sea c = 1; }`],
  ]);
  const out = path.join(folder, 'gen');
  const options = { out, include: [folder], int64: 'bigint', keepCase: false, dates: false } as const;
  expect(() => runGen([path.join(folder, 'a.proto'), path.join(folder, 'b.proto')], options)).toThrow(
    'b.proto:1',
  );
  expect([...filesIn(folder).keys()]).toEqual(['a.proto', 'b.proto']);
});

it('a project without protobufjs-cli hears what to install', () => {
  const folder = temporaryFolder();
  expect(() => loadTools([path.join(folder, 'package.json'), path.join(folder, 'a.js')])).toThrow(
    /^rocket gen needs protobufjs-cli: npm install --save-dev protobufjs-cli$/,
  );
});

it('a project with a protobufjs-cli for another protobufjs hears what to install', () => {
  const folder = temporaryFolder();
  writeFiles(folder, [
    ['node_modules/protobufjs-cli/package.json', '{ "name": "protobufjs-cli", "version": "1.1.3" }'],
    ['node_modules/protobufjs-cli/pbjs.js', ''],
  ]);
  expect(() => loadTools([path.join(folder, 'package.json')])).toThrow(
    /^rocket gen needs protobufjs-cli 2, not 1\.1\.3: npm install --save-dev protobufjs-cli@2$/,
  );
});
