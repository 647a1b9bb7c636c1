import { nativeServerTransport } from '../addon/server-transport.ts';
import { booleanOption, functionOption, functionsOption } from '../contract/option-shapes.ts';
import {
  defaultIoThreads,
  defaultTimeoutMs,
  integerOption,
  knownOptions,
  MiB,
  maxTimeoutMs,
  timeoutOption,
} from '../contract/options.ts';
import type { ServerTransportFactory, ServerTransportOptions } from '../contract/transport.ts';
import { RocketLogger } from '../log/create-logger.ts';
import { checkedLogger, type Logger } from '../log/logger.ts';
import type { ServerInterceptor } from './interceptors.ts';

/** When the health service says SERVING_BLOCKED. */
export interface HealthSettings {
  /** How long the event loop may be blocked. Default 1 s. */
  readonly blockedAfterMs?: number;
}

/** Limits, timeouts, interceptors and logging of a server. Each limit is per server, unless it says otherwise. */
export interface ServerOptions {
  /** io threads its connections are spread over, 1 to 128. Default min(4, cores). The process shares them between servers and channels. */
  readonly ioThreads?: number;
  /** Longest frame read or sent, in bytes. A longer request is answered RESOURCE_EXHAUSTED and skipped; a longer reply becomes RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly maxFrameBytes?: number;
  /**
   * Reply bytes that may wait for one slow peer; past it the peer's requests are not read, and a reply that would
   * exceed four times the limit plus one frame becomes RESOURCE_EXHAUSTED. Default 4 MiB.
   */
  readonly maxWriteQueueBytes?: number;
  /**
   * Time within which a frame must be complete once its first byte has arrived, or its connection is closed; of a
   * longer frame, `maxFrameBytes` must arrive in each such time. Default 10 s.
   */
  readonly frameTimeoutMs?: number;
  /**
   * A connection without calls is closed after this silence; so is one whose peer stops reading. 0: never. Default 5
   * min.
   */
  readonly idleTimeoutMs?: number;
  /** Requests of one connection that may be handled at a time; past it the connection is not read. Default 1024. */
  readonly maxCallsPerConnection?: number;
  /**
   * Requests of all connections that may be handled at a time; past it a request is answered RESOURCE_EXHAUSTED.
   * Default 65,536.
   */
  readonly maxCallsInFlight?: number;
  /** Open connections; past it a new one is closed at once. Default 65,536. */
  readonly maxConnections?: number;
  /** Deadline of a request without one (C++ clients send none). Default 30 s. */
  readonly defaultTimeoutMs?: number;
  /** Send the message of an Error that a handler throws. Default false: the caller sees `internal error`. */
  readonly exposeErrors?: boolean;
  /**
   * Let calls inside handlers find their parent automatically (AsyncLocalStorage). Default false; docs/decisions/0005
   * has the cost.
   */
  readonly asyncContext?: boolean;
  /**
   * Whether `rocket.health.v1.Health` is answered (natively, before any handler or interceptor), and after how long
   * without a turn of the event loop it reports SERVING_BLOCKED. Default true: 1 s.
   */
  readonly health?: boolean | HealthSettings;
  /** Run around every handler, the first one outermost. */
  readonly interceptors?: readonly ServerInterceptor[];
  /**
   * Receives the server's own lines and those of `ctx.log`. `false`: no log. A logger of createLogger() gets the lines
   * of io threads directly from them, also while JavaScript is blocked. Default: stderr.
   */
  readonly logger?: Logger | false;
  /** Length of the kernel's queue of connections not yet accepted. Default 4096 (the kernel may cut it). */
  readonly backlog?: number;
  /** For tests: the transport. Default: the native core. */
  readonly transport?: ServerTransportFactory;
}

const serverOptionNames: readonly (keyof ServerOptions)[] = [
  'ioThreads',
  'maxFrameBytes',
  'maxWriteQueueBytes',
  'frameTimeoutMs',
  'idleTimeoutMs',
  'maxCallsPerConnection',
  'maxCallsInFlight',
  'maxConnections',
  'defaultTimeoutMs',
  'exposeErrors',
  'asyncContext',
  'health',
  'interceptors',
  'logger',
  'backlog',
  'transport',
];

/** Options with everything filled in. */
export interface ServerSettings {
  readonly makeTransport: ServerTransportFactory;
  readonly transportOptions: ServerTransportOptions;
  readonly interceptors: readonly ServerInterceptor[];
  readonly logger: Logger | false | undefined;
  readonly backlog: number;
  readonly exposeErrors: boolean;
  readonly asyncContext: boolean;
}

/** @throws RangeError or TypeError that names the option. */
export function checkedServerOptions(options: ServerOptions): ServerSettings {
  knownOptions('Server', options, serverOptionNames);
  return {
    makeTransport: functionOption('transport', options.transport) ?? nativeServerTransport,
    transportOptions: checkedTransportOptions(options),
    interceptors: functionsOption('interceptors', options.interceptors),
    logger: checkedLogger(options.logger),
    backlog: integerOption('backlog', options.backlog, 4096, 1, 65_535),
    exposeErrors: booleanOption('exposeErrors', options.exposeErrors, false),
    asyncContext: booleanOption('asyncContext', options.asyncContext, false),
  };
}

function checkedTransportOptions(options: ServerOptions): ServerTransportOptions {
  return {
    ioThreads: integerOption('ioThreads', options.ioThreads, defaultIoThreads, 1, 128),
    maxFrameBytes: integerOption('maxFrameBytes', options.maxFrameBytes, 4 * MiB, 64, 1024 * MiB),
    maxWriteQueueBytes: integerOption(
      'maxWriteQueueBytes',
      options.maxWriteQueueBytes,
      4 * MiB,
      1024,
      1024 * MiB,
    ),
    frameTimeoutMs: timeoutOption('frameTimeoutMs', options.frameTimeoutMs, 10_000),
    idleTimeoutMs: timeoutOption('idleTimeoutMs', options.idleTimeoutMs, 300_000, 0),
    maxCallsPerConnection: integerOption(
      'maxCallsPerConnection',
      options.maxCallsPerConnection,
      1024,
      1,
      1 << 20,
    ),
    maxCallsInFlight: integerOption('maxCallsInFlight', options.maxCallsInFlight, 65_536, 1, 1 << 20),
    maxConnections: integerOption('maxConnections', options.maxConnections, 65_536, 1, 1 << 20),
    defaultTimeoutMs: timeoutOption('defaultTimeoutMs', options.defaultTimeoutMs, defaultTimeoutMs),
    maxTimeoutMs,
    healthBlockedAfterMs: healthBlockedAfterMs(options.health),
    log: options.logger instanceof RocketLogger ? options.logger.lendToNativeThreads() : undefined,
  };
}

function healthBlockedAfterMs(health: boolean | HealthSettings = true): number {
  if (health === false) return 0;
  const settings: HealthSettings = health === true ? {} : health;
  knownOptions('health', settings, ['blockedAfterMs']);
  const { blockedAfterMs } = settings;
  return timeoutOption('health.blockedAfterMs', blockedAfterMs, 1000, 1);
}
