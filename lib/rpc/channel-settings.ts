import { nativeClientTransport } from '../addon/client-transport.ts';
import type { BalancerFactory } from '../balance/balancer.ts';
import type { BalancerName } from '../balance/balancers.ts';
import type { EjectionSettings } from '../balance/ejection.ts';
import type { Compression } from '../contract/compression.ts';
import { checkedOptions } from '../contract/option-table.ts';
import { defaultIoThreads, givenOption } from '../contract/options.ts';
import type { Target } from '../contract/target.ts';
import type {
  ClientProtocol,
  ClientTransportFactory,
  ClientTransportOptions,
} from '../contract/transport.ts';
import type { Discovery, Resolver } from '../discovery/resolver.ts';
import type { Logger } from '../log/logger.ts';
import { type CallCredentials, insecureCredentials } from './call-credentials.ts';
import { type ChannelOptions, channelOptionTable } from './channel-options.ts';
import { checkedClientTls } from './client-tls-options.ts';
import type { ClientInterceptor } from './interceptors.ts';
import type { RetryBudgetOptions, RetryPolicy } from './retry-options.ts';
import type { CheckedConfig } from './service-config.ts';

/** Options with everything filled in. */
export interface ChannelSettings {
  /** The protocol of unary calls. */
  readonly protocol: ClientProtocol;
  /** The protocol of streams; undefined: the channel cannot carry any. */
  readonly streamProtocol: 'grpc' | undefined;
  readonly timeoutMs: number;
  readonly streamTimeoutMs: number;
  readonly waitForReady: boolean;
  /** Which of these options were given: a service config replaces only a default. */
  readonly isGiven: Readonly<Record<'timeoutMs' | 'streamTimeoutMs' | 'waitForReady', boolean>>;
  readonly compression: Compression;
  readonly maxCallsInFlight: number;
  readonly interceptors: readonly ClientInterceptor[];
  /** False: no call is repeated, even if a service config has a retry policy. */
  readonly retry: RetryPolicy | false | undefined;
  readonly retryBudget: Required<RetryBudgetOptions>;
  readonly serviceConfig: CheckedConfig | undefined;
  readonly dnsServiceConfig: boolean;
  readonly ejection: EjectionSettings | undefined;
  readonly balancer: BalancerName | BalancerFactory | undefined;
  readonly resolver: Resolver | Discovery | undefined;
  readonly logger: Logger | false | undefined;
  readonly credentials: CallCredentials | undefined;
  /** Whether credentials may be sent. */
  readonly takesCredentials: boolean;
  readonly makeTransport: ClientTransportFactory;
  /** The transport of unary calls. */
  readonly transportOptions: ClientTransportOptions;
}

const noTarget: Target = { scheme: 'static', endpoints: [], authority: '', path: '' };

/** @throws RangeError or TypeError that names the option. */
export function checkedChannelOptions(options: ChannelOptions, target: Target = noTarget): ChannelSettings {
  const { protocol: named, scheme, path } = target;
  const checked = checkedOptions('Channel', options, channelOptionTable);
  const { transport, connection, connections, maxQueuedBytes, backoff, protocol: asked, ...rest } = checked;
  if (asked === 'tinypb' && named !== undefined)
    throw new TypeError(`protocol is 'tinypb', but the target begins with ${named}://`);
  if (asked === 'tinypb' && checked.compression !== 'identity')
    throw new TypeError(`compression: TinyPB has none, and protocol is 'tinypb'`);
  const protocol = asked === 'auto' ? (named ?? 'tinypb') : asked;
  if (protocol === 'grpc' && connection === 'short')
    throw new TypeError(`connection must be 'persistent' for gRPC: its calls share connections`);
  const {
    timeoutMs,
    streamTimeoutMs,
    waitForReady,
    compression,
    maxCallsInFlight,
    interceptors,
    retry,
    retryBudget,
    serviceConfig,
    dnsServiceConfig,
    ...others
  } = rest;
  const {
    ejection,
    balancer,
    resolver,
    logger,
    tls: givenTls,
    credentials,
    allowInsecureCredentials,
    ioThreads = defaultIoThreads,
    authority,
    ...limits
  } = others;
  const isGiven = (name: keyof ChannelOptions): boolean => givenOption(options, name) !== undefined;
  const keepaliveTimeMs = protocol === 'grpc' && !isGiven('keepaliveTimeMs') ? 0 : limits.keepaliveTimeMs;
  const tls = checkedClientTls(givenTls, target, resolver !== undefined);
  const isVerified = tls !== undefined && tls.rules.rejectUnauthorized !== false;
  const takesCredentials = isVerified || allowInsecureCredentials;
  if (credentials !== undefined && !takesCredentials) throw new TypeError(insecureCredentials);
  return {
    protocol,
    streamProtocol: asked === 'tinypb' ? undefined : 'grpc',
    timeoutMs,
    streamTimeoutMs,
    waitForReady,
    isGiven: {
      timeoutMs: isGiven('timeoutMs'),
      streamTimeoutMs: isGiven('streamTimeoutMs'),
      waitForReady: isGiven('waitForReady'),
    },
    compression,
    maxCallsInFlight,
    interceptors,
    retry,
    retryBudget,
    serviceConfig,
    dnsServiceConfig,
    ejection,
    balancer,
    resolver,
    logger,
    credentials,
    takesCredentials,
    makeTransport: transport ?? nativeClientTransport,
    transportOptions: {
      ...limits,
      tls,
      protocol,
      authority: authority ?? (scheme === 'dns' ? path : ''),
      keepaliveTimeMs,
      ioThreads,
      connections: connections ?? ioThreads,
      shortConnections: connection === 'short',
      maxWriteQueueBytes: maxQueuedBytes,
      frameTimeoutMs: 30_000,
      idleTimeoutMs: 0,
      firstBackoffMs: backoff.minMs,
      longestBackoffMs: Math.max(backoff.minMs, backoff.maxMs),
    },
  };
}
