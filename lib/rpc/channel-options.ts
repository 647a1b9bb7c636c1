import type { BalancerFactory } from '../balance/balancer.ts';
import type { BalancerName } from '../balance/balancers.ts';
import { type EjectionSettings, ejectionTable } from '../balance/ejection.ts';
import { type Compression, compressions } from '../contract/compression.ts';
import { stringOption } from '../contract/option-shapes.ts';
import {
  boolean,
  callback,
  callbacks,
  checked,
  checkedOptions,
  choice,
  given,
  group,
  integer,
  type OptionTable,
  timeout,
} from '../contract/option-table.ts';
import { defaultTimeoutMs, MiB, maxTimeoutMs } from '../contract/options.ts';
import type { ServiceConfig } from '../contract/service-config.ts';
import type { ClientProtocol, ClientTransportFactory } from '../contract/transport.ts';
import { kindOf } from '../contract/value-text.ts';
import type { Discovery, Resolver } from '../discovery/resolver.ts';
import { checkedLogger, type Logger } from '../log/logger.ts';
import type { CallCredentials } from './call-credentials.ts';
import type { ClientTlsOptions } from './client-tls-options.ts';
import type { ClientInterceptor } from './interceptors.ts';
import {
  checkedBudget,
  type RetryBudgetOptions,
  type RetryOptions,
  type RetryPolicy,
  retryPolicy,
} from './retry-options.ts';
import { checkedConfig } from './service-config.ts';

