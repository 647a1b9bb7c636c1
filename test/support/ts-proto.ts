import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';
import { onTestFinished } from 'vitest';
import { descriptorSourceOf } from '../../lib/codec/descriptor-source.ts';
import { loadProto } from '../../lib/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
const plugin = path.join(root, 'node_modules/.bin/protoc-gen-ts_proto');

const { root: types } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated string file_to_generate = 1; string parameter = 2; repeated bytes proto_file = 15; }
  message Response { string error = 1; repeated File file = 15; message File { string name = 1; string content = 15; } }
`);

/** What ts-proto makes of a .proto: its plugin is given the descriptors that protoc would give it. */
export function tsProtoFiles(
  file: string,
  folder: string,
  parameter: string,
): readonly { readonly name: string; readonly content: string }[] {
  const [service] = Object.values(loadProto(file, { includeDirs: [folder] }));
  const protoFile = [...descriptorSourceOf(service!)!()].reverse();
  const request = types.lookupType('Request');
  const input = request.encode(request.fromObject({ fileToGenerate: [file], parameter, protoFile })).finish();
  const { stdout, stderr } = spawnSync(process.execPath, [plugin], { input, maxBuffer: 1 << 26 });
  const response = types.lookupType('Response');
  const made = response.toObject(response.decode(stdout), { arrays: true }) as {
    error?: string;
    file: { name: string; content: string }[];
  };
  if (made.error !== undefined || made.file.length === 0)
    throw new Error(`ts-proto has made nothing: ${made.error ?? stderr.toString()}`);
  return made.file;
}

/** The same, imported. The code is in a folder below this package's, since it imports others. */
export async function importTsProto(
  file: string,
  folder: string,
  parameter: string,
): Promise<Record<string, unknown>> {
  const out = mkdtempSync(path.join(root, 'build/ts-proto-'));
  onTestFinished(() => rmSync(out, { recursive: true }));
  for (const { name, content } of tsProtoFiles(file, folder, parameter)) {
    mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    writeFileSync(path.join(out, name), content);
  }
  return (await import(path.join(out, file.replace(/\.proto$/, '.ts')))) as Record<string, unknown>;
}
