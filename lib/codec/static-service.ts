import protobuf from 'protobufjs';
import { defineService } from '../contract/define-service.ts';
import type { MethodKind, ServiceDefinition } from '../contract/service.ts';
import { describe, filesOfSet } from './descriptor-source.ts';
import { ProtobufCodec } from './protobuf-codec.ts';
import type { StaticTypes } from './static-types.ts';

interface StaticRuntime {
  readonly Reader: typeof protobuf.Reader;
  readonly Writer: typeof protobuf.Writer;
  readonly util: typeof protobuf.util;
  readonly roots: Record<string, object>;
}

/** The protobufjs for the code of one generated module, with no message types yet. */
export function staticRuntime(): StaticRuntime {
  return { Reader: protobuf.Reader, Writer: protobuf.Writer, util: protobuf.util, roots: {} };
}

type Namespace = { [name: string]: Namespace };

/** Adds the message types and enums of another generated module to those of this one. */
export function linkTypes(root: object, from: object, paths: readonly string[]): void {
  for (const path of paths) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let [into, source] = [root as Namespace, from as Namespace];
    for (const name of names) {
      into = into[name] ??= {};
      source = source[name] ?? {};
    }
    const type = source[last];
    if (type === undefined) throw new TypeError(`${path}: not in the generated code; generate it again`);
    into[last] = type;
  }
}

/** The .proto's name of a method, the full names of its request and response, and its kind, `unary` if there is none. */
export type StaticMethod = readonly [name: string, request: string, response: string, kind?: MethodKind];

/**
 * The definition of a service whose message types are generated. `files` is a FileDescriptorSet in base64 with the
 * service's file and its imports; undefined for older generated code.
 */
export function staticService(
  name: string,
  types: StaticTypes,
  methods: { readonly [key: string]: StaticMethod },
  files?: string,
): ServiceDefinition {
  const described = Object.entries(methods).map(([key, [method, request, response, kind = 'unary']]) => ({
    key,
    name: method,
    kind,
    request: new ProtobufCodec(types.get(request), types.longs),
    response: new ProtobufCodec(types.get(response), types.longs),
  }));
  const definition = defineService(name, described);
  return files === undefined
    ? definition
    : describe(definition, () => filesOfSet(Buffer.from(files, 'base64')));
}