/** How a channel connects, and the defaults of its calls. */
export interface ChannelOptions {
  /**
   * The protocol of its connections. `auto`: gRPC to a target that begins with `grpc://`; otherwise TinyPB, and gRPC on
   * the same port for methods that stream. Default `auto`.
   */
  readonly protocol?: 'auto' | 'tinypb' | 'grpc';
  /** io threads its connections are spread over, 1 to 128. Default min(4, cores). */
  readonly ioThreads?: number;
  /** Connections kept open to each endpoint. Default: one per io thread. */
  readonly connections?: number;
  /**
   * `persistent`: calls share connections that are kept open. `short`: a new one for every call, as C++ rocket clients
   * do. Default `persistent`.
   */
  readonly connection?: 'persistent' | 'short';
  /** Time limit for one attempt to connect to an endpoint. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Pause after a failed attempt: from `minMs`, doubled each time up to `maxMs`, jittered by a fifth. Default 100 ms … 10 s. */
  readonly backoff?: {
    /** Pause after the first failed attempt. Default 100 ms. */
    readonly minMs?: number;
    /** The longest pause. Default 10 s. */
    readonly maxMs?: number;
  };
  /**
   * Silence after which a peer is probed that has not yet sent a reply or an acknowledgement: rocket-rpc by a health
   * check, every host by TCP. 0: never. Default 5 s. A gRPC channel sends PINGs, by default never, because many servers
   * accept only one every five minutes. For the same reason the streams of a channel whose unary calls use TinyPB are
   * probed after 6 min of silence at the earliest.
   */
  readonly keepaliveTimeMs?: number;
  /**
   * Time the peer has to answer; then the connection is closed and its calls fail with UNAVAILABLE. A server too busy
   * to read reports that twice a second, so with less than a second the connection to a healthy server may be closed.
   * Default 3 s.
   */
  readonly keepaliveTimeoutMs?: number;
  /** Whether a channel of gRPC also sends PINGs while no call is pending. Default false. */
  readonly keepaliveWithoutCalls?: boolean;
  /**
   * The `:authority` of gRPC requests: `host` or `host:port`. Default: the host of a `dns:` target, otherwise the name
   * of the endpoint.
   */
  readonly authority?: string;
  /**
   * Connections kept open to an endpoint that is not rocket-rpc, with one call at a time on each, as C++ rocket
   * requires; at least one for each of `connections`. Default 16.
   */
  readonly serialConnections?: number;
  /** Deadline of a call that has none of its own. Default 30 s. */
  readonly timeoutMs?: number;
  /**
   * Deadline of a call of a method that streams, if the call has none of its own; it still waits for an endpoint for
   * `timeoutMs` at most. Default 1 d.
   */
  readonly streamTimeoutMs?: number;
  /**
   * Whether calls that do not set it wait for a connection until their deadline, instead of failing at once with
   * UNAVAILABLE. Default false.
   */
  readonly waitForReady?: boolean;
  /** Calls that may be pending; past it a call fails with RESOURCE_EXHAUSTED. Default 65,536. */
  readonly maxCallsInFlight?: number;
  /**
   * Longest frame sent or accepted, in bytes; a call with a longer one fails with RESOURCE_EXHAUSTED. Default 4 MiB.
   */
  readonly maxFrameBytes?: number;
  /**
   * Longest message received by gRPC, in bytes; a call with a longer one fails with RESOURCE_EXHAUSTED. Default 4 MiB.
   */
  readonly maxMessageBytes?: number;
  /**
   * Longest metadata of a reply by gRPC, in bytes, headers and trailers each: names, values, and 32 bytes for each
   * pair. A call with more fails with RESOURCE_EXHAUSTED; four times as much ends the connection. The limit is
   * announced to servers. Default 16 KiB.
   */
  readonly maxMetadataBytes?: number;
  /**
   * Bytes that one gRPC connection may hold of replies that are incomplete or not yet read, in addition to 64 KiB for
   * each call. Past it their windows stay closed, and the server has to wait. Default 64 MiB.
   */
  readonly maxBufferedReplyBytes?: number;
  /** Request bytes that may wait to be written on one connection; past it a call fails with RESOURCE_EXHAUSTED, unless its requests stream. Default 16 MiB. */
  readonly maxQueuedBytes?: number;
  /**
   * Compression of gRPC requests; a server that cannot read it answers UNIMPLEMENTED. A message that would not get
   * shorter is sent uncompressed. TinyPB has no compression: its unary calls ignore this option, and with `protocol:
   * 'tinypb'` it is an error. Default `identity`: none.
   */
  readonly compression?: Compression;
  /** Protect frames with CRC-32C; C++ peers ignore it. Default true. */
  readonly checksum?: boolean;
  /**
   * The peer is known to be rocket-rpc and not C++ rocket: this is not probed, and even the first requests share a
   * connection. Default false.
   */
  readonly peerIsRocketRpc?: boolean;
  /** Run around every call, the first one outermost. */
  readonly interceptors?: readonly ClientInterceptor[];
  /** How calls are distributed over the endpoints. Default `round_robin`. */
  readonly balancer?: BalancerName | BalancerFactory;
  /**
   * Where endpoints come from: a Discovery such as `etcd({ hosts })`, which looks up the part of the target after
   * `scheme:///`, or a Resolver.
   */
  readonly resolver?: Resolver | Discovery;
  /**
   * Which failed calls are repeated. Default: only those the server has certainly not started, each on another
   * endpoint.
   */
  readonly retry?: RetryOptions | false;
  /** Limit for the calls that `retry` repeats. Default 20 % of the calls and 10 a second. */
  readonly retryBudget?: RetryBudgetOptions;
  /**
   * The service config, as an object or as JSON text, in the form that gRPC defines. Used while the resolver provides
   * none. Default none. docs/client.md
   */
  readonly serviceConfig?: ServiceConfig | string;
  /**
   * Whether the service config of a `dns:` target is looked up too: the TXT record of the host with the prefix
   * `_grpc_config.` (gRFC A2). Default false.
   */
  readonly dnsServiceConfig?: boolean;
  /**
   * Leaves out, for a while, endpoints whose calls fail. Default on: five failures in a row, or half of twenty calls.
   */
  readonly ejection?: Partial<EjectionSettings> | false;
  /**
   * Gets a line when connecting to an endpoint fails, and when it succeeds again; ten lines a second at most. Default
   * `false`: no log, because a call that fails for this reason says so.
   */
  readonly logger?: Logger | false;
  /**
   * Authenticates calls: called for the metadata of each attempt. Not sent without TLS that verifies the server, unless
   * `allowInsecureCredentials` is set. Default: none. docs/tls.md
   */
  readonly credentials?: CallCredentials;
  /**
   * Send credentials also without TLS and to servers that are not verified, where anyone on the network path can read
   * them. Default false.
   */
  readonly allowInsecureCredentials?: boolean;
  /** TLS, as with the targets `tls://` and `grpcs://`. docs/tls.md */
  readonly tls?: ClientTlsOptions;
  /** For tests: the transport. Default: the native core. */
  readonly transport?: ClientTransportFactory;
}

