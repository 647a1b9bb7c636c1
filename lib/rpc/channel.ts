import { nativeClientTransport } from '../addon/client-transport.ts';
import type { BalancerFactory } from '../balance/balancer.ts';
import { RoundRobin } from '../balance/round-robin.ts';
import type { Resolver } from '../discovery/resolver.ts';
import { StaticResolver } from '../discovery/static-resolver.ts';
import { currentCall } from './async-context.ts';
import { type CallContext, ServerCall } from './call-context.ts';
import { abortError, type CallEnd, ClientCall } from './client-call.ts';
import { EndpointSet } from './endpoint-set.ts';
import { RpcError } from './errors.ts';
import { type ClientInterceptor, type InterceptedClientCall, runClientInterceptors } from './interceptors.ts';
import { encodeMetadata, type Metadata, type MetadataInit } from './metadata.ts';
import {
  defaultIoThreads,
  defaultTimeoutMs,
  integerOption,
  knownOptions,
  MiB,
  timeoutOption,
} from './options.ts';
import type { MethodDefinition } from './service.ts';
import { parseTarget, type Target } from './target.ts';
import type {
  ClientReceiver,
  ClientTransport,
  ClientTransportFactory,
  ClientTransportOptions,
  ClientTransportStats,
  LinkState,
} from './transport.ts';

export interface ChannelOptions {
  /** io threads its connections are spread over, 1 to 128. Default min(4, cores). */
  readonly ioThreads?: number;
  /** Kept connections to each endpoint. Default: one per io thread. */
  readonly connections?: number;
  /** `persistent` (default): calls share kept connections. `short`: a new one for every call, as C++ rocket clients do. */
  readonly connection?: 'persistent' | 'short';
  /** Bound for one attempt to connect to an endpoint. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Pause after a failed attempt: from `minMs`, doubled each time up to `maxMs`, jittered by a fifth. Default 100 ms … 10 s. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number };
  /** Default deadline of a call. Default 30 s. */
  readonly timeoutMs?: number;
  /** Default for calls: wait for a connection until the deadline instead of failing at once with UNAVAILABLE. Default false. */
  readonly waitForReady?: boolean;
  /** Calls that may be pending; past it a call fails with RESOURCE_EXHAUSTED. Default 65,536. */
  readonly maxCallsInFlight?: number;
  /** Longest frame sent or taken, in bytes. Default 4 MiB. */
  readonly maxFrameBytes?: number;
  /** Request bytes that may wait to be written on one connection; past it a call fails with RESOURCE_EXHAUSTED. Default 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Protect frames with CRC-32C; C++ peers ignore it. Default true. */
  readonly checksum?: boolean;
  /** The peer is rocket-rpc and not C++ rocket: lets the very first request carry more than 511 bytes of metadata. Default false. */
  readonly peerIsRocketRpc?: boolean;
  readonly interceptors?: readonly ClientInterceptor[];
  /** Default `round_robin`. */
  readonly balancer?: 'round_robin' | BalancerFactory;
  /** For targets of another scheme than the built-in ones. */
  readonly resolver?: Resolver;
  /** For tests: what carries the frames. Default: the native core. */
  readonly transport?: ClientTransportFactory;
}

const optionNames: readonly (keyof ChannelOptions)[] = [
  'ioThreads',
  'connections',
  'connection',
  'connectTimeoutMs',
  'backoff',
  'timeoutMs',
  'waitForReady',
  'maxCallsInFlight',
  'maxFrameBytes',
  'maxQueuedBytes',
  'checksum',
  'peerIsRocketRpc',
  'interceptors',
  'balancer',
  'resolver',
  'transport',
];

export interface CallOptions {
  /** Deadline of this call, milliseconds from now, up to a day. Default: the channel's; never past the parent's. */
  readonly timeoutMs?: number;
  /** Gives the call up when it aborts: the promise rejects at once with CANCELLED (DEADLINE_EXCEEDED for AbortSignal.timeout). */
  readonly signal?: AbortSignal | undefined;
  /** Sent with the request. */
  readonly metadata?: MetadataInit | undefined;
  readonly waitForReady?: boolean;
  /** The call being handled: its remaining time, its signal and its msg_id family are inherited. */
  readonly parent?: CallContext | undefined;
  /** Called with the reply's metadata, after the promise is resolved. */
  readonly onMetadata?: (metadata: Metadata) => void;
}

