import { toServiceDefinition } from '../codec/grpc.ts';
import { checkedOptions } from '../contract/option-table.ts';
import type { AnyService, ServiceDefinition } from '../contract/service.ts';
import type { ServerTlsContext } from '../contract/tls.ts';
import type { ServerTransport, ServerTransportStats } from '../contract/transport.ts';
import type { Registration } from '../discovery/registry.ts';
import { safeLogger } from '../log/logger.ts';
import { listenAddress } from './listen-address.ts';
import {
  type CloseOptions,
  closeOptionTable,
  givenRegisterOptions,
  type ListenOptions,
  listenOptionTable,
} from './listen-options.ts';
import { reflectionHandlers } from './reflection.ts';
import { ServerCalls } from './server-calls.ts';
import { ServerHealth, type SettableHealth } from './server-health.ts';
import { alpnOf, checkedServerOptions, type ServerOptions, type ServerSettings } from './server-options.ts';
import { checkNotAborted, ServerRegistrations } from './server-registrations.ts';
import { type Handlers, handlersOf, type MethodHandler } from './service-handlers.ts';
import { checkedTlsIdentity, type ServerTlsIdentity } from './tls-options.ts';
import { TlsRenewal } from './tls-renewal.ts';

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
  /** The calls among them that have a stream. */
  readonly streamsOpen: number;
  /** When the server's certificate expires, in milliseconds of Unix time. Undefined: it has none. */
  readonly certificateNotAfterMs: number | undefined;
  /** Bytes of streamed requests that have arrived and that handlers have not taken yet. */
  readonly requestBytesQueued: number;
}

type State = 'new' | 'listening' | 'closing' | 'closed';

/**
 * Serves services on one or more addresses. Every call ends: with its handler's reply, or natively when its deadline
 * passes, even while JavaScript is blocked.
 */
export class Server implements AsyncDisposable {
  readonly #settings: ServerSettings;
  readonly #methods: MethodHandler[] = [];
  readonly #names = new Set<string>();
  readonly #definitions: ServiceDefinition[] = [];
  readonly #registrations = new ServerRegistrations();
  readonly #health = new ServerHealth();
  #calls: ServerCalls | undefined;
  #transport: ServerTransport | undefined;
  /** The settings of setTls(), until the server listens. */
  #tls: ServerTlsContext | undefined;
  readonly #renewal: TlsRenewal<ServerTlsContext>;
  #state: State = 'new';
  #closed: Promise<void> | undefined;
  #onClosed: () => void = () => undefined;

  /** @throws RangeError or TypeError that names the option. */
  constructor(options: ServerOptions = {}) {
    this.#settings = checkedServerOptions(options);
    this.#renewal = new TlsRenewal({
      whose: "the server's",
      logger: this.#settings.logger,
      apply: (made) => this.#applyTls(made),
    });
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
    this.#addMethods(found);
    this.#definitions.push(definition);
    return this;
  }

  #addMethods(methods: readonly MethodHandler[]): void {
    const names = methods.map(({ definition }) => definition.wireName);
    for (const name of names) if (this.#names.has(name)) throw new TypeError(`${name} already has a handler`);
    for (const name of names) this.#names.add(name);
    this.#methods.push(...methods);
  }

  get #services(): string[] {
    return this.#definitions.map(({ name }) => name);
  }

  /**
   * Listens on `host:port` (port 0: any free port), `[ipv6]:port`, `unix:/path` or, on Linux, `unix:@abstract`; may be
   * called for several addresses. A socket file on which no process listens any more is replaced. With `registry` it
   * then registers every service at that address, and close() withdraws them first.
   *
   * @throws Error with `code` (`EADDRINUSE`, `EACCES` …) and the address in its message; TypeError for a bad address.
   * With `registry`: the registry's error if it refuses permanently, `ETIMEDOUT` after `registerTimeoutMs`, `ABORT_ERR`
   * on `signal`; nothing stays registered then (but the server still listens: close() it).
   */
  async listen(address: string, options: ListenOptions = {}): Promise<ListenAddress> {
    const checked = checkedOptions('listen', options, listenOptionTable);
    const { registry, advertise, registerTimeoutMs: timeoutMs, signal } = checked;
    const registerOptions = givenRegisterOptions(options);
    checkNotAborted(signal, 'listen()');
    if (this.#isClosed()) throw new Error('listen() on a closed server');
    const numeric = await listenAddress(address);
    if (this.#isClosed()) throw new Error('the server was closed while listen() resolved a name');
    checkNotAborted(signal, 'listen()');
    if (this.#state === 'new') {
      if (this.#settings.reflection) this.#addMethods(this.#reflection());
      this.#calls = new ServerCalls(this.#settings, this.#methods, () => this.#onTransportClosed());
      this.#transport = this.#calls.start();
      this.#health.attach(this.#transport);
      if (this.#tls !== undefined) this.#transport.setTls(this.#tls.context);
      const tls = this.#tls ?? this.#settings.transportOptions.tls;
      if (tls !== undefined) this.#renewal.use(tls);
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

  #reflection(): MethodHandler[] {
    const { transportOptions, logger } = this.#settings;
    return reflectionHandlers({
      definitions: this.#definitions,
      health: transportOptions.healthBlockedAfterMs > 0,
      onError: (text, error) => safeLogger(logger).error(text, error),
    });
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

  /**
   * Replaces certificates, keys and the rules for clients' certificates, all of them: connections that are made from
   * now on use the new ones, open connections keep the old ones. May be called in any state. If the server has a
   * stricter value than the default of `requestCert`, `crl`, `minVersion`, `ciphers` or `ecdhCurve`, that option must
   * be given again; false, `'none'` or the default itself switch it back.
   *
   * @throws TypeError that names the option, and the old ones stay; Error for a server made without option `tls`.
   */
  setTls(identity: ServerTlsIdentity): void {
    const { tls, protocols } = this.#settings.transportOptions;
    if (tls === undefined) throw new Error('setTls() on a server made without option tls');
    const made = checkedTlsIdentity(identity, this.#tls ?? tls, tls.allowPlain, alpnOf(protocols));
    this.#applyTls(made);
    if (this.#state === 'listening') this.#renewal.use(made);
  }

  #applyTls(made: ServerTlsContext): void {
    this.#tls = made;
    this.#transport?.setTls(made.context);
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
    const { running = 0, streams } = this.#calls ?? {};
    return {
      ...this.#native().stats(),
      certificateNotAfterMs: this.#renewal.validity?.until,
      handlersRunning: running,
      streamsOpen: streams?.open ?? 0,
      requestBytesQueued: streams?.queued.bytes ?? 0,
    };
  }

  #onTransportClosed(): void {
    this.#state = 'closed';
    this.#renewal.close();
    this.#onClosed();
  }

  #isClosed(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  #native(): ServerTransport {
    if (this.#transport === undefined) throw new Error('the server is not listening yet');
    return this.#transport;
  }
}

/** 0.0.0.0 or ::, in any notation. */
function isWildcard(address: string): boolean {
  return /^(0\.0\.0\.0|\[[0:]+\]):/.test(address);
}
