import protobuf from 'protobufjs';
import { defineService, methodKind } from '../contract/define-service.ts';
import { stringsOption } from '../contract/option-shapes.ts';
import { boolean, checked, checkedOptions, choice, type OptionTable } from '../contract/option-table.ts';
import type { DefinitionOf, ServiceDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { methodKey } from '../proto/names.ts';
import { loadFiles } from '../proto/proto-files.ts';
import { protobufFolder } from './bundled-descriptors.ts';
import { describe, descriptorTypes, encodedFile } from './descriptor-source.ts';
import type { Longs } from './int64.ts';
import { descriptorNames, located } from './proto-paths.ts';
import { ProtobufCodec } from './protobuf-codec.ts';
import { reflectedType } from './reflected-type.ts';

/** How .proto files are found and how messages are converted. */
export interface LoadProtoOptions {
  /** Folders in which `import` statements are looked up, after the importing file's own. */
  readonly includeDirs?: readonly string[];
  /** Keep field names as written instead of turning `order_id` into `orderId`. Default false. */
  readonly keepCase?: boolean;
  /**
   * Type of received 64-bit integers. Default `bigint`; `number` loses digits from 2^53 on. Any of the three may be
   * sent.
   */
  readonly longs?: Longs;
  /**
   * Fields of type google.protobuf.Timestamp are received as Date, to the millisecond. Default false. A Date may be
   * sent in either case.
   */
  readonly dates?: boolean;
  /**
   * What happens to a property that is not a field of its message: `ignore`, because objects often have additional
   * properties, or `error`, a TypeError that names the nearest field. Default `ignore`.
   */
  readonly unknownFields?: 'ignore' | 'error';
  /** Fields of type `bytes` may also be given as base64 strings, as in JSON. Default false. */
  readonly base64?: boolean;
}

export const loadProtoTable = {
  includeDirs: checked((name, value: readonly string[] = []) => stringsOption(name, value)),
  keepCase: boolean(false),
  longs: choice<Longs>(['bigint', 'string', 'number'], 'bigint'),
  dates: boolean(false),
  unknownFields: choice<'ignore' | 'error'>(['ignore', 'error'], 'ignore'),
  base64: boolean(false),
} satisfies OptionTable<LoadProtoOptions>;

/** Services by name, as loadProto() returns them without type arguments. */
export type LooseServices = { readonly [service: string]: ServiceDefinition };

/** Services by name, from descriptions: `{ Order: { makeOrder: Unary<Request, Response> } }`. */
export type ServicesOf<Descriptions> = {
  readonly [Name in keyof Descriptions]: DefinitionOf<Descriptions[Name]>;
};

function collectServices(namespace: protobuf.NamespaceBase, into: protobuf.Service[]): void {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Service) into.push(nested);
    else if (nested instanceof protobuf.Namespace) collectServices(nested, into);
  }
}

function serviceDefinition(
  service: protobuf.Service,
  codecOf: (type: protobuf.Type) => ProtobufCodec,
): ServiceDefinition {
  const name = service.fullName.replace(/^\./, '');
  const methods = service.methodsArray.map((method) => {
    method.resolve();
    const { resolvedRequestType, resolvedResponseType } = method;
    if (resolvedRequestType === null || resolvedResponseType === null) {
      throw new TypeError(`${name}.${method.name}: its request or response type is not in the loaded files`);
    }
    return {
      key: methodKey(method.name),
      name: method.name,
      kind: methodKind(method.requestStream === true, method.responseStream === true),
      request: codecOf(resolvedRequestType),
      response: codecOf(resolvedResponseType),
    };
  });
  return defineService(name, methods);
}

/**
 * Reads .proto files (synchronously, once, at start-up) and returns their services by name: by full name
 * (`shop.Order`), and by short name (`Order`) if only one service has it.
 *
 * @throws Error `file:line: reason` for an invalid .proto, `file: no such file` for a missing one.
 */
export function loadProto<Descriptions = never>(
  paths: string | readonly string[],
  options: LoadProtoOptions = {},
): [Descriptions] extends [never] ? LooseServices : ServicesOf<Descriptions> {
  checkPaths(paths);
  const { includeDirs, keepCase, longs, dates, unknownFields, base64 } = checkedOptions(
    'loadProto',
    options,
    loadProtoTable,
    'loadProto: ',
  );
  const list = typeof paths === 'string' ? [paths] : paths;
  const loaded = loadFiles(
    protobuf,
    list.map((path) => located(path, includeDirs)),
    { folders: includeDirs, keepCase, protobufFolder },
  );
  const { root } = loaded;
  const found: protobuf.Service[] = [];
  collectServices(root, found);
  const rules = { unknownFields, base64 };
  const source = () => loaded.descriptors(descriptorTypes(), descriptorNames(includeDirs)).map(encodedFile);
  const codecOf = (type: protobuf.Type): ProtobufCodec =>
    new ProtobufCodec(reflectedType(type, dates), longs, rules);
  const services: Record<string, ServiceDefinition> = {};
  const shortNames = new Map<string, number>();
  for (const service of found) shortNames.set(service.name, (shortNames.get(service.name) ?? 0) + 1);
  for (const service of found) {
    const definition = describe(serviceDefinition(service, codecOf), source);
    services[definition.name] = definition;
    if (shortNames.get(service.name) === 1) services[service.name] = definition;
  }
  return services as [Descriptions] extends [never] ? LooseServices : ServicesOf<Descriptions>;
}

/** JavaScript callers may pass anything. @throws TypeError that names the argument. */
function checkPaths(paths: unknown): void {
  const list = typeof paths === 'string' ? [paths] : paths;
  if (!Array.isArray(list) || list.length === 0 || paths === '')
    throw new TypeError(
      `loadProto: the path of a .proto file is needed, or a list of paths, not ${kindOf(paths)}`,
    );
  stringsOption('loadProto: paths', list);
}
