import type { Observable } from 'rxjs';
import { nearest } from '../contract/nearest.ts';
import { kindOf } from '../contract/value-text.ts';
import { type ListenAddress, Server } from '../index.ts';
import type { Logger as ServerLogger } from '../log/logger.ts';
import {
  type HandlerSettings,
  type NestHandler,
  observableHandler,
  type ServerHandler,
  streamCallHandler,
} from './nest-handlers.ts';
import { Logger, NestServer, ServerGrpc, Transport } from './nest-packages.ts';
import { type NestService, nestServices } from './nest-services.ts';
import { checkedRocketServer, type RocketServerOptions } from './server-options.ts';
import { textOf } from './statuses.ts';

/** The values of `status` of a RocketServer. */
export type RocketServerStatus = 'listening' | 'closing' | 'closed';

/** The events of a RocketServer. */
export type RocketServerEvents = { readonly [Status in RocketServerStatus]: () => void };

const statuses: readonly string[] = ['listening', 'closing', 'closed'] satisfies RocketServerStatus[];

type StartHook = Parameters<InstanceType<typeof NestServer>['setOnProcessingStartHook']>[0];
type EndHook = Parameters<InstanceType<typeof NestServer>['setOnProcessingEndHook']>[0];

/** Nest's names for the three decorators; a method whose caller streams may have the second or the third. */
const decorated = { plain: 'no_stream', observable: 'rx_stream', stream: 'pt_stream' } as const;

/**
 * NestJS's transport on a rocket-rpc Server: `app.connectMicroservice({ strategy: new RocketServer({ package, protoPath, url }) })`, or
 * `NestFactory.createMicroservice()`. Controllers are those of Nest's gRPC transport; gRPC and TinyPB are served on one port.
 */
export class RocketServer extends NestServer<RocketServerEvents, RocketServerStatus> {
  readonly #options: ReturnType<typeof checkedRocketServer>;
  readonly #services: readonly NestService[];
  readonly #server: Server;
  #address: ListenAddress | undefined;
  #hasHooks = false;

  /** @throws TypeError or RangeError that names the option; Error for a .proto that cannot be read. */
  constructor(options: RocketServerOptions) {
    super();
    this.transportId = Transport.GRPC;
    this.#options = checkedRocketServer(options);
    this.#services = nestServices('RocketServer', options);
    this.#server = new Server({ logger: this.#serverLogger(), ...this.#options.settings });
  }

  /** Emits `listening`, `closing` and `closed`. */
  override get status(): Observable<RocketServerStatus> {
    return this._status$.asObservable();
  }

  /** The address that it listens on, with the bound port if `url` has port 0; undefined before listen(). */
  get address(): ListenAddress | undefined {
    return this.#address;
  }

