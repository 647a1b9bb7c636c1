import type { CaseName } from './cases.ts';

/** Single values; that of a key which ends with -bin is bytes. */
export type Pairs = Readonly<Record<string, string | Uint8Array>>;

export type MethodName =
  | 'emptyCall'
  | 'unaryCall'
  | 'streamingOutputCall'
  | 'streamingInputCall'
  | 'fullDuplexCall'
  | 'unimplementedCall';

export interface JsCallOptions {
  readonly metadata?: Pairs;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly service?: 'TestService' | 'UnimplementedService';
}

/** A call of any kind. Iterating it throws a CallFailure when the call fails. */
export interface JsCall extends AsyncIterable<object> {
  readonly headers: Promise<Pairs>;
  /** Resolves once the call has ended well. */
  readonly trailers: Promise<Pairs>;
}

/** A client library of Node.js, whose calls are all of one form here. */
export interface JsClient {
  /** Of a method that takes one request the first is sent. */
  call(method: MethodName, requests: AsyncIterable<object>, options?: JsCallOptions): JsCall;
  close(): void;
}

export interface JsLibrary {
  readonly name: string;
  /** Cases for which the library has no means. */
  readonly lacks: readonly CaseName[];
  connect(port: number, options?: { readonly gzip?: boolean }): JsClient;
}

/** How a call failed, whatever the library. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';

  /** The number of the gRPC status. */
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string, options?: ErrorOptions) {
    super(`${code}: ${details}`, options);
    this.code = code;
    this.details = details;
  }
}

/** Kinds of the test service's methods. */
export const takesStream: ReadonlySet<MethodName> = new Set(['streamingInputCall', 'fullDuplexCall']);
export const answersStream: ReadonlySet<MethodName> = new Set(['streamingOutputCall', 'fullDuplexCall']);

/** The first of the requests, for a method that takes one. */
export async function firstOf<T>(requests: AsyncIterable<T>): Promise<T> {
  for await (const request of requests) return request;
  throw new Error('a call that takes one request was given none');
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

/** Stays pending when it is never resolved, so that nobody has to look at it. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