export interface ChannelStats extends ClientTransportStats {
  /** Calls whose promise has not settled. */
  readonly callsPending: number;
  /** Names of the endpoints known now. */
  readonly endpoints: readonly string[];
}

type State = 'open' | 'closing' | 'closed';

/** A call that cannot be given to an endpoint yet, because none is known. */
interface Unplaced {
  readonly call: ClientCall;
  readonly place: () => void;
  readonly timer: NodeJS.Timeout;
}

const noOptions: CallOptions = {};

/**
 * A way to a service: finds its endpoints, keeps connections to them, and spreads calls over them. Connecting begins
 * with the first call or with connect(). An idle channel does not keep the process alive; a pending call does.
 */
export class Channel implements AsyncDisposable, ClientReceiver, CallEnd {
  readonly target: string;
  readonly #timeoutMs: number;
  readonly #waitForReady: boolean;
  readonly #maxCallsInFlight: number;
  readonly #interceptors: readonly ClientInterceptor[];
  readonly #transport: ClientTransport;
  readonly #endpoints: EndpointSet;
  readonly #resolver: Resolver;
  readonly #methods = new Map<MethodDefinition, number>();
  readonly #calls = new Set<ClientCall>();
  readonly #unplaced = new Set<Unplaced>();
  #resolverError: Error | undefined;
  #connecting = false;
  #state: State = 'open';
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  /**
   * @param target `host:port`, `[ipv6]:port`, `unix:/path`, `static:///a:1,b:2`, or any other with a `resolver`.
   * @throws TypeError for a bad target, RangeError or TypeError that names a bad option.
   */
  constructor(target: string, options: ChannelOptions = {}) {
    knownOptions('Channel', options, optionNames);
    this.target = target;
    this.#timeoutMs = timeoutOption('timeoutMs', options.timeoutMs, defaultTimeoutMs);
    this.#waitForReady = options.waitForReady ?? false;
    this.#maxCallsInFlight = integerOption('maxCallsInFlight', options.maxCallsInFlight, 65_536, 1, 1 << 20);
    this.#interceptors = options.interceptors ?? [];
    const transportOptions = checkedTransportOptions(options);
    this.#resolver = resolverFor(parseTarget(target), options.resolver);
    const makeBalancer: BalancerFactory =
      typeof options.balancer === 'function' ? options.balancer : () => new RoundRobin();
    if (typeof options.balancer === 'string' && options.balancer !== 'round_robin') {
      throw new TypeError(
        `there is no balancer ${String(options.balancer)}; there is round_robin, or give a function`,
      );
    }
    this.#transport = (options.transport ?? nativeClientTransport)(transportOptions, this);
    this.#endpoints = new EndpointSet(this.#transport, makeBalancer, () => this.#resolver.refresh());
    this.#resolver.start({
      onEndpoints: (endpoints) => {
        if (this.#state === 'closed') return;
        this.#endpoints.update(endpoints, this.#connecting);
        this.#resolverError = undefined;
        this.#placeWaiting();
      },
      onError: (error) => {
        this.#resolverError = error;
        this.#resolver.refresh();
        this.#placeWaiting();
      },
    });
  }

  /** Begins to connect, so that the first call need not wait for it. Does not wait itself. */
  connect(): void {
    this.#connecting = true;
    this.#endpoints.connectAll();
  }

  /** Makes one call; what a client's methods do. Rejects with RpcError, or TypeError for a request that does not encode. */
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions = noOptions,
  ): Promise<Response> {
    const parent = options.parent ?? currentCall();
    const definition = method as MethodDefinition;
    if (this.#interceptors.length === 0) {
      return this.#send(
        definition,
        request,
        options,
        options.timeoutMs,
        options.signal,
        parent,
      ) as Promise<Response>;
    }
    const intercepted: InterceptedClientCall = {
      method: method.wireName,
      request,
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      metadata: options.metadata,
      signal: options.signal,
      waitForReady: options.waitForReady ?? this.#waitForReady,
    };
    return runClientInterceptors(this.#interceptors, intercepted, (call) => {
      const { onMetadata } = options;
      const merged: CallOptions = {
        metadata: call.metadata,
        waitForReady: call.waitForReady,
        ...(onMetadata === undefined ? {} : { onMetadata }),
      };
      return this.#send(definition, call.request, merged, call.timeoutMs, call.signal, parent);
    }) as Promise<Response>;
  }

  #send(
    method: MethodDefinition,
    request: unknown,
    options: CallOptions,
    timeoutOfCall: number | undefined,
    signal: AbortSignal | undefined,
    parent: CallContext | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // Everything thrown in here rejects the promise.
      let timeoutMs = timeoutOption('timeoutMs', timeoutOfCall, this.#timeoutMs);
      const metadata = encodeMetadata(options.metadata);
      if (this.#state !== 'open')
        throw new RpcError('CANCELLED', `the channel to ${this.target} is closed`, { requestWritten: false });
      if (this.#calls.size >= this.#maxCallsInFlight) {
        throw new RpcError(
          'RESOURCE_EXHAUSTED',
          `${this.#calls.size} calls are pending (option maxCallsInFlight)`,
          { requestWritten: false },
        );
      }
      if (signal?.aborted === true) throw abortError(signal);
      let msgId = '';
      if (parent !== undefined) {
        if (parent.signal.aborted) throw abortError(parent.signal);
        timeoutMs = Math.min(timeoutMs, parent.timeRemainingMs);
        if (timeoutMs <= 0)
          throw new RpcError('DEADLINE_EXCEEDED', 'the deadline of the parent call has passed', {
            requestWritten: false,
          });
        msgId = childIdOf(parent);
      }
      const call = new ClientCall(method, resolve, reject, this, options.onMetadata);
      const waitForReady = options.waitForReady ?? this.#waitForReady;
      const endpoint = this.#endpoints.pick();
      if (endpoint !== undefined) {
        this.#start(call, endpoint, method, timeoutMs, waitForReady, request, metadata, msgId);
      } else {
        this.#wait(call, method, timeoutMs, waitForReady, request, metadata, msgId);
      }
      if (signal !== undefined) call.watch(signal, this.#giveUp);
      if (parent !== undefined && !call.ended) call.watch(parent.signal, this.#giveUp);
    });
  }

  #start(
    call: ClientCall,
    endpoint: number,
    method: MethodDefinition,
    timeoutMs: number,
    waitForReady: boolean,
    request: unknown,
    metadata: string,
    msgId: string,
  ): void {
    if (!this.#connecting) this.connect();
    const number = this.#methodNumber(method);
    this.#transport.start(
      call,
      endpoint,
      number,
      timeoutMs,
      waitForReady,
      method.request,
      request,
      metadata,
      msgId,
    );
    call.started = true;
    this.#calls.add(call);
  }

  /** No endpoint is known: until the resolver has spoken, or (waitForReady) has something better to say. */
  #wait(
    call: ClientCall,
    method: MethodDefinition,
    timeoutMs: number,
    waitForReady: boolean,
    request: unknown,
    metadata: string,
    msgId: string,
  ): void {
    if (this.#resolverError !== undefined && !waitForReady) throw this.#nowhere(this.#resolverError);
    const giveUpAt = performance.now() + timeoutMs;
    const timer = setTimeout(() => {
      this.#unplaced.delete(waiting);
      const why = this.#resolverError === undefined ? '' : ` (${this.#resolverError.message})`;
      const text = `deadline exceeded: waited ${timeoutMs} ms for an endpoint of ${this.target}${why}`;
      call.fail(new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false }));
    }, timeoutMs);
    const place = (): void => {
      const endpoint = this.#endpoints.pick();
      if (endpoint === undefined && (waitForReady || this.#resolverError === undefined)) return;
      this.#unplaced.delete(waiting);
      clearTimeout(timer);
      if (call.ended) return;
      if (endpoint === undefined) return call.fail(this.#nowhere(this.#resolverError));
      try {
        const left = Math.max(1, Math.ceil(giveUpAt - performance.now()));
        this.#start(call, endpoint, method, left, waitForReady, request, metadata, msgId);
      } catch (cause) {
        call.fail(
          new RpcError('INTERNAL', `the request cannot be sent: ${String(cause)}`, {
            cause,
            requestWritten: false,
          }),
        );
      }
    };
    const waiting: Unplaced = { call, place, timer };
    this.#unplaced.add(waiting);
    this.#calls.add(call);
  }

  #nowhere(cause: Error | undefined): RpcError {
    const text = `no endpoint of ${this.target} is known${cause === undefined ? '' : `: ${cause.message}`}`;
    return new RpcError('UNAVAILABLE', text, { cause, requestWritten: false });
  }

  #placeWaiting(): void {
    for (const { place } of [...this.#unplaced]) place();
  }

  readonly #giveUp = (call: ClientCall, signal: AbortSignal): void => {
    if (call.ended) return;
    if (call.started) this.#transport.cancel(call);
    call.fail(abortError(signal));
  };

  #methodNumber(method: MethodDefinition): number {
    let number = this.#methods.get(method);
    if (number === undefined) {
      if (Buffer.byteLength(method.wireName) > 511 || method.wireName.includes('\0')) {
        throw new RangeError(
          `the method name ${method.wireName} does not fit TinyPB: at most 511 bytes and no NUL`,
        );
      }
      number = this.#transport.addMethod(method.wireName);
      this.#methods.set(method, number);
    }
    return number;
  }

  /**
   * Refuses new calls, lets pending ones finish for up to `drainMs` (default 5000; 0: not at all), fails the rest with
   * CANCELLED, then closes. Idempotent.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    const drainMs = timeoutOption('drainMs', options.drainMs, 5000, 0);
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    this.#state = 'closing';
    if (drainMs > 0 && this.#calls.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
        timer = setTimeout(resolve, drainMs);
      });
      clearTimeout(timer);
    }
    this.#state = 'closed';
    this.#resolver.close();
    for (const { call, timer } of this.#unplaced) {
      clearTimeout(timer);
      call.fail(
        new RpcError('CANCELLED', 'the channel was closed before the call was finished', {
          requestWritten: false,
        }),
      );
    }
    this.#unplaced.clear();
    await this.#endpoints.close();
    this.#transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  stats(): ChannelStats {
    return { ...this.#transport.stats(), callsPending: this.#calls.size, endpoints: this.#endpoints.names() };
  }

  /** @internal */
  onEnd(call: ClientCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onDrained?.();
  }

  /** @internal */
  onLinkState(endpoint: number, link: number, state: LinkState): void {
    this.#endpoints.onLinkState(endpoint, link, state);
  }
}