  /** Called by Nest. */
  override async listen(callback: (error?: unknown, address?: ListenAddress) => void): Promise<void> {
    let address: ListenAddress;
    try {
      for (const service of this.#services) this.#serve(service);
      address = await this.#server.listen(this.#options.url, this.#options.listen);
    } catch (error) {
      callback(error);
      return;
    }
    this.#address = address;
    this._status$.next('listening');
    callback(undefined, address);
  }

  /** Lets running calls finish, for `drainMs`; always ends. Called by Nest. */
  override async close(): Promise<void> {
    const { gracefulShutdown, drainMs } = this.#options;
    this._status$.next('closing');
    await this.#server.close({ drainMs: gracefulShutdown ? drainMs : 0 });
    this._status$.next('closed');
  }

  /** The Server of rocket-rpc, for `stats()`, `setHealth()`, `setTls()`. */
  override unwrap<T = Server>(): T {
    return this.#server as T;
  }

  /**
   * Calls back when the status becomes `event`. @throws TypeError for another event, or if the callback is not a
   * function.
   */
  override on<Event extends keyof RocketServerEvents>(
    event: Event,
    callback: RocketServerEvents[Event],
  ): void {
    if (!statuses.includes(event))
      throw new TypeError(`RocketServer has the events ${statuses.join(', ')}, not ${kindOf(event)}`);
    if (typeof callback !== 'function')
      throw new TypeError(`RocketServer: on() takes a function, not ${kindOf(callback)}`);
    this._status$.subscribe((status) => {
      if (status === event) callback();
    });
  }

  /** For instrumentation: runs around each call. Called by Nest. */
  override setOnProcessingStartHook(hook: StartHook): void {
    this.onProcessingStartHook = hook;
    this.#hasHooks = true;
  }

  /** Called by Nest. */
  override setOnProcessingEndHook(hook: EndHook): void {
    this.onProcessingEndHook = hook;
    this.#hasHooks = true;
  }

  #serve({ name, definition, methods }: NestService): void {
    const handlers: Record<string, ServerHandler> = {};
    const settings: HandlerSettings = {
      maxBufferedMessages: this.#options.maxBufferedMessages,
      within: (method, call, body) => this.#within(method, call, body),
    };
    for (const [key, method] of methods) {
      const { name: rpc, kind } = method.definition;
      const find = (streaming: string): NestHandler | undefined =>
        [name, definition.name]
          .map((service) => this.messageHandlers.get(JSON.stringify({ service, rpc, streaming })))
          .find((handler) => handler !== undefined);
      const takesStream = kind === 'clientStream' || kind === 'bidi';
      const handler = find(takesStream ? decorated.observable : decorated.plain);
      const streamHandler = takesStream ? find(decorated.stream) : undefined;
      if (handler !== undefined) handlers[key] = observableHandler(handler, method, settings);
      else if (streamHandler !== undefined)
        handlers[key] = streamCallHandler(streamHandler, method, settings);
    }
    this.#tellOfUnknown(
      name,
      definition.name,
      [...methods.values()].map((method) => method.definition.name),
    );
    // If the application has no handler for it, its methods stay unknown to the server: UNIMPLEMENTED.
    if (Object.keys(handlers).length > 0) this.#server.addService(definition, handlers as never);
  }

  /** Warns of handlers for which the .proto has no method: they are never called. */
  #tellOfUnknown(name: string, fullName: string, rpcs: readonly string[]): void {
    for (const pattern of this.messageHandlers.keys()) {
      const { service, rpc } = grpcPattern(pattern);
      if ((service !== name && service !== fullName) || rpc === undefined || rpcs.includes(rpc)) continue;
      const meant = nearest(rpc, rpcs);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      this.logger.warn(
        `${fullName} has no method ${rpc}, so its handler is not called; it has ${rpcs.join(', ')}${hint}`,
      );
    }
  }

  #within(operationId: string, call: object, body: (end: () => void) => Promise<unknown>): Promise<unknown> {
    if (!this.#hasHooks) return body(doNothing);
    const { request, metadata } = call as { readonly request?: unknown; readonly metadata?: unknown };
    return new Promise((resolve, reject) => {
      let isOpen = true;
      const end = (): void => {
        if (isOpen) this.onProcessingEndHook?.(this.transportId as never, request as never);
        isOpen = false;
      };
      const context = { operationId, request, metadata, call };
      this.onProcessingStartHook(this.transportId as never, context as never, () => {
        const running = body(end);
        running.then(resolve, (error: unknown) => {
          end();
          reject(error);
        });
        return running;
      });
    });
  }

  #serverLogger(): ServerLogger {
    const logger = new Logger(RocketServer.name);
    return {
      warn: (line) => logger.warn(line),
      error: (line, error) => (error === undefined ? logger.error(line) : logger.error(line, textOf(error))),
    };
  }
}

// Nest passes metadata and the call only to controllers of a ServerGrpc. Its constructor, which loads grpc-js, is not
// run.
Object.setPrototypeOf(RocketServer.prototype, ServerGrpc.prototype);

function doNothing(): void {
  // There are no hooks.
}

/** Empty for the patterns of other transports in the same application. */
function grpcPattern(pattern: string): { readonly service?: string; readonly rpc?: string } {
  try {
    const parsed: unknown = JSON.parse(pattern);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
