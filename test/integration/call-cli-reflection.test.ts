/** `rocket call` on servers whose reflection says what they like. */
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Bidi, loadProto, RpcError, Server } from '../../lib/index.ts';
import { builtPackage, startChild } from '../support/child.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';

const soonMs = 15_000;

interface Question {
  readonly listServices: string | null;
  readonly fileContainingSymbol: string | null;
  readonly fileByFilename: string | null;
}

interface Methods {
  readonly serverReflectionInfo: Bidi<Question, object>;
}

type Version = 'v1' | 'v1alpha';
type Answers = (question: Question) => object | undefined;

function methodsOf(version: Version) {
  const name = `grpc.reflection.${version}.ServerReflection` as const;
  const file = `grpc/reflection/${version}/reflection.proto`;
  return loadProto<Record<typeof name, Methods>>(file, { includeDirs: [path.resolve('proto')] })[name];
}

/** A server that answers as it is told; undefined ends the stream. */
async function start(
  answers: Answers,
  version: Version = 'v1',
  handlers?: Partial<KindsHandlers>,
): Promise<string> {
  const server = new Server({ logger: false });
  onTestFinished(() => server.close({ drainMs: 0 }));
  server.addService(methodsOf(version), {
    async *serverReflectionInfo(questions) {
      for await (const question of questions) {
        const answer = answers(question);
        if (answer === undefined) return;
        yield answer;
      }
    },
  });
  if (handlers !== undefined) server.addService(Kinds, handlers as KindsHandlers);
  return (await server.listen('127.0.0.1:0')).address;
}

const files = (...protos: readonly Uint8Array[]) => ({
  fileDescriptorResponse: { fileDescriptorProto: protos },
});

/** A file with a service S that imports these. */
function file(name: string, dependency: readonly string[] = [], service = 'S'): Uint8Array {
  const empty = '.google.protobuf.Empty';
  const proto = create(FileDescriptorProtoSchema, {
    name,
    dependency: ['google/protobuf/empty.proto', ...dependency],
    service: [{ name: service, method: [{ name: 'M', inputType: empty, outputType: empty }] }],
    syntax: 'proto3',
  });
  return toBinary(FileDescriptorProtoSchema, proto);
}

async function outcomeOf(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly errors: string; readonly output: string }> {
  const child = await startChild('../../../dist/lib/cli/main.js', ['call', ...args]);
  const { code } = await child.exit(soonMs);
  return { code, errors: child.errors, output: child.output };
}

/** With a field of three million bytes that nobody knows. */
function padded(bytes: Uint8Array): Uint8Array {
  const head = Buffer.from([0xc2, 0x3e, 0xc0, 0x8d, 0xb7, 0x01]);
  return Buffer.concat([bytes, head, Buffer.alloc(3_000_000)]);
}

/** What a server answers that is asked for a file. */
const byName =
  (answer: (name: string) => object | undefined): Answers =>
  ({ fileByFilename }) =>
    fileByFilename === null ? files(file('a.proto', ['b.proto'])) : answer(fileByFilename);

let endless = 0;

