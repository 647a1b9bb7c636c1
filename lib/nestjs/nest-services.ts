import { toServiceDefinition } from '../codec/grpc.ts';
import { loadProto } from '../codec/load-proto.ts';
import type { MessageType } from '../codec/message-type.ts';
import { ProtobufCodec } from '../codec/protobuf-codec.ts';
import type { GrpcServiceDefinition } from '../contract/foreign-service.ts';
import { stringsOption } from '../contract/option-shapes.ts';
import type { MessageCodec, MethodDefinition, ServiceDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { checkedLoader, type LoaderOptions } from './loader-options.ts';
import { MessageShape, type ShapeOptions } from './message-shape.ts';

/** The source of services, in the form of Nest's gRPC options. */
export interface ServiceFiles {
  /** The packages of the .proto files whose services are used. */
  readonly package: string | readonly string[];
  /** The .proto files; a path may be relative to the working directory or to one of `loader.includeDirs`. */
  readonly protoPath?: string | readonly string[];
  /** How they are read, and in which form messages are received. */
  readonly loader?: LoaderOptions;
  /** Replaces `protoPath` and `loader`: the result of `loadSync()` of proto-loader; its serializers are used. */
  readonly packageDefinition?: object;
}

/** Converts a received message. */
export type Plain = (message: unknown) => unknown;

/** A method, and the forms of its messages. */
export interface NestMethod {
  readonly definition: MethodDefinition;
  readonly plainRequest: Plain;
  readonly plainReply: Plain;
  /** The type of the reply has no fields, so a reply of undefined is an empty message. */
  readonly replyIsEmpty: boolean;
}

export interface NestService {
  /** The name without the package. */
  readonly name: string;
  readonly definition: ServiceDefinition;
  /** The methods by the keys of the definition. */
  readonly methods: ReadonlyMap<string, NestMethod>;
}

/** @throws TypeError that names the option; Error for a .proto that cannot be read. */
export function nestServices(what: string, files: ServiceFiles): NestService[] {
  const { package: packages, protoPath, packageDefinition, loader } = files;
  const names = typeof packages === 'string' ? [packages] : packages;
  if (!Array.isArray(names) || names.length === 0)
    throw new TypeError(
      `${what}: package is the package of a .proto file, or a list, not ${kindOf(packages)}`,
    );
  stringsOption(`${what}: package`, names);
  if ((protoPath === undefined) === (packageDefinition === undefined))
    throw new TypeError(
      `${what} takes protoPath or packageDefinition, and ${protoPath === undefined ? 'neither' : 'not both'} is given`,
    );
  const found =
    protoPath === undefined
      ? definedServices(what, packageDefinition, loader)
      : loadedServices(what, protoPath, loader);
  return names.flatMap((name) => inPackage(what, name, found));
}

type Found = Omit<NestService, 'name'>;

function loadedServices(what: string, protoPath: string | readonly string[], given?: LoaderOptions): Found[] {
  const { load, shape } = checkedLoader(`${what}: loader`, given);
  const known = new Map<MessageType, MessageShape>();
  const definitions = new Set(Object.values(loadProto(protoPath, load)));
  return [...definitions].map((definition) => ({
    definition,
    methods: mapMethods(definition, (method) => {
      const reply = shapeOf(method.response, shape, known);
      return {
        definition: method,
        plainRequest: plainBy(shapeOf(method.request, shape, known)),
        plainReply: plainBy(reply),
        replyIsEmpty: reply?.isEmpty === true,
      };
    }),
  }));
}

function shapeOf(
  codec: MessageCodec<unknown>,
  options: ShapeOptions,
  known: Map<MessageType, MessageShape>,
): MessageShape | undefined {
  return codec instanceof ProtobufCodec ? MessageShape.of(codec.type, options, known) : undefined;
}

function plainBy(shape: MessageShape | undefined): Plain {
  return shape === undefined ? asItIs : (message) => shape.plain(message);
}

function asItIs(message: unknown): unknown {
  return message;
}

function definedServices(what: string, given: unknown, loader: unknown): Found[] {
  if (loader !== undefined)
    throw new TypeError(`${what}: loader belongs to protoPath; with packageDefinition give it to loadSync()`);
  if (typeof given !== 'object' || given === null)
    throw new TypeError(
      `${what}: packageDefinition is what loadSync() of proto-loader returns, not ${kindOf(given)}`,
    );
  const services: Found[] = [];
  for (const each of Object.values(given as Readonly<Record<string, object>>)) {
    // Messages and enums have a format; a service without methods has no name.
    if ('format' in each || Object.keys(each).length === 0) continue;
    const definition = toServiceDefinition(each as GrpcServiceDefinition);
    const methods = mapMethods(definition, (method) => ({
      definition: method,
      plainRequest: asItIs,
      plainReply: asItIs,
      replyIsEmpty: false,
    }));
    services.push({ definition, methods });
  }
  return services;
}

function mapMethods(
  { methods }: ServiceDefinition,
  map: (method: MethodDefinition) => NestMethod,
): ReadonlyMap<string, NestMethod> {
  return new Map(Object.entries(methods).map(([key, method]) => [key, map(method)]));
}

/** @throws TypeError if it has no service. */
function inPackage(what: string, name: string, found: readonly Found[]): NestService[] {
  const prefix = name === '' ? '' : `${name}.`;
  const inside = found.filter(({ definition }) => definition.name.startsWith(prefix));
  if (inside.length === 0) {
    const names = found.map(({ definition }) => definition.name).join(', ') || 'none';
    throw new TypeError(
      `${what}: package ${kindOf(name)} has no service; the services of the files are ${names}`,
    );
  }
  return inside.map((service) => ({ ...service, name: service.definition.name.slice(prefix.length) }));
}
