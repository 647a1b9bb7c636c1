import { withDetails } from '../codec/error-details.ts';
import { methodInfo } from '../contract/define-service.ts';
import { type Failure, isRpcError, RpcError, wireFailure } from '../contract/errors.ts';
import type { Metadata } from '../contract/metadata.ts';
import { statusOfWord, statusReason, statusWord } from '../contract/status.ts';
import {
  type ReadyStrings,
  requestFlag,
  type ServerReceiver,
  type ServerTransport,
} from '../contract/transport.ts';
import { adopted, isPlainPromise, isThenable } from '../contract/user-code.ts';
import { messageOf } from '../contract/value-text.ts';
import { type Logger, safeLogger } from '../log/logger.ts';
import { runInContext } from './async-context.ts';
import { type CallsHost, replyCompressed, runCompressed } from './compressed-calls.ts';
import { DecompressError, type MessageLimit } from './compression.ts';
import { runServerInterceptors } from './interceptors.ts';
import { isOutOfMemory, memoryError } from './out-of-memory.ts';
import { QueuedMessages } from './queued-messages.ts';
import { flagsOfOption } from './reply-compression.ts';
import { ServerCall, setCallLogger } from './server-call.ts';
import type { ServerSettings } from './server-options.ts';
import type { MethodHandler } from './service-handlers.ts';
import { StreamCall, type StreamCounts, type StreamHost } from './stream-calls.ts';

const exhausted = statusWord('RESOURCE_EXHAUSTED');
const internal = statusWord('INTERNAL');
const unreadable = statusWord('INVALID_ARGUMENT', statusReason.unreadable);

/** Runs the calls of a server: decodes requests, calls handlers, sends what they return or throw. */
export class ServerCalls implements ServerReceiver, StreamHost, CallsHost {
  readonly streams: StreamCounts = { open: 0, queued: new QueuedMessages() };
  readonly requestLimit: MessageLimit;
  readonly isIntercepted: boolean;
  /** Flags that every call has in addition to those of its request. */
  readonly #callFlags: number;
  readonly #settings: ServerSettings;
  readonly #logger: Logger;
  readonly #methods: readonly MethodHandler[];
  readonly #onClosed: () => void;
  /** Calls by io thread and slot (the halves of a call id's low word), so that an abort finds its call. */
  readonly #calls: (ServerCall | undefined)[][] = [];
  #running = 0;
  /** Set by start(), before which no call arrives. */
  #transport!: ServerTransport;

  constructor(settings: ServerSettings, methods: readonly MethodHandler[], onClosed: () => void) {
    this.#settings = settings;
    this.#callFlags = flagsOfOption(settings.compression);
    const { maxMessageBytes } = settings.transportOptions;
    this.requestLimit = { what: 'request', maxMessageBytes };
    this.isIntercepted = settings.interceptors.length > 0;
    this.#logger = safeLogger(settings.logger);
    this.#methods = methods;
    this.#onClosed = onClosed;
  }

  /** Creates the transport of these calls; once. */
  start(): ServerTransport {
    const { makeTransport, transportOptions, logger } = this.#settings;
    const infos = this.#methods.map(({ definition }) => methodInfo(definition, definition.request));
    this.#transport = makeTransport(transportOptions, infos, this);
    setCallLogger(this.#transport, logger);
    return this.#transport;
  }

  /** Calls whose handler has not settled, or whose reply is not yet handed over. */
  get running(): number {
    return this.#running;
  }

  get transport(): ServerTransport {
    return this.#transport;
  }

  onRequest(
    low: number,
    high: number,
    method: number,
    deadlineMs: number,
    nowMs: number,
    buffer: Buffer,
    start: number,
    end: number,
    heads: string,
    headAt: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    const transport = this.#transport;
    // The caller already has DEADLINE_EXCEEDED, or gets it now. The clock is a 32-bit number that wraps around.
    if (((deadlineMs - nowMs) | 0) <= 0) return transport.end(low, high);
    const found = this.#methods[method]!;
    const { definition, requestsStream } = found;
    let request: unknown;
    const callFlags = flags | this.#callFlags;
    if (!requestsStream) {
      if ((flags & requestFlag.compressed) !== 0) {
        const call = new ServerCall(transport, definition, low, high, deadlineMs, heads, headAt, callFlags);
        this.#remember(call);
        return runCompressed(this, call, found, buffer.subarray(start, end));
      }
      try {
        request = definition.request.decode(buffer, start, end, strings);
      } catch (error) {
        return this.#undecoded(low, high, error);
      }
    }
    const call = new ServerCall(transport, definition, low, high, deadlineMs, heads, headAt, callFlags);
    this.#remember(call);
    this.run(call, found, request);
  }

  /** Calls the handler. */
  run(call: ServerCall, method: MethodHandler, request: unknown): void {
    const { handler, streams } = method;
    if (streams) return this.#startStream(call, method, request);
    let value: unknown;
    try {
      const result = this.invoke(handler, request, call);
      if (isThenable(result)) {
        const promise = isPlainPromise(result) ? result : adopted(result);
        promise.then(
          (settled) => this.reply(call, settled),
          (error: unknown) => this.fail(call, error),
        );
        return;
      }
      value = result;
    } catch (error) {
      return this.fail(call, error);
    }
    this.reply(call, value);
  }

  #startStream(call: ServerCall, method: MethodHandler, request: unknown): void {
    const stream = new StreamCall(this, call, method);
    call.stream = stream;
    stream.run(method.handler, request);
  }

  onMessage(
    low: number,
    high: number,
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    const call = this.#find(low, high);
    if (call === undefined) return;
    call.stream?.onMessage(buffer, start, end, strings, flags);
  }

