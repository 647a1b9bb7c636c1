import type { Encoder, MethodInfo, ReadyStrings } from './transport.ts';

/** Turns values of one message type into bytes and back. `Given` is what may be written where `T` is read. */
export interface MessageCodec<T, Given = T> extends Encoder {
  encodeInto(value: Given, into: Buffer, offset: number): number;
  /**
   * Reads `buffer` from `start` to `end`; must copy what it keeps. `strings` says that every string in it is known to be
   * ASCII, and has some of them. @throws Error on bytes that are not such a message.
   */
  decode(buffer: Buffer, start: number, end: number, strings?: ReadyStrings): T;
  /** Bit n is set: field n of the message itself is a string, or several. Default: none is known. */
  readonly stringFields?: number;
}

/** What a transport needs to know of a method for which `incoming` messages arrive. */
export function methodInfo(wireName: string, incoming: MessageCodec<unknown>): MethodInfo {
  return { wireName, stringFields: incoming.stringFields ?? 0 };
}

/** One unary method. */
export interface MethodDefinition<
  Request = unknown,
  Response = unknown,
  GivenRequest = Request,
  GivenResponse = Response,
> {
  /** As in the .proto. */
  readonly name: string;
  /** `Service.method`, what is sent; split at its last dot. */
  readonly wireName: string;
  /** Codec of its request. */
  readonly request: MessageCodec<Request, GivenRequest>;
  /** Codec of its reply. */
  readonly response: MessageCodec<Response, GivenResponse>;
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

/**
 * How a service is described to the type system: `{ makeOrder: Unary<Request, Response> }`. A message that arrives has
 * fields that one need not give: where that matters, `Request` and `Response` are what handler and caller receive, and
 * `GivenRequest` and `GivenResponse` what caller and handler give.
 */
export interface Unary<Request, Response, GivenRequest = Request, GivenResponse = Response> {
  /** Type of its request, as the handler receives it. */
  readonly request: Request;
  /** Type of its reply, as the caller receives it. */
  readonly response: Response;
  /** Type of its request, as the caller gives it. */
  readonly givenRequest: GivenRequest;
  /** Type of its reply, as the handler gives it. */
  readonly givenResponse: GivenResponse;
}

/** The definition that belongs to such a description. */
export type DefinitionOf<Description> = ServiceDefinition<{
  readonly [Name in keyof Description]: Description[Name] extends Unary<
    infer Request,
    infer Response,
    infer GivenRequest,
    infer GivenResponse
  >
    ? MethodDefinition<Request, Response, GivenRequest, GivenResponse>
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
        [Name in keyof Methods]: Methods[Name] extends MethodDefinition<
          infer Request,
          infer Response,
          infer GivenRequest,
          infer GivenResponse
        >
          ? Unary<Request, Response, GivenRequest, GivenResponse>
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
