import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProto } from '../../lib/index.ts';
import { generated, temporaryFolder, writeFiles } from '../support/generated.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

/** a.proto and its neighbours in a folder of their own. */
function folderOf(files: Files): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** How loadProto and rocket gen refuse a.proto, which must be in the same words; undefined when they take it. */
function refusal(files: Files): string | undefined {
  const folder = folderOf(files);
  const file = path.join(folder, 'a.proto');
  const [loaded, made] = [() => loadProto(file), () => generated(file, { include: [] })].map((use) => {
    try {
      use();
      return undefined;
    } catch (error) {
      return (error as Error).message.replaceAll(`${folder}/`, '');
    }
  });
  expect(loaded).toBe(made);
  return loaded;
}

const proto3 = 'syntax = "proto3";';
const message = (...lines: string[]) => [proto3, 'message A {', ...lines, '}'].join('\n');

describe('what is no .proto, or breaks a rule, is refused with file and line', () => {
  it.each<[what: string, source: string | Uint8Array, refusal: string]>([
    ['a syntax that is none', '\nsyntax = "proto4";', "a.proto:2: illegal syntax 'proto4'"],
    ['an edition of the future', 'edition = "2099";', "a.proto:1: illegal edition '2099'"],
    ['syntax after something else', 'package a;\nsyntax = "proto3";', "a.proto:2: illegal token 'syntax'"],
    ['two packages', `${proto3}\npackage a;\npackage b;`, 'a.proto:3: a second package'],
    ['garbage at the end', `${proto3}\nmessage A {}\n}`, "a.proto:3: illegal token '}'"],
    ['a word at the end', `${proto3}\nmessage A {}\nend`, "a.proto:3: illegal token 'end'"],
    ['a comment that does not end', `${proto3}\n/* A\nB`, 'a.proto:2: illegal comment'],
    ['a string that does not end', `${proto3}\noption x = "a;\n`, 'a.proto:2: illegal string'],
    ['a binary file', Buffer.from([0x0a, 0x00, 0x01, 0x02]), 'a.proto:2: illegal character "\\u0000"'],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(`${proto3}\n// `), Buffer.of(0xff)]),
      'a.proto:2: not UTF-8',
    ],
    ['JSON', '{ "nested": {} }', "a.proto:1: illegal token '{'"],
    ['number 0', message('int32 a = 0;'), 'a.proto:3: illegal id 0 of a'],
    ['a negative number', message('int32 a = -1;'), 'a.proto:3: illegal id -1 of a'],
    ['a huge number', message('int32 a = 536870912;'), 'a.proto:3: illegal id 536870912 of a'],
    ['a number of no integer', message('int32 a = 1.5;'), "a.proto:3: illegal token '1.5'"],
    ["a number of protobuf's own", message('int32 a = 19500;'), 'a.proto:3: illegal id 19500 of a'],
    [
      'a number in a reserved range',
      message('reserved 2 to max;', 'int32 a = 7;'),
      'a.proto:4: id 7 is reserved',
    ],
    [
      'a reserved name',
      message('reserved "old_name";', 'int32 old_name = 7;'),
      "a.proto:4: name 'old_name' is reserved",
    ],
    [
      'names that are one in JavaScript',
      message('int32 foo_bar = 1;', 'int32 fooBar = 2;'),
      "a.proto:4: duplicate name 'fooBar' in message A",
    ],
    [
      'a oneof of the name of a field',
      message('int32 a = 1;', 'oneof a { int32 b = 2; }'),
      "a.proto:4: duplicate name 'a' in message A",
    ],
    ['a oneof without fields', message('oneof a {}'), 'a.proto:3: oneof a has no fields'],
    [
      'a repeated field in a oneof',
      message('oneof a { repeated int32 b = 2; }'),
      "a.proto:3: illegal token 'b'",
    ],
    ['a map in a oneof', message('oneof a { map<int32, int32> b = 2; }'), "a.proto:3: illegal token '<'"],
    ['a map with floats as keys', message('map<float, int32> a = 1;'), "a.proto:3: illegal type 'float'"],
    ['a map with messages as keys', message('map<A, int32> a = 1;'), "a.proto:3: illegal type 'A'"],
    ['a map of maps', message('map<int32, map<int32, int32>> a = 1;'), "a.proto:3: illegal token '<'"],
    ['a list of maps', message('repeated map<int32, int32> a = 1;'), "a.proto:3: illegal token '<'"],
    ['required in proto3', message('required int32 a = 1;'), "a.proto:3: illegal token 'required'"],
    [
      'a default in proto3',
      message('int32 a = 1 [default = 2];'),
      'a.proto:3: a: proto3 has no default values',
    ],
    ['a group in proto3', message('optional group B = 1 {}'), 'a.proto:3: proto3 has no groups'],
    ['no label in proto2', 'message A {\n int32 a = 1;\n}', 'a.proto:2: a needs a label'],
    [
      'optional in an edition',
      'edition = "2023";\nmessage A {\n optional int32 a = 1;\n}',
      "a.proto:3: illegal token 'optional'",
    ],
    [
      'a feature that is not known',
      'edition = "2023";\noption features.speed = FAST;',
      'a.proto:2: features.speed is not supported',
    ],
    [
      'a value of a feature that is not known',
      'edition = "2023";\noption features.enum_type = AJAR;',
      'a.proto:2: features.enum_type = AJAR: OPEN or CLOSED',
    ],
    [
      'a feature in proto3',
      `${proto3}\noption features.enum_type = OPEN;`,
      'a.proto:2: features.enum_type: proto3 has no',
    ],
    ['an enum without values', `${proto3}\nenum E {}`, 'a.proto:2: enum E has no values'],
    [
      'an enum without 0 in proto3',
      `${proto3}\nenum E {\n A = 1;\n}`,
      'a.proto:3: the first value of enum E must be 0',
    ],
    [
      'an alias that may not be',
      `${proto3}\nenum E {\n A = 0;\n B = 0;\n}`,
      'a.proto:4: duplicate id 0 in enum E',
    ],
    [
      'a value that is there twice',
      `${proto3}\nenum E {\n A = 0;\n A = 1;\n}`,
      "a.proto:4: duplicate name 'A' in enum E",
    ],
    [
      'a value of 33 bits',
      `${proto3}\nenum E {\n A = 0;\n B = 2147483648;\n}`,
      'a.proto:4: illegal id 2147483648 of B',
    ],
    [
      'a reserved value',
      `${proto3}\nenum E {\n reserved -5 to -3;\n A = 0;\n B = -4;\n}`,
      'a.proto:5: id -4 is reserved',
    ],
    [
      'a default that is no value',
      'enum E { A = 0; }\nmessage B {\n optional E e = 1 [default = Z];\n}',
      'a.proto:3: no such value of E: Z',
    ],
    [
      'a type that is a service',
      `${proto3}\nservice S {}\nmessage A {\n S s = 1;\n}`,
      "a.proto:4: no such Type or Enum 'S'",
    ],
    [
      'a type of another scope',
      `${proto3}\nmessage A { message B {} }\nmessage C {\n B b = 1;\n}`,
      "a.proto:4: no such Type or Enum 'B'",
    ],
    [
      'a request that is an enum',
      `${proto3}\nenum E { A = 0; }\nservice S {\n rpc P(E) returns (E);\n}`,
      'a.proto:4: E is an enum',
    ],
    [
      'a method that is there twice',
      `${proto3}\nmessage A {}\nservice S {\n rpc P(A) returns (A);\n rpc P(A) returns (A);\n}`,
      'a.proto:5: two methods of S would be p()',
    ],
    ['a stream as a field', message('stream A a = 1;'), "a.proto:3: illegal token 'a', '=' expected"],
    [
      'a service of the name of a message',
      `${proto3}\nmessage A {}\nservice A {}`,
      "a.proto:3: duplicate name 'A'",
    ],
    [
      'a message of the name of a package',
      `${proto3}\npackage a.b;\nimport "b.proto";`,
      "b.proto:1: duplicate name 'b' in a",
    ],
    [
      'a type that is declared in two files',
      `${proto3}\npackage a;\nmessage b {}\nimport "b.proto";`,
      "b.proto:1: duplicate name 'b' in a",
    ],
    [
      'an import that is missing',
      `${proto3}\nimport weak "no.proto";`,
      'a.proto:2: import "no.proto" is not found',
    ],
    ['an import of itself', `${proto3}\nimport "a.proto";`, 'a.proto:2: these files import each other'],
    [
      'files that import each other',
      `${proto3}\nimport "c.proto";`,
      'c.proto:2: these files import each other',
    ],
    [
      'nesting without end',
      `${proto3}\n${'message A {'.repeat(500)}${'}'.repeat(500)}`,
      'a.proto:2: messages are nested',
    ],
  ])('%s', (_, source, text) => {
    const refused = refusal({
      'a.proto': source,
      'b.proto': 'syntax = "proto3"; package a; message b {}',
      'c.proto': `${proto3}\nimport public "a.proto";`,
    });
    expect(refused?.slice(0, text.length)).toBe(text);
  });

  it.each(['package', 'message', 'enum', 'value', 'service', 'method'])(
    'a %s that is called __proto__',
    (what) => {
      const name = (position: string) => (what === position ? '__proto__' : 'Fine');
      const source = [
        proto3,
        `package a.${name('package')};`,
        `message ${name('message')} {}`,
        `enum ${what === 'enum' ? '__proto__' : 'E'} { ${name('value')} = 0; }`,
        `service ${what === 'service' ? '__proto__' : 'S'} {`,
        `rpc ${name('method')}(${name('message')}) returns (${name('message')}); }`,
      ].join('\n');
      expect(refusal({ 'a.proto': source })).toMatch(/^a\.proto:\d: nothing can be called __proto__/);
    },
  );

  it('a folder, and a file that is not there', () => {
    expect(() => loadProto('/tmp')).toThrow('/tmp: no such file, but a folder');
    expect(() => loadProto('/nowhere/a.proto')).toThrow('/nowhere/a.proto: no such file');
  });
});