const hostile: readonly (readonly [what: string, answers: Answers, said: RegExp])[] = [
  ['no answer', () => undefined, /ended reflection without an answer to symbol S/],
  ['no message in the answer', () => ({}), /answered something else to symbol S/],
  [
    'an answer to another question',
    () => ({ listServicesResponse: { service: [{ name: 'S' }] } }),
    /answered something else to symbol S/,
  ],
  [
    'an error',
    () => ({ errorResponse: { errorCode: 7, errorMessage: 'not \u001b[31mfor you' } }),
    /reflection of symbol S: PERMISSION_DENIED: not \\u001b\[31mfor you/,
  ],
  ['bytes that are no file', () => files(Uint8Array.from([0xff, 0xff])), /not a FileDescriptorProto/],
  [
    'a file without what was asked for',
    () => files(file('a.proto', [], 'T')),
    /answer to symbol S does not have it/,
  ],
  ['no files', () => files(), /answer to symbol S does not have it/],
  [
    'a file that imports itself',
    () => files(file('a.proto', ['a.proto'])),
    /a\.proto and a\.proto import each other/,
  ],
  [
    'files that import each other',
    byName(() => files(file('b.proto', ['a.proto'], 'T'))),
    /import each other/,
  ],
  [
    'a missing import',
    byName(() => ({ errorResponse: { errorCode: 5, errorMessage: 'none' } })),
    /reflection of file b\.proto: NOT_FOUND: none/,
  ],
  [
    'another file than the import',
    byName(() => files(file('c.proto', [], 'T'))),
    /answer to file b\.proto does not have it/,
  ],
  [
    'new imports without end',
    byName((name) => {
      endless++;
      return files(file(name, [`${endless}.proto`], `T${endless}`));
    }),
    /reflection has no end/,
  ],
  [
    'files that are huge',
    byName((name) => {
      endless++;
      return files(padded(file(name, [`${endless}.proto`], `T${endless}`)));
    }),
    /reflection has no end/,
  ],
  [
    'a message that is too long',
    () => files(file('x'.repeat(5_000_000))),
    /RESOURCE_EXHAUSTED: .*--max-message-bytes/,
  ],
  [
    'a type that is not there',
    () =>
      files(
        toBinary(
          FileDescriptorProtoSchema,
          create(FileDescriptorProtoSchema, {
            name: 'a.proto',
            service: [{ name: 'S', method: [{ name: 'M', inputType: '.no.Such', outputType: '.no.Such' }] }],
          }),
        ),
      ),
    /the descriptors cannot be used/,
  ],
  [
    'a name with control characters',
    () => files(file('a.proto', [], 'S\u001b')),
    /the descriptors cannot be used|does not have it/,
  ],
];

beforeAll(() => builtPackage(), 60_000);

describe('a server that answers with', () => {
  it.each(hostile)(
    '%s',
    async (_what, answers, said) => {
      const { code, errors, output } = await outcomeOf(await start(answers), 'S/M');
      expect(errors).toMatch(said);
      expect(errors).toMatch(/^rocket call: [^\n]{1,2500}\n$/);
      expect(output).toBe('');
      expect(code).toBe(errors.includes('RESOURCE_EXHAUSTED') ? 72 : 1);
    },
    60_000,
  );

  it('nothing, for as long as is allowed', async () => {
    const server = new Server({ logger: false });
    onTestFinished(() => server.close({ drainMs: 0 }));
    server.addService(methodsOf('v1'), {
      async *serverReflectionInfo() {
        await new Promise(() => undefined);
      },
    });
    const { address } = await server.listen('127.0.0.1:0');
    const { code, errors } = await outcomeOf(address, 'list', '--timeout', '300');
    expect(errors).toMatch(/^rocket call: DEADLINE_EXCEEDED/);
    expect(code).toBe(68);
  });

  it('services whose names would move the cursor', async () => {
    const service = [{ name: 'b\u001b[2J' }, { name: 'a' }, { name: 'a' }];
    const { output } = await outcomeOf(await start(() => ({ listServicesResponse: { service } })), 'list');
    expect(output).toBe('a\nb\\u001b[2J\n');
  });

  it('v1alpha alone is asked by that', async () => {
    const address = await start(() => files(file('a.proto')), 'v1alpha');
    const { code, output } = await outcomeOf(address, 'describe', 'S');
    expect({ code, output }).toEqual({
      code: 0,
      output:
        'S is a service:\nservice S {\n  rpc M(google.protobuf.Empty) returns (google.protobuf.Empty);\n}\n',
    });
  });

  it('its own google/protobuf files: those are not taken', async () => {
    const own = file('google/protobuf/empty.proto', [], 'Other');
    const address = await start(() => files(own, file('a.proto')));
    expect((await outcomeOf(address, 'describe', 'S')).code).toBe(0);
  });

  it('a refusal', async () => {
    const address = await start(() => {
      throw new RpcError('PERMISSION_DENIED', 'not for you');
    });
    expect(await outcomeOf(address, 'list')).toEqual({
      code: 71,
      errors: 'rocket call: PERMISSION_DENIED: not for you\n',
      output: '',
    });
  });
});

const detailUrl = 'type.googleapis.com/d.Detail';

/** What describes d.Detail, and cannot be used. */
const unusable: readonly (readonly [what: string, file: Uint8Array])[] = [
  ['has an import that is missing', detailFile(['gone.proto'], '.gone.G')],
  ['has a type that is missing', detailFile([], '.gone.G')],
  ['imports itself', detailFile(['d.proto'], '.d.Detail')],
  ['is none', Uint8Array.from([0xff, 0xff])],
];

function detailFile(dependency: string[], typeName: string): Uint8Array {
  const field = [{ name: 'g', jsonName: 'g', number: 1, type: 11, label: 1, typeName }];
  const proto = { name: 'd.proto', package: 'd', syntax: 'proto3', dependency };
  return toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, { ...proto, messageType: [{ name: 'Detail', field }] }),
  );
}

