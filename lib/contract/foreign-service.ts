/** Descriptions of services that other libraries make. */

/** A method as grpc-js and nice-grpc describe it (created by proto-loader, ts-proto and grpc-tools). */
export interface GrpcMethodDefinition<Request = unknown, Response = unknown> {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Whether the caller sends several messages. */
  readonly requestStream: boolean;
  /** Whether the handler sends several messages. */
  readonly responseStream: boolean;
  /** Message to bytes. */
  requestSerialize(value: Request): Uint8Array;
  /** Bytes to message. */
  requestDeserialize(bytes: Buffer): Request;
  /** Message to bytes. */
  responseSerialize(value: Response): Uint8Array;
  /** Bytes to message. */
  responseDeserialize(bytes: Buffer): Response;
}

/** A service as grpc-js describes it. */
export type GrpcServiceDefinition = { readonly [name: string]: GrpcMethodDefinition };

/** A message type as ts-proto writes it. */
export interface GenericMessageType<Message = unknown> {
  /** Message to a writer that has its bytes. */
  encode(message: Message): {
    /** The bytes. */
    finish(): Uint8Array;
  };
  /** Bytes to message. */
  decode(bytes: Uint8Array): Message;
  /** The whole message for some of its fields. */
  fromPartial?(fields: never): Message;
}

/** A method of a generic definition. */
export interface GenericMethodDefinition<Request = unknown, Response = unknown> {
  /** As in the .proto. */
  readonly name: string;
  /** Type of its request. */
  readonly requestType: GenericMessageType<Request>;
  /** Whether the caller sends several messages. */
  readonly requestStream: boolean;
  /** Type of its reply. */
  readonly responseType: GenericMessageType<Response>;
  /** Whether the handler sends several messages. */
  readonly responseStream: boolean;
}

/** A service as ts-proto describes it with `outputServices=generic-definitions`; nice-grpc takes it, too. */
export interface GenericServiceDefinition {
  /** Without its package. */
  readonly name: string;
  /** With its package. */
  readonly fullName: string;
  /** By their JavaScript names. */
  readonly methods: { readonly [name: string]: GenericMethodDefinition };
}

type Whole = string | number | boolean | bigint | symbol | null | undefined | Date | Uint8Array;

/** A message whose fields may be left out at any depth; a oneof with a `$case` needs that. */
type Partially<Message> = Message extends Whole
  ? Message
  : Message extends readonly (infer Item)[]
    ? readonly Partially<Item>[]
    : Message extends { readonly $case: infer Case }
      ? { readonly $case: Case } & {
          readonly [Name in Exclude<keyof Message, '$case'>]?: Partially<Message[Name]> | undefined;
        }
      : { readonly [Name in keyof Message]?: Partially<Message[Name]> | undefined };

/** The values that may be passed for a message of such a type. */
export type GivenOf<Type> = Type extends { readonly fromPartial: unknown }
  ? Partially<ReceivedOf<Type>>
  : ReceivedOf<Type>;

/** The message that such a type decodes. */
export type ReceivedOf<Type> = Type extends { decode(bytes: Uint8Array): infer Message } ? Message : never;

/** The kind of such a method, if its type shows it. */
export type GrpcKind<Method> = Method extends { readonly requestStream: true }
  ? Method extends { readonly responseStream: true }
    ? 'bidi'
    : 'clientStream'
  : Method extends { readonly responseStream: true }
    ? 'serverStream'
    : 'unary';
