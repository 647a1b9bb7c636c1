import { toServiceDefinition } from '../codec/grpc.ts';
import { methodInfo } from '../contract/define-service.ts';
import { wireFailure } from '../contract/errors.ts';
import { checkedOptions } from '../contract/option-table.ts';
import type { AnyService, Unary, UnaryMethodsOf } from '../contract/service.ts';
import { statusReason, statusWord } from '../contract/status.ts';
import type {
  ReadyStrings,
  ServerReceiver,
  ServerTransport,
  ServerTransportStats,
} from '../contract/transport.ts';
import { adopted, isPlainPromise, isThenable } from '../contract/user-code.ts';
import { messageOf } from '../contract/value-text.ts';
import type { Registration } from '../discovery/registry.ts';
import { type Logger, safeLogger } from '../log/logger.ts';
import { runInContext } from './async-context.ts';
import { type CallContext, ServerCall, setCallLogger } from './call-context.ts';
import { runServerInterceptors } from './interceptors.ts';
import { listenAddress } from './listen-address.ts';
import {
  type CloseOptions,
  closeOptionTable,
  type ListenOptions,
  listenOptionTable,
} from './listen-options.ts';
import { isOutOfMemory, memoryError } from './out-of-memory.ts';
import { ServerHealth, type SettableHealth } from './server-health.ts';
import { checkedServerOptions, type ServerOptions, type ServerSettings } from './server-options.ts';
import { checkNotAborted, ServerRegistrations } from './server-registrations.ts';
import { handlersOf, type MethodHandler } from './service-handlers.ts';

/** A method's implementation: returns the reply, or throws; an RpcError reaches the caller as it is. */
export type Handler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response> | Response;

/** One handler for every unary method of a service. */
export type Handlers<Service extends AnyService> = {
  readonly [Name in keyof UnaryMethodsOf<Service>]: UnaryMethodsOf<Service>[Name] extends Unary<
    infer Request,
    unknown,
    unknown,
    infer Response
  >
    ? Handler<Request, Response>
    : never;
};

/** What a server listens on. */
export interface ListenAddress {
  /** As bound: `127.0.0.1:50051`, `[::1]:50051`, `unix:/path`. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** Counters since the server was created; gauges (`connections`, `callsInFlight`, `queuedBytes`) as of now. */
export interface ServerStats extends ServerTransportStats {
  /** Calls whose handler has not settled, or whose reply is not yet handed over. */
  readonly handlersRunning: number;
}

type State = 'new' | 'listening' | 'closing' | 'closed';

const exhausted = statusWord('RESOURCE_EXHAUSTED');
const internal = statusWord('INTERNAL');
const unreadable = statusWord('INVALID_ARGUMENT', statusReason.unreadable);

/**
 * Serves services on one or more addresses. Every call ends: with its handler's reply, or natively when its deadline
 * passes, even while JavaScript is blocked.
 */
export class Server implements AsyncDisposable, ServerReceiver {
  readonly #settings: ServerSettings;
  readonly #logger: Logger;
  readonly #methods: MethodHandler[] = [];
  readonly #names = new Set<string>();
  readonly #services: string[] = [];
  readonly #registrations = new ServerRegistrations();
  readonly #health = new ServerHealth();
  /** Calls by io thread and slot (the halves of a call id's low word), so that an abort finds its call. */
  readonly #calls: (ServerCall | undefined)[][] = [];
  #running = 0;
  #transport: ServerTransport | undefined;
  #state: State = 'new';
  #closed: Promise<void> | undefined;
  #onClosed: () => void = () => undefined;

  /** @throws RangeError or TypeError that names the option. */
  constructor(options: ServerOptions = {}) {
    this.#settings = checkedServerOptions(options);
    this.#logger = safeLogger(this.#settings.logger);
  }