const backoffTable = {
  minMs: timeout(100),
  maxMs: timeout(10_000),
} satisfies OptionTable<NonNullable<ChannelOptions['backoff']>>;

export const channelOptionTable = {
  protocol: choice<'auto' | ClientProtocol>(['auto', 'tinypb', 'grpc'], 'auto'),
  ioThreads: integer(undefined, 1, 128),
  connections: integer(undefined, 1, 1024),
  connection: choice(['persistent', 'short'], 'persistent'),
  connectTimeoutMs: timeout(5000),
  backoff: group(backoffTable),
  keepaliveTimeMs: timeout(5000, 0),
  keepaliveTimeoutMs: timeout(3000),
  keepaliveWithoutCalls: boolean(false),
  authority: checked(checkedAuthority),
  serialConnections: integer(16, 1, 1024),
  timeoutMs: timeout(defaultTimeoutMs),
  streamTimeoutMs: timeout(maxTimeoutMs),
  waitForReady: boolean(false),
  maxCallsInFlight: integer(65_536, 1, 1 << 20),
  maxFrameBytes: integer(4 * MiB, 64, 1024 * MiB),
  maxMessageBytes: integer(4 * MiB, 64, 1024 * MiB),
  maxMetadataBytes: integer(16_384, 1024, 65_536),
  maxBufferedReplyBytes: integer(64 * MiB, MiB, 1024 * MiB),
  maxQueuedBytes: integer(16 * MiB, 1024, 1024 * MiB),
  compression: choice(compressions, 'identity'),
  checksum: boolean(true),
  peerIsRocketRpc: boolean(false),
  interceptors: callbacks<ClientInterceptor>(),
  balancer: given<BalancerName | BalancerFactory>(),
  resolver: given<Resolver | Discovery>(),
  retry: checked((_name, value: RetryOptions | false | undefined) => givenRetry(value)),
  retryBudget: checked((_name, value: RetryBudgetOptions | undefined) => checkedBudget(value)),
  serviceConfig: checked((_name, value: ServiceConfig | string | undefined) =>
    value === undefined ? undefined : checkedConfig(value, true),
  ),
  dnsServiceConfig: boolean(false),
  ejection: checked(checkedEjection),
  logger: checked((_name, value: Logger | false | undefined) => checkedLogger(value)),
  credentials: callback<CallCredentials>(),
  allowInsecureCredentials: boolean(false),
  tls: given<ClientTlsOptions>(),
  transport: callback<ClientTransportFactory>(),
} satisfies OptionTable<ChannelOptions>;

function givenRetry(given: RetryOptions | false | undefined): RetryPolicy | false | undefined {
  return given === false ? false : retryPolicy(given);
}

function checkedAuthority(name: string, value: string | undefined): string | undefined {
  const text = stringOption(name, value, undefined);
  if (text !== undefined && !/^[\w.~!$&'()*+,;=:%[\]-]{1,261}$/.test(text))
    throw new TypeError(`${name} must be a host, or host:port, not ${kindOf(text)}`);
  return text;
}

/** Undefined: no endpoint is ejected. */
function checkedEjection(
  name: string,
  given: Partial<EjectionSettings> | false = {},
): EjectionSettings | undefined {
  return given === false ? undefined : checkedOptions(name, given, ejectionTable, `${name}.`);
}
