import { join } from 'node:path';
import { DescriptorRegistry } from '../codec/descriptor-registry.ts';
import { type DescriptorSource, descriptorSourceOf } from '../codec/descriptor-source.ts';
import { loadProto } from '../codec/load-proto.ts';
import type { Bidi, ServiceDefinition } from '../contract/service.ts';
import { statusNumbers } from '../contract/status.ts';
import { messageOf } from '../contract/value-text.ts';
import { packageRoot } from '../package-root.ts';
import { handlersOf, type MethodHandler, type Requests } from './service-handlers.ts';

interface ReflectionRequest {
  readonly host: string;
  readonly fileByFilename: string | null;
  readonly fileContainingSymbol: string | null;
  readonly fileContainingExtension: {
    readonly containingType: string;
    readonly extensionNumber: number;
  } | null;
  readonly allExtensionNumbersOfType: string | null;
  readonly listServices: string | null;
}

/** One of the members of message_response. */
type Answer =
  | { readonly fileDescriptorResponse: { readonly fileDescriptorProto: readonly Uint8Array[] } }
  | {
      readonly allExtensionNumbersResponse: {
        readonly baseTypeName: string;
        readonly extensionNumber: readonly number[];
      };
    }
  | { readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] } }
  | { readonly errorResponse: { readonly errorCode: number; readonly errorMessage: string } };

type ReflectionResponse = Answer & {
  readonly validHost: string;
  readonly originalRequest: ReflectionRequest;
};

interface ReflectionMethods {
  readonly serverReflectionInfo: Bidi<ReflectionRequest, ReflectionResponse>;
}

interface Descriptions {
  readonly 'grpc.reflection.v1.ServerReflection': ReflectionMethods;
  readonly 'grpc.reflection.v1alpha.ServerReflection': ReflectionMethods;
}

const versions = ['v1', 'v1alpha'] as const;

/** The server that reflection describes. */
export interface ReflectedServer {
  readonly definitions: readonly ServiceDefinition[];
  /** Whether the server answers the health services. */
  readonly health: boolean;
  readonly onError: (text: string, error: unknown) => void;
}

/** The handlers of the reflection services, for a server of these definitions. */
export function reflectionHandlers(server: ReflectedServer): MethodHandler[] {
  const files = versions.map((version) => `grpc/reflection/${version}/reflection.proto`);
  // Includes the types of error details, so that tools can show the errors of any service.
  const loaded = loadProto<Descriptions>(
    [...files, 'google/rpc/error_details.proto'].map((name) => protoPath(name)),
    { includeDirs: [protoPath('')] },
  );
  const services = versions.map((version) => loaded[`grpc.reflection.${version}.ServerReflection`]);
  const reflection = new Reflection({ ...server, definitions: [...server.definitions, ...services] });
  const handlers = {
    serverReflectionInfo: (requests: Requests<ReflectionRequest>) => reflection.answers(requests),
  };
  return services.flatMap((service) => handlersOf(service, handlers));
}

function protoPath(name: string): string {
  return join(packageRoot(), 'proto', name);
}

/** The same for both versions, which differ in nothing but their names. */
class Reflection {
  readonly #server: ReflectedServer;
  #registry: DescriptorRegistry | undefined;

  constructor(server: ReflectedServer) {
    this.#server = server;
  }

  async *answers(requests: Requests<ReflectionRequest>): AsyncGenerator<ReflectionResponse> {
    const sent = new Set<string>();
    for await (const request of requests)
      yield { validHost: request.host, originalRequest: request, ...this.#answer(request, sent) };
  }

  #answer(request: ReflectionRequest, sent: Set<string>): Answer {
    const { fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType } =
      request;
    if (request.listServices !== null) return { listServicesResponse: { service: this.#services() } };
    const registry = this.#files();
    if (fileByFilename !== null)
      return filesOf(registry, registry.file(fileByFilename), sent, `file ${fileByFilename}`);
    if (fileContainingSymbol !== null) {
      const name = withoutDot(fileContainingSymbol);
      return filesOf(registry, registry.fileOfSymbol(name), sent, `symbol ${name}`);
    }
    if (fileContainingExtension !== null) {
      const { containingType, extensionNumber } = fileContainingExtension;
      const file = registry.fileOfExtension(withoutDot(containingType), extensionNumber);
      return filesOf(registry, file, sent, `extension ${extensionNumber} of ${containingType}`);
    }
    if (allExtensionNumbersOfType !== null) {
      const name = withoutDot(allExtensionNumbersOfType);
      const extensionNumber = registry.extensionNumbers(name);
      if (extensionNumber === undefined) return failure('NOT_FOUND', `message ${name} is not known`);
      return { allExtensionNumbersResponse: { baseTypeName: name, extensionNumber } };
    }
    return failure('INVALID_ARGUMENT', 'the request asks for nothing that this server knows');
  }

  #services(): { readonly name: string }[] {
    const { definitions, health } = this.#server;
    const names = new Set(definitions.map(({ name }) => name));
    if (health) for (const name of healthServices) names.add(name);
    return [...names].sort().map((name) => ({ name }));
  }

  /** Built at the first request that needs it. */
  #files(): DescriptorRegistry {
    if (this.#registry === undefined) {
      const { definitions, health } = this.#server;
      this.#registry = new DescriptorRegistry();
      // All services of one loadProto() share one source.
      const added = new Set<DescriptorSource>();
      for (const definition of [...definitions, ...(health ? healthDefinitions() : [])]) {
        const source = descriptorSourceOf(definition);
        if (source === undefined || added.has(source)) continue;
        added.add(source);
        this.#add(this.#registry, definition.name, source);
      }
    }
    return this.#registry;
  }

  /** The descriptors of a service may be unusable: those of grpc-js definitions come from other packages. */
  #add(registry: DescriptorRegistry, name: string, source: DescriptorSource): void {
    try {
      registry.add(source());
    } catch (error) {
      this.#server.onError(`reflection cannot describe ${name}: ${messageOf(error)}`, error);
    }
  }
}

const healthServices = ['grpc.health.v1.Health', 'rocket.health.v1.Health'] as const;

/** The services that the core answers. */
function healthDefinitions(): ServiceDefinition[] {
  const files = ['grpc/health/v1/health.proto', 'rocket/health/v1/health.proto'];
  return Object.values(
    loadProto(
      files.map((name) => protoPath(name)),
      { includeDirs: [protoPath('')] },
    ),
  );
}

function filesOf(
  registry: DescriptorRegistry,
  file: ReturnType<DescriptorRegistry['file']>,
  sent: Set<string>,
  what: string,
): Answer {
  if (file === undefined) return failure('NOT_FOUND', `${what} is not known`);
  const fileDescriptorProto = registry.withImports(file, sent).map(({ bytes }) => bytes);
  return { fileDescriptorResponse: { fileDescriptorProto } };
}

function failure(code: 'NOT_FOUND' | 'INVALID_ARGUMENT', errorMessage: string): Answer {
  return { errorResponse: { errorCode: statusNumbers[code], errorMessage } };
}

function withoutDot(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name;
}