function checkedTransportOptions(options: ChannelOptions): ClientTransportOptions {
  const ioThreads = integerOption('ioThreads', options.ioThreads, defaultIoThreads, 1, 128);
  const { connection = 'persistent', backoff = {} } = options;
  if (connection !== 'persistent' && connection !== 'short') {
    throw new TypeError(`connection must be 'persistent' or 'short', not ${String(connection)}`);
  }
  knownOptions('backoff', backoff, ['minMs', 'maxMs']);
  const firstBackoffMs = timeoutOption('backoff.minMs', backoff.minMs, 100);
  return {
    ioThreads,
    connections: integerOption('connections', options.connections, ioThreads, 1, 1024),
    shortConnections: connection === 'short',
    maxFrameBytes: integerOption('maxFrameBytes', options.maxFrameBytes, 4 * MiB, 64, 1024 * MiB),
    maxWriteQueueBytes: integerOption('maxQueuedBytes', options.maxQueuedBytes, 16 * MiB, 1024, 1024 * MiB),
    frameTimeoutMs: 30_000,
    idleTimeoutMs: 0,
    connectTimeoutMs: timeoutOption('connectTimeoutMs', options.connectTimeoutMs, 5000),
    firstBackoffMs,
    longestBackoffMs: Math.max(firstBackoffMs, timeoutOption('backoff.maxMs', backoff.maxMs, 10_000)),
    checksum: options.checksum ?? true,
    peerIsRocketRpc: options.peerIsRocketRpc ?? false,
  };
}

function resolverFor(target: Target, resolver: Resolver | undefined): Resolver {
  if (resolver !== undefined) return resolver;
  if (target.scheme !== 'static')
    throw new TypeError(`a target with ${target.scheme}:// needs the option resolver`);
  return new StaticResolver(target.endpoints);
}

const longestMsgId = 99;

/** A child's id, or a fresh one where a C++ peer could not take it. */
function childIdOf(parent: CallContext): string {
  if (!(parent instanceof ServerCall) || parent.msgId === '') return '';
  const id = parent.nextChildId();
  const fits = id.length <= longestMsgId && /^[\x20-\x7e]+$/.test(id);
  return fits ? id : '';
}
