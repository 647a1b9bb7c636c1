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
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

/** The methods of a service by the name they have in JavaScript (the .proto's name with a small first letter). */
export interface ServiceDefinition<Methods extends MethodMap = MethodMap> {
  readonly name: string;
  readonly methods: Methods;
  /** Methods of the .proto that stream, which this version cannot call; by JavaScript name. */
  readonly streaming?: readonly string[];
}

export type MethodMap = { readonly [name: string]: MethodDefinition };

/** How a service is described to the type system: `{ makeOrder: Unary<Request, Response> }`. */
export interface Unary<Request, Response> {
  readonly request: Request;
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
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  requestSerialize(value: Request): Buffer;
  requestDeserialize(bytes: Buffer): Request;
  responseSerialize(value: Response): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

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
