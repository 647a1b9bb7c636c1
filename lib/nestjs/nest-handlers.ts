import type { MessageHandler } from '@nestjs/microservices';
import { RpcError } from '../contract/errors.ts';
import type { CallContext } from '../rpc/call-context.ts';
import { concat, isObservable, Observable, Subject, takeUntil } from './nest-packages.ts';
import type { NestMethod } from './nest-services.ts';
import { ObservableReader } from './observable-reader.ts';
import { RequestObservable } from './request-observable.ts';
import { GrpcServerCall } from './server-call.ts';
import { toRpcError } from './statuses.ts';
import { addTrailers, GrpcStream } from './stream-call.ts';

/** A controller's method, with the guards, pipes and interceptors that Nest runs around it. */
export type NestHandler = MessageHandler<unknown, unknown, unknown>;

/** A handler of rocket-rpc's server. */
export type ServerHandler = (request: unknown, context: CallContext) => unknown;

/** The settings that all handlers share. */
export interface HandlerSettings {
  readonly maxBufferedMessages: number;
  /** Runs a call within Nest's hooks. The body must call `end` when the call has ended. */
  within(name: string, call: object, body: (end: () => void) => Promise<unknown>): Promise<unknown>;
}

/** For a method with `@GrpcMethod()` or `@GrpcStreamMethod()`. */
export function observableHandler(
  nest: NestHandler,
  method: NestMethod,
  settings: HandlerSettings,
): ServerHandler {
  const { definition, plainRequest } = method;
  const { kind = 'unary', name } = definition;
  const takesStream = kind === 'clientStream' || kind === 'bidi';
  const repliesStream = kind === 'serverStream' || kind === 'bidi';
  return (given, context) => {
    const requests = takesStream
      ? new RequestObservable(given as AsyncIterable<unknown>, plainRequest)
      : undefined;
    const request = requests ?? plainRequest(given);
    const call = new GrpcServerCall(context, takesStream ? undefined : request);
    return settings.within(name, call, async (end) => {
      let isOpen = false;
      try {
        const returned = await calledWith(nest, request, call.metadata, call);
        if (!repliesStream) {
          const reply = await oneReply(returned, method, context);
          if (requests?.failure !== undefined) throw requests.failure.error;
          return reply;
        }
        isOpen = isObservable(returned);
        return severalReplies(returned, requests, method, settings, end);
      } catch (error) {
        throw toRpcError(error);
      } finally {
        if (!isOpen) end();
      }
    });
  };
}

/** For a method with `@GrpcStreamCall()`. */
export function streamCallHandler(
  nest: NestHandler,
  method: NestMethod,
  settings: HandlerSettings,
): ServerHandler {
  const { definition, plainRequest } = method;
  return (given, context) => {
    const requests = given as AsyncIterable<unknown>;
    const stream = new GrpcStream(context, requests, plainRequest, settings.maxBufferedMessages);
    const run = (callback?: GrpcCallback): void => {
      const body = async (end: () => void): Promise<void> => {
        try {
          const returned = await calledWith(nest, stream, ...(callback === undefined ? [] : [callback]));
          // An exception filter returns an Observable that fails.
          if (isObservable(returned)) await lastOf(returned, context);
        } catch (error) {
          stream.failWith(error);
        } finally {
          end();
        }
      };
      settings.within(definition.name, stream, body).catch((error: unknown) => stream.failWith(error));
    };
    if (definition.kind === 'bidi') {
      run();
      return stream.replies();
    }
    return new Promise((resolve, reject) => {
      stream.on('failed', reject);
      run((error, value, trailers) => {
        if (error !== null && error !== undefined) return reject(toRpcError(error));
        if (trailers !== undefined && trailers !== null) addTrailers(context, trailers);
        resolve(replyOf(value, method));
      });
    }).finally(() => stream.destroy());
  };
}

/** The callback that grpc-js passes to handlers that send one reply. */
type GrpcCallback = (error: unknown, value?: unknown, trailers?: unknown) => void;

/** Nest's type has two arguments; its transport for gRPC has up to three. */
function calledWith(nest: NestHandler, ...args: unknown[]): unknown {
  return (nest as (...all: unknown[]) => unknown)(...args);
}

/**
 * The reply of a handler: of an Observable the first value, or the last one if the caller sends several messages, as in
 * Nest's transport.
 */
async function oneReply(returned: unknown, method: NestMethod, context: CallContext): Promise<unknown> {
  if (!isObservable(returned)) return replyOf(returned, method);
  const found = await lastOf(returned, context, method.definition.kind !== 'clientStream');
  if (found !== undefined) return replyOf(await found.value, method);
  throw new RpcError('INTERNAL', `the Observable of ${context.method} has completed without a reply`);
}

function replyOf(value: unknown, { replyIsEmpty }: NestMethod): unknown {
  return value === undefined && replyIsEmpty ? {} : value;
}

/** The last or first value of an Observable; undefined if it has none. Unsubscribes when the call is over. */
function lastOf(
  source: Observable<unknown>,
  { signal }: CallContext,
  takesFirst = false,
): Promise<{ readonly value: unknown } | undefined> {
  return new Promise((resolve, reject) => {
    let last: { readonly value: unknown } | undefined;
    const stop = new Subject<void>();
    const end = (): void => {
      signal.removeEventListener('abort', onAbort);
      stop.next();
    };
    const onAbort = (): void => {
      reject(signal.reason);
      end();
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    source.pipe(takeUntil(stop)).subscribe({
      next: (value) => {
        last = { value };
        if (!takesFirst) return;
        resolve(last);
        end();
      },
      error: (error: unknown) => {
        reject(error);
        end();
      },
      complete: () => {
        resolve(last);
        end();
      },
    });
  });
}

function severalReplies(
  returned: unknown,
  requests: RequestObservable | undefined,
  method: NestMethod,
  { maxBufferedMessages }: HandlerSettings,
  end: () => void,
): unknown {
  if (!isObservable(returned)) return isIterable(returned) ? returned : [replyOf(returned, method)];
  const what = `the replies of ${method.definition.wireName}`;
  const replies = requests === undefined ? returned : concat(returned, failureOf(requests));
  return new ObservableReader(replies, maxBufferedMessages, what, toRpcError, end);
}

/** Comes after the replies, because otherwise a handler could take the missing requests for the end of the stream. */
function failureOf(requests: RequestObservable): Observable<never> {
  return new Observable((subscriber) => {
    if (requests.failure === undefined) subscriber.complete();
    else subscriber.error(requests.failure.error);
  });
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}