/** The services of a .proto, and their methods: as loadProto gives them. */
function services(files: Files): Readonly<Record<string, readonly string[]>> {
  expect(refusal(files)).toBeUndefined();
  const loaded = loadProto(path.join(folderOf(files), 'a.proto'));
  return Object.fromEntries(Object.values(loaded).map(({ name, methods }) => [name, Object.keys(methods)]));
}

describe('what is a .proto is read whole', () => {
  it.each<[what: string, source: string]>([
    [
      'a reserved name of an edition',
      'edition = "2023"; package d; message A { string a = 1; reserved old_name, other; } message B { string b = 1; } service S { rpc Put(A) returns (B); }',
    ],
    ['a byte order mark', `\ufeff${proto3} package d; message A {} service S { rpc Put(A) returns (A); }`],
    [
      'lines that end in CRLF',
      [proto3, 'package d; // x', 'message A {', '}', 'service S {', 'rpc Put(A) returns (A);', '}'].join(
        '\r\n',
      ),
    ],
    [
      'a comment without an end of line',
      `${proto3} package d; message A {} service S { rpc Put(A) returns (A); } // end`,
    ],
    [
      'strings that look like comments',
      `${proto3} package d; option x = "/* // */"; option y = '"'; message A {} service S { rpc Put(A) returns (A); }`,
    ],
    [
      'extra semicolons',
      `${proto3};; package d;; message A { ; }; service S { ; rpc Put(A) returns (A) { ; }; };`,
    ],
    [
      'options of every form',
      `${proto3} package d; option (a.b).c = { x: 1 y { z: [ "}", '{' ] } }; message A { int32 a = 1 [(x) = 1, json_name = "b", deprecated = true]; } service S { option (o) = -1.5e3; rpc Put(A) returns (A) { option (http) = { get: "/{x}" }; } }`,
    ],
    [
      'groups and extensions of proto2',
      'package d; message A { optional group B = 1 { optional int32 c = 1; } extensions 100 to max; } extend A { optional string e = 100; } service S { rpc Put(A) returns (A); }',
    ],
    [
      'visibility of edition 2024',
      'edition = "2024"; package d; export message A {} local message B {} service S { rpc Put(A) returns (B); }',
    ],
    [
      'a public import, and the types it brings',
      `${proto3} package d; import public "b.proto"; service S { rpc Put(A) returns (A); }`,
    ],
  ])('%s', (_, source) => {
    const files = { 'a.proto': source, 'b.proto': `${proto3} package d; message A {}` };
    expect(services(files)).toEqual({ 'd.S': ['put'] });
    const folder = folderOf(files);
    const made = generated(path.join(folder, 'a.proto'), { include: [] });
    expect(made.get('a.d.ts')).toContain('export declare const S:');
    if (!source.includes('b.proto')) expect(made.get('a.d.ts')).toMatch(/export (type|interface) A /);
  });

  it('an empty file', () => {
    for (const source of ['', ' \n', '// nothing', `${proto3}\n`])
      expect(services({ 'a.proto': source })).toEqual({});
  });

  it('a type is the one of the innermost scope, not one that is inside of a neighbour', () => {
    const source = `${proto3}
      message A { message C { message B { string x = 1; } } B b = 1; }
      message B { int32 y = 1; }
      service S { rpc Put(A) returns (A); }`;
    const { request } = loadProto(path.join(folderOf({ 'a.proto': source }), 'a.proto'))['S']!.methods[
      'put'
    ]!;
    expect(request.decode(Buffer.from('0a020805', 'hex'), 0, 4)).toEqual({ b: { y: 5 } });
  });

  it('a file that is reached under two names, through a link', () => {
    const folder = folderOf({
      'a.proto': `${proto3} import "b/b.proto"; import "c/b.proto"; message A { B b = 1; }`,
      'b/b.proto': `${proto3} message B {}`,
    });
    symlinkSync(path.join(folder, 'b'), path.join(folder, 'c'));
    expect(() => loadProto(path.join(folder, 'a.proto'))).not.toThrow();
  });

  it('after any refusal', () => {
    const good = { 'a.proto': `${proto3} message A {} service S { rpc Put(A) returns (A); }` };
    for (const bad of [
      'edition = "2023"; message A { reserved',
      'edition = "2023"; message A { reserved a; int32 x = 0; }',
      '/*',
      '"',
    ])
      expect([refusal({ 'a.proto': bad }), services(good)]).toEqual([
        expect.stringMatching(/^a\.proto:1: /),
        { S: ['put'] },
      ]);
  });
});

