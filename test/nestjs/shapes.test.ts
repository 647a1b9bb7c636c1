import path from 'node:path';
import type { GrpcObject, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';
import { expect, it } from 'vitest';
import type { LoaderOptions } from '../../lib/nestjs/loader-options.ts';
import { type NestMethod, nestServices } from '../../lib/nestjs/nest-services.ts';

const protoPath = path.join(import.meta.dirname, 'shapes.proto');

const messages: readonly (readonly [string, Record<string, unknown>])[] = [
  ['nothing', {}],
  ['defaults', { text: '', bigNumber: 0, data: Buffer.alloc(0), color: 0, ratio: 0, yes: false }],
  [
    'scalars',
    { text: 'é', bigNumber: '-9007199254740993', unsigned: '18446744073709551615', ratio: 0.5, yes: true },
  ],
  ['an enum of two names', { color: 'LIME', colors: ['RED', 'GREEN', 7] }],
  ['an enum that is not declared', { color: 99 }],
  [
    'lists and maps',
    { numbers: [1, '2'], counts: { a: 1, ['__proto__']: 2 }, parts: [Buffer.from('x'), Buffer.alloc(0)] },
  ],
  [
    'messages',
    {
      inner: { inner: { text: 'deep', color: 1 } },
      shapes: { 5: { bigNumber: 5 } },
      at: { seconds: 5, nanos: 6 },
    },
  ],
  ['an optional field', { nickName: '', other: {} }],
  ['a member of a oneof', { left: '' }],
  ['the other one', { right: { left: 'x' } }],
];

/** With a 64-bit form that both have. */
const loaders: readonly LoaderOptions[] = [
  { longs: String },
  { longs: Number, keepCase: true },
  { longs: String, enums: String, defaults: true, oneofs: true },
  { longs: String, enums: String, bytes: String, arrays: true },
  { longs: String, objects: true, oneofs: true, keepCase: true },
  { longs: String, bytes: String, defaults: true },
];

function theirs(loader: LoaderOptions) {
  const loaded = loadPackageDefinition(loadSync(protoPath, loader as object as Options));
  const { Shapes } = (loaded['test'] as GrpcObject)['shapes'] as { Shapes: ServiceClientConstructor };
  return Shapes.service['Same']!;
}

function ours(loader: LoaderOptions): NestMethod {
  const [service] = nestServices('test', { package: 'test.shapes', protoPath, loader });
  return service!.methods.get('same')!;
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (upper) => `_${upper.toLowerCase()}`);

function keyed(value: unknown, keepCase: boolean): unknown {
  if (!keepCase || typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map((each) => keyed(each, keepCase));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [snake(name), keyed(each, keepCase)]),
  );
}

it.each(loaders.flatMap((loader) => messages.map(([name, message]) => [loader, name, message] as const)))(
  'with %o a message of %s is received as proto-loader has it',
  (loader, name, message) => {
    const their = theirs(loader);
    const our = ours(loader);
    const given = keyed(message, loader.keepCase === true);
    const bytes = their.requestSerialize(given);
    const received = our.plainRequest(our.definition.request.decode(bytes, 0, bytes.length));
    if (name === 'defaults' && loader.defaults !== true) {
      // proto3 cannot tell them from fields that were not sent; protobufjs 7, in proto-loader, shows what a peer wrote needlessly.
      expect(received).toEqual(their.requestDeserialize(Buffer.alloc(0)));
      return;
    }
    expect(received).toEqual(their.requestDeserialize(bytes));
    // Which loses digits, so that nothing is sent with it.
    if (loader.longs === Number && name === 'scalars') return;
    // What was received may be sent on.
    const into = Buffer.alloc(1000);
    const end = our.definition.request.encodeInto(received, into, 0);
    expect(their.requestDeserialize(into.subarray(0, end))).toEqual(their.requestDeserialize(bytes));
  },
);

it.each([
  [{ longs: Map }, /loader\.longs is one of String, Number, BigInt, not a function; for any other form give/],
  [{ enums: Array }, /loader\.enums is one of String, Number/],
  [{ bytes: Array }, /loader\.bytes is one of String, Buffer.*packageDefinition/],
  [{ json: true }, /loader\.json is not supported.*packageDefinition/],
  [{ keepcase: true }, /keepcase.*keepCase/],
  [{ defaults: 'yes' }, /loader\.defaults/],
  [5, /loader/],
])('refuses the loader %o, and says what to do', (loader, message) => {
  const files = { package: 'test.shapes', protoPath, loader: loader as LoaderOptions };
  expect(() => nestServices('RocketServer', files)).toThrow(message);
});