/** One has an Any for its reply, whose first field is a text, too. */
function withDetail(detail: Uint8Array): Answers {
  const any = '.google.protobuf.Any';
  const described = create(FileDescriptorProtoSchema, {
    name: 'k.proto',
    package: 'kinds.v1',
    dependency: ['google/protobuf/any.proto'],
    service: [{ name: 'Kinds', method: [{ name: 'One', inputType: any, outputType: any }] }],
    syntax: 'proto3',
  });
  return ({ fileContainingSymbol }) => {
    if (fileContainingSymbol === 'kinds.v1.Kinds')
      return files(toBinary(FileDescriptorProtoSchema, described));
    if (fileContainingSymbol === 'd.Detail') return files(detail);
    return { errorResponse: { errorCode: 5, errorMessage: 'not found' } };
  };
}

describe.each(unusable)('a type of an Any whose description %s', (_what, detail) => {
  it('leaves the status of a call what it is', async () => {
    const others = ['gone.Other', 'd.Detail'].map((name) => ({
      typeUrl: `type.googleapis.com/${name}`,
      value: Uint8Array.from([10, 0]),
    }));
    const details = [{ typeUrl: detailUrl, value: Uint8Array.from([10, 0]) }, ...others];
    const address = await start(withDetail(detail), 'v1', {
      one: () => {
        throw new RpcError('NOT_FOUND', 'nope', { details });
      },
    });
    const { code, errors } = await outcomeOf(address, 'kinds.v1.Kinds/One');
    const shown = (url: string) =>
      `  detail: {"@type":"${url}","@error":"the type is not known","@value":"CgA="}\n`;
    expect(errors).toBe(
      `rocket call: NOT_FOUND: nope\n${shown(detailUrl)}${others.map(({ typeUrl }) => shown(typeUrl)).join('')}`,
    );
    expect(code).toBe(69);
  });

  it('is that of a type which nobody knows, in a reply', async () => {
    const address = await start(withDetail(detail), 'v1', { one: () => ({ text: detailUrl }) });
    const { code, errors, output } = await outcomeOf(address, 'kinds.v1.Kinds/One');
    expect({ code, errors, output }).toEqual({
      code: 0,
      errors: '',
      output: `{"@type":"${detailUrl}","@error":"the type is not known","@value":""}\n`,
    });
  });
});

it('defaults that would move the cursor are shown, and do not', async () => {
  const field = { name: 'a', jsonName: 'a\u009b', number: 1, label: 1 };
  const proto = create(FileDescriptorProtoSchema, {
    name: 'm.proto',
    syntax: 'proto2',
    messageType: [
      {
        name: 'M',
        field: [
          { ...field, type: 5, defaultValue: '1\u001b[2J' },
          { ...field, name: 'b', number: 2, type: 9, defaultValue: '\u009b2J\n' },
        ],
      },
    ],
  });
  const address = await start(() => files(toBinary(FileDescriptorProtoSchema, proto)));
  const { code, output } = await outcomeOf(address, 'describe', 'M');
  expect({ code, output }).toEqual({
    code: 0,
    output: String.raw`M is a message:
message M {
  int32 a = 1 [default = 1\u001b[2J, json_name = "a\u009b"];
  string b = 2 [default = "\u009b2J\n", json_name = "a\u009b"];
}
`,
  });
});