it('every prefix of a .proto, and every token left out, is refused with its line or read whole', () => {
  const tokens =
    `syntax = "proto3" ; package p ; import "b.proto" ; option java_package = "x" ; message A { int32 a = 1 [ deprecated = true ] ;
    repeated A b = 2 ; map < string , E > c = 3 ; oneof d { string e = 4 ; A f = 5 ; } reserved 6 , 8 to 9 ; message N { } optional N n = 10 ; } enum E { X = 0 ;
    Y = -1 ; reserved "Z" ; } service S { rpc P ( A ) returns ( stream A ) { option deprecated = true ; } rpc Q ( A.N ) returns ( A ) ; }`.split(
      / +/,
    );
  const folder = temporaryFolder();
  writeFiles(folder, [['b.proto', proto3]]);
  const file = path.join(folder, 'a.proto');
  const outcome = (text: string): string => {
    writeFileSync(file, text);
    try {
      return Object.keys(loadProto(file)).join();
    } catch (error) {
      return (error as Error).message.replace(`${folder}/`, '');
    }
  };
  expect(outcome(tokens.join(' '))).toBe('p.S,S');
  for (const [at] of tokens.entries()) {
    for (const text of [tokens.slice(0, at), tokens.toSpliced(at, 1), tokens.toSpliced(at, 0, tokens[at]!)]) {
      expect(outcome(text.join(' '))).toMatch(/^(a\.proto:\d: .*|p?\.?\w?,?S|)$/);
    }
  }
});
