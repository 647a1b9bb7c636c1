/** `rocket call` by a FileDescriptorSet, as protoc and buf make them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { protoDescriptors } from '../../lib/codec/proto-descriptors.ts';
import { builtPackage } from '../support/child.ts';
import { jsonProto, startServer } from '../support/json-server.ts';
import { linesOf, outcomeOf } from '../support/rocket-call.ts';

beforeAll(() => builtPackage(), 60_000);

function written(file: FileDescriptorProto[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-call-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const name = path.join(folder, 'set.binpb');
  writeFileSync(name, toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file })));
  return name;
}

const jsonFiles = () =>
  protoDescriptors([jsonProto], []).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));

it.each([['grpc'], ['tinypb']] as const)('calls a server of %s', async (protocol) => {
  const { address } = await startServer({ reflection: false, protocols: [protocol] });
  const set = ['--protoset', written(jsonFiles())];
  expect(await linesOf([address, 'list', ...set])).toEqual(['json.v1.Json']);
  expect(await linesOf([address, 'Json/Echo', ...set, '-d', '{"int":7}'])).toEqual(['{"int":7}']);
});

it('says what it lacks', async () => {
  const file = create(FileDescriptorProtoSchema, { name: 'a.proto', dependency: ['shop/b.proto'] });
  expect(await outcomeOf(['127.0.0.1:1', 'list', '--protoset', written([file])])).toEqual({
    code: 2,
    lines: [],
    errors:
      'rocket call: --protoset: shop/b.proto is imported, and is not there; protoc puts it in by --include_imports\n',
  });
});

it('sends the :authority that it is given', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer();
  server.on('stream', (stream, headers) => {
    seen.push(headers[':authority']);
    const fields = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' };
    stream.respond(fields, { endStream: true });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const at = [`127.0.0.1:${(server.address() as AddressInfo).port}`, 'Json/Echo', '--proto', jsonProto];
  expect((await outcomeOf([...at, '--authority', 'json.example:443'])).code).toBe(69);
  expect((await outcomeOf(at)).code).toBe(69);
  expect(seen).toEqual(['json.example:443', at[0]]);
});