  /** Aborts a call that has failed, and so tells its handler. */
  #stop(call: ServerCall, status: number, text: string): void {
    call.abort(status, new RpcError(statusOfWord(status) as 'UNKNOWN', text));
    this.forget(call);
  }

  onHalfClose(low: number, high: number): void {
    this.#find(low, high)?.stream?.onHalfClose();
  }

  onRoom(low: number, high: number, bytes: number): void {
    this.#find(low, high)?.stream?.onRoom(bytes);
  }

  /** Separate from onRequest(), which V8 inlines only while it is small (bench:boundary, JavaScript CPU of 50 x 20). */
  #undecoded(low: number, high: number, error: unknown): void {
    const { status, text } = whyUndecoded(error);
    this.#transport.fail(low, high, status, 0, text, '');
  }

  /** One of the requests of a stream could not be decoded, so the call is over. */
  refuse(call: ServerCall, error: unknown): void {
    call.keepIdentity();
    const { status, text } = whyUndecoded(error);
    this.#transport.fail(call.low, call.high, status, 0, text, '');
    this.#stop(call, status, text);
  }

  invoke(handler: MethodHandler['handler'], request: unknown, call: ServerCall): unknown {
    const { interceptors } = this.#settings;
    const run =
      interceptors.length === 0
        ? undefined
        : () => {
            const intercepted = { method: call.method, request, context: call };
            return runServerInterceptors(interceptors, intercepted, () => handler(request, call));
          };
    if (this.#settings.asyncContext) return runInContext(call, run ?? (() => handler(request, call)));
    return run === undefined ? handler(request, call) : run();
  }

  resume(call: ServerCall, body: () => void): void {
    if (this.#settings.asyncContext) runInContext(call, body);
    else body();
  }

  reply(call: ServerCall, value: unknown): void {
    if (call.ended) return;
    if (call.wantsCompression && call.replyFormat !== undefined) return replyCompressed(this, call, value);
    try {
      this.#transport.reply(
        call.low,
        call.high,
        call.definition.response,
        value,
        call.encodedResponseMetadata(),
        call.encodedTrailers(),
        false,
      );
    } catch (error) {
      return this.fail(call, this.unsent(call, error));
    }
    this.forget(call);
  }

  /** The error of a reply that cannot be encoded. */
  unsent(call: ServerCall, error: unknown): unknown {
    if (isOutOfMemory(error)) return memoryError(error, `the reply of ${call.method} on the server`);
    return new Error(`the reply of ${call.method} cannot be sent: ${messageOf(error)}`, { cause: error });
  }

  fail(call: ServerCall, error: unknown): void {
    if (call.ended) return;
    const transport = this.#transport;
    const failure = wireFailure(error);
    if (failure !== undefined) {
      const trailers = this.#withDetails(call, failure, this.#trailers(call, failure.metadata));
      transport.fail(call.low, call.high, failure.status, failure.own, failure.message, trailers);
    } else {
      const text = this.#settings.exposeErrors ? messageOf(error) : 'internal error';
      transport.fail(call.low, call.high, internal, 0, text, this.#trailers(call, undefined));
      this.#logger.error(`the handler of ${call.method} failed`, error);
    }
    this.forget(call);
  }

  /** The trailers of a call that fails. If they cannot be encoded, the error is sent without them. */
  #trailers(call: ServerCall, ofError: Metadata | undefined): string {
    try {
      return call.encodedTrailers(ofError);
    } catch (error) {
      this.#logger.error(`the trailers of ${call.method} cannot be sent`, error);
      return '';
    }
  }

  #withDetails(call: ServerCall, failure: Failure, trailers: string): string {
    if (failure.details === undefined || !call.isGrpc) return trailers;
    return withDetails(trailers, failure, (what) =>
      this.#logger.error(`details of the error of ${call.method} cannot be sent: ${what}`),
    );
  }

  onLateError(call: ServerCall, error: unknown): void {
    // An RpcError here is most likely the one that told the handler that the call is over.
    if (!isRpcError(error)) this.#logger.error(`the handler of ${call.method} failed after its call`, error);
  }

  onAbort(low: number, high: number, status: number): void {
    const call = this.#find(low, high);
    if (call === undefined) return;
    call.keepIdentity();
    // Listeners of its signal are the handler's.
    this.resume(call, () => call.abort(status));
    this.forget(call);
    this.#transport.end(low, high);
  }

  #find(low: number, high: number): ServerCall | undefined {
    const call = this.#calls[low >>> 24]?.[low & 0xffffff];
    return call?.high === high ? call : undefined;
  }

  onLog(line: string): void {
    this.#logger.warn(line);
  }

  onClosed(): void {
    this.#onClosed();
  }

  #remember(call: ServerCall): void {
    const thread = call.low >>> 24;
    let slots = this.#calls[thread];
    if (slots === undefined) {
      slots = [];
      this.#calls[thread] = slots;
    }
    slots[call.low & 0xffffff] = call;
    this.#running++;
  }

  forget(call: ServerCall): void {
    call.finish();
    const slots = this.#calls[call.low >>> 24];
    const slot = call.low & 0xffffff;
    if (slots?.[slot] === call) slots[slot] = undefined;
    this.#running--;
  }
}

function whyUndecoded(error: unknown): { readonly status: number; readonly text: string } {
  if (error instanceof DecompressError) return { status: statusWord(error.code), text: error.message };
  if (isOutOfMemory(error)) return { status: exhausted, text: 'the server has no memory for the request' };
  return { status: unreadable, text: `the request cannot be parsed: ${messageOf(error)}` };
}