  /**
   * Adds a service. `handlers` may be an object or an instance of a class, whose other fields are ignored. A method can
   * be left out only with a type assertion; it is then answered UNIMPLEMENTED.
   *
   * @throws Error once the server listens; TypeError for a handler that is not a function or not a method of the
   * service, for an object without handlers, and for anything that is not a service.
   */
  addService<Service extends AnyService>(service: Service, handlers: Handlers<Service>): this {
    if (this.#state !== 'new') throw new Error('addService() must come before listen()');
    const definition = toServiceDefinition(service);
    const found = handlersOf(definition, handlers);
    for (const { wireName } of found.map((each) => each.definition))
      if (this.#names.has(wireName)) throw new TypeError(`${wireName} has a handler already`);
    this.#services.push(definition.name);
    for (const each of found) this.#names.add(each.definition.wireName);
    this.#methods.push(...found);
    return this;
  }

  /**
   * Listens on `host:port` (port 0: any free port), `[ipv6]:port`, `unix:/path` or, on Linux, `unix:@abstract`; may be
   * called for several addresses. A socket file that nobody listens on any more is replaced.
   * With `registry` it then registers every service at that address, and close() withdraws them first.
   *
   * @throws Error with `code` (`EADDRINUSE`, `EACCES` …) and the address in its message; TypeError for a bad address.
   * With `registry`: the registry's error if it refuses permanently, `ETIMEDOUT` after `registerTimeoutMs`, `ABORT_ERR`
   * on `signal`; nothing stays registered then (but the server still listens: close() it).
   */
  async listen(address: string, options: ListenOptions = {}): Promise<ListenAddress> {
    const timeoutMs = checkedOptions('listen', options, listenOptionTable).registerTimeoutMs;
    const { registry, advertise, registerTimeoutMs: _, signal, ...registerOptions } = options;
    checkNotAborted(signal, 'listen()');
    if (this.#isClosed()) throw new Error('listen() on a closed server');
    const numeric = await listenAddress(address);
    if (this.#isClosed()) throw new Error('the server was closed while listen() looked a name up');
    checkNotAborted(signal, 'listen()');
    if (this.#state === 'new') {
      const { makeTransport, transportOptions, logger } = this.#settings;
      const methods = this.#methods.map(({ definition }) =>
        methodInfo(definition.wireName, definition.request),
      );
      this.#transport = makeTransport(transportOptions, methods, this);
      this.#health.attach(this.#transport);
      setCallLogger(this.#transport, logger);
      this.#state = 'listening';
    }
    if (registry !== undefined && advertise === undefined && isWildcard(numeric)) {
      throw new TypeError(
        `${address} means every address of this machine: say in option advertise which one to register`,
      );
    }
    const bound = this.#native().listen(numeric, this.#settings.backlog);
    if (registry !== undefined) {
      await this.#registrations.register({
        registry,
        services: this.#services,
        address: advertise ?? bound,
        options: registerOptions,
        timeoutMs,
        signal,
      });
    }
    return {
      address: bound,
      port: bound.startsWith('unix:') ? 0 : Number(bound.slice(bound.lastIndexOf(':') + 1)),
    };
  }

  /**
   * Sets the status that the health service (`rocket.health.v1.Health`) reports: for a service by its full name, or for
   * the server and all its services. It is reported natively, also while JavaScript is blocked. Requests are still
   * served; a closing server is always NOT_SERVING. May be called in any state, also before listen(); the default is
   * SERVING.
   *
   * @throws TypeError for another status, and for a service that was not added.
   */
  setHealth(status: SettableHealth, service?: string): void {
    this.#health.set(status, service, this.#services);
  }

  /** The registrations made by listen(), to read their state. */
  get registrations(): readonly Registration[] {
    return this.#registrations.list;
  }

  /**
   * Withdraws its registrations and continues for `withdrawMs`; then stops accepting, answers new requests on open
   * connections with UNAVAILABLE (`safeToRepeat`), gives running calls up to `drainMs` to finish, aborts the rest and
   * closes. Resolves at the latest about a second after that, or 3 s later still if the registry cannot be reached.
   * Idempotent.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { drainMs, withdrawMs } = checkedOptions('close', options, closeOptionTable);
    this.#closed ??= this.#close(drainMs, withdrawMs);
    return this.#closed;
  }

  async #close(drainMs: number, withdrawMs: number): Promise<void> {
    const transport = this.#transport;
    if (transport === undefined) {
      this.#state = 'closed';
      return;
    }
    this.#state = 'closing';
    if (this.#registrations.close()) {
      await this.#registrations.withdrawn;
      await this.#registrations.untilLeft(withdrawMs, () => transport.stats().connections);
    }
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve;
      transport.close(drainMs);
    });
  }

  /** For `await using`: close() with its defaults. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws Error before the first listen(). */
  stats(): ServerStats {
    return { ...this.#native().stats(), handlersRunning: this.#running };
  }

  #isClosed(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  #native(): ServerTransport {
    if (this.#transport === undefined) throw new Error('the server does not listen yet');
    return this.#transport;
  }

  /** @internal */
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
    const transport = this.#native();
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
    const transport = this.#native();
    if (isOutOfMemory(error))
      return transport.fail(low, high, exhausted, 0, 'the server has no memory for the request');
    const text = `the request does not parse: ${messageOf(error)}`;
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
      this.#native().reply(
        call.low,
        call.high,
        call.definition.response,
        value,
        call.encodedResponseMetadata(),
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
    const transport = this.#native();
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

  /** @internal */
  onAbort(low: number, high: number, status: number): void {
    const call = this.#calls[low >>> 24]?.[low & 0xffffff];
    if (call !== undefined && call.high === high) {
      call.abort(status);
      this.#forget(call);
      this.#native().end(low, high);
    }
  }

  /** @internal */
  onLog(line: string): void {
    this.#logger.warn(line);
  }

  /** @internal */
  onClosed(): void {
    this.#state = 'closed';
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

/** 0.0.0.0 or ::, in any notation. */
function isWildcard(address: string): boolean {
  return /^(0\.0\.0\.0|\[[0:]+\]):/.test(address);
}
