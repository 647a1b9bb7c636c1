import type { Encoder } from './transport.ts';

/** Turns values of one message type into bytes and back. */
export interface MessageCodec<T> extends Encoder {
  encodeInto(value: T, into: Buffer, offset: number): number;
  /**
   * Reads `buffer` from `start` to `end`; must copy what it keeps. `ascii` says that every string in it is known to be
   * ASCII. @throws Error on bytes that are not such a message.
   */
  decode(buffer: Buffer, start: number, end: number, ascii?: boolean): T;
}

/** One unary method. */
export interface MethodDefinition<Request = unknown, Response = unknown> {
  /** As in the .proto. */
  readonly name: string;
  /** `Service.method`, what is sent; split at its last dot. */
  readonly wireName: string;
  /** Codec of its request. */
  readonly request: MessageCodec<Request>;
  /** Codec of its reply. */
  readonly response: MessageCodec<Response>;
}

/** The methods of a service by the name they have in JavaScript (the .proto's name with a small first letter). */
export interface ServiceDefinition<Methods extends MethodMap = MethodMap> {
  /** Full name, with its package. */
  readonly name: string;
  /** Its unary methods. */
  readonly methods: Methods;
  /** Methods of the .proto that stream, which this version cannot call; by JavaScript name. */
  readonly streaming?: readonly string[];
}

export type MethodMap = { readonly [name: string]: MethodDefinition };

/** How a service is described to the type system: `{ makeOrder: Unary<Request, Response> }`. */
export interface Unary<Request, Response> {
  /** Type of its request. */
  readonly request: Request;
  /** Type of its reply. */
  readonly response: Response;
}

/** The definition that belongs to such a description. */
export type DefinitionOf<Description> = ServiceDefinition<{
  readonly [Name in keyof Description]: Description[Name] extends Unary<infer Request, infer Response>
    ? MethodDefinition<Request, Response>
    : never;
}>;

/** A method as grpc-js describes it (what proto-loader, ts-proto and grpc-tools make). */
export interface GrpcMethodDefinition<Request = unknown, Response = unknown> {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Whether requests stream; such a method cannot be called. */
  readonly requestStream: boolean;
  /** Whether replies stream; such a method cannot be called. */
  readonly responseStream: boolean;
  /** Message to bytes. */
  requestSerialize(value: Request): Buffer;
  /** Bytes to message. */
  requestDeserialize(bytes: Buffer): Request;
  /** Message to bytes. */
  responseSerialize(value: Response): Buffer;
  /** Bytes to message. */
  responseDeserialize(bytes: Buffer): Response;
}

/** A service as grpc-js describes it. */
export type GrpcServiceDefinition = { readonly [name: string]: GrpcMethodDefinition };

/** Whatever createClient() and addService() take. */
export type AnyService = ServiceDefinition | GrpcServiceDefinition;

type Uncapitalized<Name> = Name extends string ? Uncapitalize<Name> : never;

/** Request and response types by JavaScript method name. */
export type MethodsOf<Service extends AnyService> =
  Service extends ServiceDefinition<infer Methods>
    ? {
        [Name in keyof Methods]: Methods[Name] extends MethodDefinition<infer Request, infer Response>
          ? Unary<Request, Response>
          : never;
      }
    : {
        [Name in keyof Service as Uncapitalized<Name>]: Service[Name] extends GrpcMethodDefinition<
          infer Request,
          infer Response
        >
          ? Unary<Request, Response>
          : never;
      };
