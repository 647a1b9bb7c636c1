import { nativeServerTransport } from '../addon/server-transport.ts';
import { type Compression, flagOfCompression } from '../contract/compression.ts';
import {
  boolean,
  callback,
  callbacks,
  checked,
  checkedOptions,
  given,
  integer,
  type OptionTable,
  timeout,
} from '../contract/option-table.ts';
import { defaultIoThreads, defaultTimeoutMs, MiB, maxTimeoutMs } from '../contract/options.ts';
import type { ServerTransportFactory, ServerTransportOptions } from '../contract/transport.ts';
import { kindOf } from '../contract/value-text.ts';
import { RocketLogger } from '../log/create-logger.ts';
import { checkedLogger, type Logger } from '../log/logger.ts';
import type { ServerInterceptor } from './interceptors.ts';
import { checkedServerTls, type ServerTlsOptions } from './tls-options.ts';

/** When the health service says SERVING_BLOCKED. */
export interface HealthSettings {
  /** How long the event loop may be blocked. Default 1 s. */
  readonly blockedAfterMs?: number;
}

/** A protocol that a server can speak: TinyPB, or gRPC over HTTP/2 without TLS. */
export type ServerProtocol = 'tinypb' | 'grpc';

const allProtocols: readonly ServerProtocol[] = ['tinypb', 'grpc'];

/** Limits, timeouts, interceptors and logging of a server. Each limit is per server, unless it says otherwise. */
export interface ServerOptions {
  /** io threads its connections are spread over, 1 to 128. Default min(4, cores). The process shares them between servers and channels. */
  readonly ioThreads?: number;
  /** Longest frame read or sent, in bytes. A longer request is answered RESOURCE_EXHAUSTED and skipped; a longer reply becomes RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly maxFrameBytes?: number;
  /** Longest message of a gRPC request, in bytes; a longer one fails its call with RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /**
   * Longest metadata of a gRPC request, in bytes: names, values, and 32 bytes for each pair. A longer one fails its
   * call with RESOURCE_EXHAUSTED; four times as much ends the connection. The limit is announced to clients. Default 8
   * KiB.
   */
  readonly maxMetadataBytes?: number;
  /**
   * Bytes that one gRPC connection may hold of requests that are incomplete or not yet read, in addition to 64 KiB for
   * each stream; four messages of `maxMessageBytes` may always be held. Past it their windows stay closed, except that
   * of the request that has waited longest, and the client has to wait. Behind a proxy, which shares a connection among
   * its clients, it should hold all requests that are uploaded at a time: a proxy whose buffers are full of requests
   * that wait cannot pass on the one that may continue. Default 64 MiB.
   */
  readonly maxBufferedRequestBytes?: number;
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
  /**
   * gRPC streams of one connection at a time; the limit is announced to its client. One more is refused; a stream whose
   * handler still runs counts. Default `maxCallsPerConnection`, which it cannot exceed.
   */
  readonly maxConcurrentStreams?: number;
  /**
   * Age at which a connection is ended without losing a call, so that load balancers can distribute clients again; it
   * varies by up to a tenth for each connection. A gRPC client gets GOAWAY. TinyPB has no such message, so there the
   * server waits for a second without a call or a byte. 0: never. Default 0.
   */
  readonly maxConnectionAgeMs?: number;
  /**
   * How long the gRPC calls of a connection may take after that; then they fail with UNAVAILABLE. 0: no limit. Default
   * 0.
   */
  readonly maxConnectionAgeGraceMs?: number;
  /** Time without a call after which a connection is ended in the same way; PINGs do not count. 0: never. Default 0. */
  readonly maxConnectionIdleMs?: number;
  /**
   * Silence after which a gRPC client is sent a PING; clients of TinyPB are probed by the kernel alone. 0: never. Default
   * 2 h.
   */
  readonly keepaliveTimeMs?: number;
  /** Time for its answer; without one the connection is closed and its calls are cancelled. Default 20 s. */
  readonly keepaliveTimeoutMs?: number;
  /**
   * The least time between PINGs of a gRPC client while the server sends nothing to it. Two PINGs that come sooner are
   * tolerated; the next one closes the connection (`too_many_pings`). 0: no limit. Default 5 min.
   */
  readonly minPingIntervalMs?: number;
  /** Whether that time also holds while a client has no call. Default false: 2 h then. */
  readonly permitPingsWithoutCalls?: boolean;
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
  /**
   * Whether gRPC clients may list the services and get the .proto files that describe them (`grpc.reflection.v1` and
   * `v1alpha`), as grpcurl, grpcui and Postman do. Default false: it shows an attacker what there is.
   */
  readonly reflection?: boolean;
  /** Run around every handler, the first one outermost. */
  readonly interceptors?: readonly ServerInterceptor[];
  /**
   * Receives the server's own lines and those of `ctx.log`. `false`: no log. A logger of createLogger() gets the lines
   * of io threads directly from them, also while JavaScript is blocked. Default: stderr.
   */
  readonly logger?: Logger | false;
  /** Length of the kernel's queue of connections not yet accepted. Default 4096 (the kernel may cut it). */
  readonly backlog?: number;
  /**
   * The protocols that clients of this port may speak; the first bytes of a connection select one. Default all:
   * `['tinypb', 'grpc']`.
   */
  readonly protocols?: readonly ServerProtocol[];
  /**
   * Compression of gRPC replies, for clients that accept it. A handler can change it for its call, or for single
   * replies, by `ctx.responseCompression`. Compressed requests are always accepted. Default `'identity'`: none.
   */
  readonly compression?: Compression;
  /** TLS for all addresses of the server; without it the port is plain. docs/tls.md */
  readonly tls?: ServerTlsOptions;
  /** For tests: the transport. Default: the native core. */
  readonly transport?: ServerTransportFactory;
}

