import { methodInfo } from '../contract/define-service.ts';
import { wireFailure } from '../contract/errors.ts';
import { statusReason, statusWord } from '../contract/status.ts';
import type { ReadyStrings, ServerReceiver, ServerTransport } from '../contract/transport.ts';
import { adopted, isPlainPromise, isThenable } from '../contract/user-code.ts';
import { messageOf } from '../contract/value-text.ts';
import { type Logger, safeLogger } from '../log/logger.ts';
import { runInContext } from './async-context.ts';
import { ServerCall, setCallLogger } from './call-context.ts';
import { runServerInterceptors } from './interceptors.ts';
import { isOutOfMemory, memoryError } from './out-of-memory.ts';
import type { ServerSettings } from './server-options.ts';
import type { MethodHandler } from './service-handlers.ts';

const exhausted = statusWord('RESOURCE_EXHAUSTED');
const internal = statusWord('INTERNAL');
const unreadable = statusWord('INVALID_ARGUMENT', statusReason.unreadable);

/** Runs the calls of a server: decodes requests, calls handlers, sends what they return or throw. */
export class ServerCalls implements ServerReceiver {
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
    this.#logger = safeLogger(settings.logger);
    this.#methods = methods;
    this.#onClosed = onClosed;
  }

  /** Creates the transport of these calls; once. */
  start(): ServerTransport {
    const { makeTransport, transportOptions, logger } = this.#settings;
    const infos = this.#methods.map(({ definition }) => methodInfo(definition.wireName, definition.request));
    this.#transport = makeTransport(transportOptions, infos, this);
    setCallLogger(this.#transport, logger);
    return this.#transport;
  }

  /** Calls whose handler has not settled, or whose reply is not yet handed over. */
  get running(): number {
    return this.#running;
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
  ): void {
    const transport = this.#transport;
    // The caller already has DEADLINE_EXCEEDED, or gets it now; the clock is a wrapping 32-bit number.
    if (((deadlineMs - nowMs) | 0) <= 0) return transport.end(low, high);
    const { definition, handler } = this.#methods[method]!;
    let request: unknown;
    try {
      request = definition.request.decode(buffer, start, end, strings);
    } catch (error) {
      return this.#undecoded(low, high, error);
    }
    const call = new ServerCall(transport, definition, low, high, deadlineMs, heads, headAt);
    this.#remember(call);
    let value: unknown;
    try {
      const result = this.#invoke(handler, request, call);
      if (isThenable(result)) {
        const promise = isPlainPromise(result) ? result : adopted(result);
        promise.then(
          (settled) => this.#reply(call, settled),
          (error: unknown) => this.#fail(call, error),
        );
        return;
      }
      value = result;
    } catch (error) {
      return this.#fail(call, error);
    }
    this.#reply(call, value);
  }

  /** Apart from onRequest(), which V8 inlines while it is small (bench:boundary, JavaScript CPU of 50 x 20). */
  #undecoded(low: number, high: number, error: unknown): void {
    const transport = this.#transport;
    if (isOutOfMemory(error))
      return transport.fail(low, high, exhausted, 0, 'the server has no memory for the request');
    const text = `the request cannot be parsed: ${messageOf(error)}`;
    transport.fail(low, high, unreadable, 0, text);
  }

  #invoke(handler: MethodHandler['handler'], request: unknown, call: ServerCall): unknown {
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

  #reply(call: ServerCall, value: unknown): void {
    if (call.ended) return;
    try {
      this.#transport.reply(
        call.low,
        call.high,
        call.definition.response,
        value,
        call.encodedResponseMetadata(),
        call.encodedTrailers(),
      );
    } catch (error) {
      if (isOutOfMemory(error))
        return this.#fail(call, memoryError(error, `the reply of ${call.method} on the server`));
      return this.#fail(
        call,
        new Error(`the reply of ${call.method} cannot be sent: ${messageOf(error)}`, { cause: error }),
      );
    }
    this.#forget(call);
  }

  #fail(call: ServerCall, error: unknown): void {
    if (call.ended) return;
    const transport = this.#transport;
    const failure = wireFailure(error);
    if (failure !== undefined) {
      transport.fail(call.low, call.high, failure.status, failure.own, failure.message);
    } else {
      const text = this.#settings.exposeErrors ? messageOf(error) : 'internal error';
      transport.fail(call.low, call.high, internal, 0, text);
      this.#logger.error(`the handler of ${call.method} failed`, error);
    }
    this.#forget(call);
  }

  onAbort(low: number, high: number, status: number): void {
    const call = this.#calls[low >>> 24]?.[low & 0xffffff];
    if (call !== undefined && call.high === high) {
      call.abort(status);
      this.#forget(call);
      this.#transport.end(low, high);
    }
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

  #forget(call: ServerCall): void {
    call.finish();
    const slots = this.#calls[call.low >>> 24];
    const slot = call.low & 0xffffff;
    if (slots?.[slot] === call) slots[slot] = undefined;
    this.#running--;
  }
}
