import type {
  GenericServiceDefinition,
  GivenOf,
  GrpcKind,
  GrpcMethodDefinition,
  GrpcServiceDefinition,
  ReceivedOf,
} from './foreign-service.ts';
import type { Encoder, ReadyStrings } from './transport.ts';

/**
 * Encodes and decodes values of one message type. `Given` is the type of values that may be written, `T` of those that
 * are read.
 */
export interface MessageCodec<T, Given = T> extends Encoder {
  encodeInto(value: Given, into: Buffer, offset: number): number;
  /**
   * Reads `buffer` from `start` to `end`. It must copy what it keeps, because the memory is reused or freed afterwards.
   * If `strings` is given, every string in the message is known to be ASCII, and `strings` has some of them. @throws
   * Error on bytes that are not such a message.
   */
  decode(buffer: Buffer, start: number, end: number, strings?: ReadyStrings): T;
  /** Bit n is set if field n of the message itself is a string or a repeated string. Default: none. */
  readonly stringFields?: number;
}

/** How many messages go each way: one and one, several and one, one and several, several and several. */
export type MethodKind = 'unary' | 'clientStream' | 'serverStream' | 'bidi';

/** One method. A type without a kind counts as unary. */
export interface MethodDefinition<
  Request = unknown,
  Response = unknown,
  GivenRequest = Request,
  GivenResponse = Response,
  Kind extends MethodKind = MethodKind,
> {
  /** As in the .proto. */
  readonly name: string;
  /** `Service.method`, the name on the wire; split at its last dot. */
  readonly wireName: string;
  /** Which sides send several messages. Default `unary`. */
  readonly kind?: Kind;
  /** Codec of its requests. */
  readonly request: MessageCodec<Request, GivenRequest>;
  /** Codec of its replies. */
  readonly response: MessageCodec<Response, GivenResponse>;
}

/** The methods of a service by their JavaScript names (the .proto's name with a lower-case first letter). */
export interface ServiceDefinition<Methods extends MethodMap = MethodMap> {
  /** Full name, with its package. */
  readonly name: string;
  /** All methods. Those whose `kind` is not `unary` stream. */
  readonly methods: Methods;
}

export type MethodMap = { readonly [name: string]: MethodDefinition };

/** The types of a method, of whatever kind. */
interface MethodTypes<Request, Response, GivenRequest, GivenResponse> {
  /** Type of its request, as the handler receives it. */
  readonly request: Request;
  /** Type of its reply, as the caller receives it. */
  readonly response: Response;
  /** Type of its request, as the caller passes it. */
  readonly givenRequest: GivenRequest;
  /** Type of its reply, as the handler returns it. */
  readonly givenResponse: GivenResponse;
}

/**
 * How a service is described to the type system: `{ makeOrder: Unary<Request, Response> }`. A received message has
 * fields that the sender may leave out. If that matters, `Request` and `Response` are the types that handler and caller
 * receive, and `GivenRequest` and `GivenResponse` those that caller and handler pass.
 */
export interface Unary<Request, Response, GivenRequest = Request, GivenResponse = Response>
  extends MethodTypes<Request, Response, GivenRequest, GivenResponse> {
  /** Of `MethodDefinition.kind`. */
  readonly kind?: 'unary';
}

/** Like Unary, for a method whose caller sends several messages. */
export interface ClientStream<Request, Response, GivenRequest = Request, GivenResponse = Response>
  extends MethodTypes<Request, Response, GivenRequest, GivenResponse> {
  /** Of `MethodDefinition.kind`. */
  readonly kind: 'clientStream';
}

/** Like Unary, for a method whose handler sends several messages. */
export interface ServerStream<Request, Response, GivenRequest = Request, GivenResponse = Response>
  extends MethodTypes<Request, Response, GivenRequest, GivenResponse> {
  /** Of `MethodDefinition.kind`. */
  readonly kind: 'serverStream';
}

/** Like Unary, for a method in which both sides send several messages. */
export interface Bidi<Request, Response, GivenRequest = Request, GivenResponse = Response>
  extends MethodTypes<Request, Response, GivenRequest, GivenResponse> {
  /** Of `MethodDefinition.kind`. */
  readonly kind: 'bidi';
}

/** The description of a method of that kind; if the kind is not known, of a unary one. */
type Described<Kind, Request, Response, GivenRequest, GivenResponse> = [Kind] extends ['clientStream']
  ? ClientStream<Request, Response, GivenRequest, GivenResponse>
  : [Kind] extends ['serverStream']
    ? ServerStream<Request, Response, GivenRequest, GivenResponse>
    : [Kind] extends ['bidi']
      ? Bidi<Request, Response, GivenRequest, GivenResponse>
      : Unary<Request, Response, GivenRequest, GivenResponse>;

/** The kind of such a description. */
type KindOf<Description> = Description extends { readonly kind: infer Kind extends MethodKind }
  ? Kind
  : 'unary';

/** The definition type for such a description. */
export type DefinitionOf<Description> = ServiceDefinition<{
  readonly [Name in keyof Description]: Description[Name] extends MethodTypes<
    infer Request,
    infer Response,
    infer GivenRequest,
    infer GivenResponse
  >
    ? MethodDefinition<Request, Response, GivenRequest, GivenResponse, KindOf<Description[Name]>>
    : never;
}>;

/** The service definitions that createClient() and addService() accept. */
export type AnyService = ServiceDefinition | GenericServiceDefinition | GrpcServiceDefinition;

type Uncapitalized<Name> = Name extends string ? Uncapitalize<Name> : never;

/** Descriptions of all methods by JavaScript name. */
export type MethodsOf<Service extends AnyService> =
  Service extends ServiceDefinition<infer Methods>
    ? {
        [Name in keyof Methods]: Methods[Name] extends MethodDefinition<
          infer Request,
          infer Response,
          infer GivenRequest,
          infer GivenResponse,
          infer Kind
        >
          ? Described<Kind, Request, Response, GivenRequest, GivenResponse>
          : never;
      }
    : Service extends GenericServiceDefinition
      ? {
          [Name in keyof Service['methods'] as Uncapitalized<Name>]: Described<
            GrpcKind<Service['methods'][Name]>,
            ReceivedOf<Service['methods'][Name]['requestType']>,
            ReceivedOf<Service['methods'][Name]['responseType']>,
            GivenOf<Service['methods'][Name]['requestType']>,
            GivenOf<Service['methods'][Name]['responseType']>
          >;
        }
      : {
          [Name in keyof Service as Uncapitalized<Name>]: Service[Name] extends GrpcMethodDefinition<
            infer Request,
            infer Response
          >
            ? Described<GrpcKind<Service[Name]>, Request, Response, Request, Response>
            : never;
        };