export const healthOptionTable = {
  blockedAfterMs: timeout(1000),
} satisfies OptionTable<HealthSettings>;

export const serverOptionTable = {
  ioThreads: integer(undefined, 1, 128),
  maxFrameBytes: integer(4 * MiB, 64, 1024 * MiB),
  maxMessageBytes: integer(4 * MiB, 64, 1024 * MiB),
  maxMetadataBytes: integer(8192, 1024, 65_536),
  maxBufferedRequestBytes: integer(64 * MiB, 16 * MiB, 1024 * MiB),
  maxWriteQueueBytes: integer(4 * MiB, 1024, 1024 * MiB),
  frameTimeoutMs: timeout(10_000),
  idleTimeoutMs: timeout(300_000, 0),
  maxCallsPerConnection: integer(1024, 1, 1 << 20),
  maxCallsInFlight: integer(65_536, 1, 1 << 20),
  maxConnections: integer(65_536, 1, 1 << 20),
  maxConcurrentStreams: integer(undefined, 1, 1 << 20),
  maxConnectionAgeMs: timeout(0, 0),
  maxConnectionAgeGraceMs: timeout(0, 0),
  maxConnectionIdleMs: timeout(0, 0),
  keepaliveTimeMs: timeout(7_200_000, 0),
  keepaliveTimeoutMs: timeout(20_000),
  minPingIntervalMs: timeout(300_000, 0),
  permitPingsWithoutCalls: boolean(false),
  defaultTimeoutMs: timeout(defaultTimeoutMs),
  exposeErrors: boolean(false),
  asyncContext: boolean(false),
  health: checked(healthBlockedAfterMs),
  reflection: boolean(false),
  interceptors: callbacks<ServerInterceptor>(),
  logger: checked((_name, value: Logger | false | undefined) => checkedLogger(value)),
  backlog: integer(4096, 1, 65_535),
  protocols: checked(checkedProtocols),
  compression: checked((name, value: Compression = 'identity') => flagOfCompression(name, value)),
  tls: given<ServerTlsOptions>(),
  transport: callback<ServerTransportFactory>(),
} satisfies OptionTable<ServerOptions>;

/** Options with everything filled in. */
export interface ServerSettings {
  readonly makeTransport: ServerTransportFactory;
  readonly transportOptions: ServerTransportOptions;
  readonly interceptors: readonly ServerInterceptor[];
  readonly logger: Logger | false | undefined;
  readonly backlog: number;
  readonly exposeErrors: boolean;
  readonly asyncContext: boolean;
  /** As flagOfCompression() has it. */
  readonly compression: number;
  readonly reflection: boolean;
}

/** @throws RangeError or TypeError that names the option. */
export function checkedServerOptions(options: ServerOptions): ServerSettings {
  const {
    transport,
    interceptors,
    logger,
    backlog,
    exposeErrors,
    asyncContext,
    health,
    compression,
    reflection,
    ioThreads,
    maxConcurrentStreams,
    tls,
    ...limits
  } = checkedOptions('Server', options, serverOptionTable);
  if (reflection && !limits.protocols.includes('grpc'))
    throw new TypeError("reflection is a service of gRPC, which protocols leaves out: add 'grpc'");
  return {
    makeTransport: transport ?? nativeServerTransport,
    transportOptions: {
      ...limits,
      ioThreads: ioThreads ?? defaultIoThreads,
      maxConcurrentStreams: maxConcurrentStreams ?? limits.maxCallsPerConnection,
      maxTimeoutMs,
      healthBlockedAfterMs: health,
      tls: tls === undefined ? undefined : checkedServerTls(tls, alpnOf(limits.protocols)),
      log: logger instanceof RocketLogger ? logger.lendToNativeThreads() : undefined,
    },
    interceptors,
    logger,
    backlog,
    exposeErrors,
    asyncContext,
    compression,
    reflection,
  };
}

/**
 * The names of the protocols in TLS (ALPN). A client that offers several gets gRPC, because only rocket-rpc offers
 * TinyPB.
 */
export function alpnOf(protocols: readonly string[]): readonly string[] {
  return [protocols.includes('grpc') ? 'h2' : [], protocols.includes('tinypb') ? 'tinypb' : []].flat();
}

function checkedProtocols(
  name: string,
  given: readonly ServerProtocol[] = allProtocols,
): readonly ServerProtocol[] {
  const known = Array.isArray(given) && given.every((each) => allProtocols.includes(each));
  if (!known || given.length === 0 || new Set(given).size !== given.length)
    throw new TypeError(`${name} is a list of 'tinypb' and 'grpc', or of one of them, not ${kindOf(given)}`);
  return [...given];
}

/** 0: there is no health service. */
function healthBlockedAfterMs(name: string, health: boolean | HealthSettings = true): number {
  if (health === false) return 0;
  return checkedOptions(name, health === true ? {} : health, healthOptionTable, `${name}.`).blockedAfterMs;
}
