import { methodKinds } from '../contract/define-service.ts';
import { encodeMetadata } from '../contract/metadata.ts';
import { booleanOption, checkSignal, choiceOption, functionOption } from '../contract/option-shapes.ts';
import { knownOptions } from '../contract/options.ts';
import type { ClientProtocol } from '../contract/transport.ts';
import { kindOf } from '../contract/value-text.ts';
import type { ClientTlsOptions } from '../index.ts';
import type { EncodedRequest } from './encode-request.ts';
import type { LoadProgress } from './progress.ts';

/** When calls are made. */
export type LoadMode = CountMode | DurationMode | RateMode;

/** Closed loop: `concurrency` calls pending at a time until `total` have been made. */
export interface CountMode {
  /** Says which mode it is. */
  readonly kind: 'count';
  /** Total number of calls. */
  readonly total: number;
  /** Calls pending at a time, 1 to 1,000,000. */
  readonly concurrency: number;
}

/** Closed loop: `concurrency` calls pending at a time, for `seconds`. */
export interface DurationMode {
  /** Says which mode it is. */
  readonly kind: 'duration';
  /** Length of the load, up to a day. */
  readonly seconds: number;
  /** Calls pending at a time, 1 to 1,000,000. */
  readonly concurrency: number;
}

/**
 * Open loop: calls are made on a schedule that does not wait for replies, and latency is measured from the time for
 * which the call was scheduled.
 */
export interface RateMode {
  /** Says which mode it is. */
  readonly kind: 'rate';
  /** Calls that become due each second. */
  readonly callsPerSecond: number;
  /** Length of the load, up to a day. */
  readonly seconds: number;
  /** A call that is due while this many are pending is not made, and counts as failed with NOT_SENT. Default 65,536. */
  readonly maxInFlight?: number;
}

/** A load and its target. */
export interface LoadOptions {
  /** Any target that a Channel accepts. */
  readonly target: string;
  /** What the calls speak. Default: gRPC for a target that begins with `grpc://` or `grpcs://`, or a method that streams, otherwise TinyPB. */
  readonly protocol?: ClientProtocol | undefined;
  /** How many calls, how fast, for how long. */
  readonly mode: LoadMode;
  /** The request that every call sends, created by encodeRequest(). */
  readonly request: EncodedRequest;
  /** Sent with every request. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** TLS of the connections, as of a Channel. Default: none, unless the target says `tls://` or `grpcs://`. */
  readonly tls?: ClientTlsOptions | undefined;
  /** Client worker threads, 1 to 64; calls and connections are divided among them. Default 1. */
  readonly threads?: number;
  /**
   * Kept connections, in total for all threads, at least one per thread. Default: for each thread as many as a Channel
   * keeps.
   */
  readonly connections?: number | undefined;
  /** A separate TCP connection for every call. Default false. */
  readonly short?: boolean;
  /** Deadline of a call, and time limit for connecting. Default 10 s. */
  readonly timeoutMs?: number;
  /** Length of the same load beforehand, counted in no figure except `warmup`. Default 0. */
  readonly warmupSeconds?: number;
  /** Ends the run when it aborts: the promise resolves at once with the results so far and `interrupted: true`. */
  readonly signal?: AbortSignal;
  /** Called once the target has been reached, before the first call. */
  readonly onReached?: () => void;
  /** Called four times a second. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

export const defaultTimeoutMs = 10_000;
export const defaultMaxInFlight = 65_536;
export const maxThreads = 64;

/** With its defaults filled in. */
export interface LoadSettings {
  readonly target: string;
  readonly protocol: ClientProtocol;
  readonly mode: LoadMode;
  readonly request: EncodedRequest;
  readonly threads: number;
  readonly connections: number | undefined;
  readonly short: boolean;
  readonly timeoutMs: number;
  readonly warmupSeconds: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tls: ClientTlsOptions | undefined;
}

/** @throws RangeError that names the option; TypeError for metadata that cannot be sent. */
export function loadSettings(options: LoadOptions): LoadSettings {
  knownOptions('runLoad', options, optionNames);
  const { target, mode, request, connections, tls } = options;
  checkRequest(request);
  checkMode(mode);
  if (typeof target !== 'string') throw new TypeError(`target must be a string, not ${kindOf(target)}`);
  if (tls !== undefined && (typeof tls !== 'object' || tls === null))
    throw new TypeError(`tls takes an object of options, not ${kindOf(tls)}`);
  checkSignal('signal', options.signal);
  functionOption('onReached', options.onReached);
  functionOption('onProgress', options.onProgress);
  const short = booleanOption('short', options.short, false);
  const { threads = 1, timeoutMs = defaultTimeoutMs, warmupSeconds = 0, metadata = {} } = options;
  const protocol = protocolOf(options);
  encodeMetadata(metadata, protocol);
  if (protocol === 'grpc' && short)
    throw new RangeError('short must be false for gRPC: its calls share connections');
  const atOnce =
    mode.kind === 'rate'
      ? mode.maxInFlight === undefined
        ? defaultMaxInFlight
        : mode.maxInFlight
      : mode.concurrency;
  checkWhole('threads', threads, 1, maxThreads);
  checkWhole(mode.kind === 'rate' ? 'maxInFlight' : 'concurrency', atOnce, 1, 1_000_000);
  if (atOnce < threads) throw new RangeError(`threads (${threads}) must not be more than concurrency`);
  if (mode.kind === 'count') checkWhole('total', mode.total, 1, Number.MAX_SAFE_INTEGER);
  else checkPositive('seconds', mode.seconds, 86_400);
  if (mode.kind === 'rate') checkPositive('callsPerSecond', mode.callsPerSecond, 10_000_000);
  if (connections !== undefined) checkWhole('connections', connections, threads, 1024 * threads);
  checkPositive('timeoutMs', timeoutMs, 86_400_000);
  if (warmupSeconds !== 0) checkPositive('warmupSeconds', warmupSeconds, 86_400);
  const counts = { threads, connections, timeoutMs, warmupSeconds };
  return { target, protocol, mode, request, ...counts, short, metadata, tls };
}

const optionNames: readonly (keyof LoadOptions)[] = [
  'target',
  'protocol',
  'mode',
  'request',
  'threads',
  'connections',
  'short',
  'timeoutMs',
  'warmupSeconds',
  'metadata',
  'tls',
  'signal',
  'onReached',
  'onProgress',
];

function protocolOf({ target, request, protocol }: LoadOptions): ClientProtocol {
  const streams = (request.kind ?? 'unary') !== 'unary';
  const fallback = /^grpcs?:/.test(target) || streams ? 'grpc' : 'tinypb';
  const chosen = choiceOption('protocol', protocol, ['tinypb', 'grpc'], fallback);
  if (chosen === 'tinypb' && streams)
    throw new RangeError(`protocol must be grpc: ${request.method} streams, which TinyPB cannot carry`);
  return chosen;
}

const modeNames: Readonly<Record<LoadMode['kind'], readonly string[]>> = {
  count: ['kind', 'total', 'concurrency'],
  duration: ['kind', 'seconds', 'concurrency'],
  rate: ['kind', 'callsPerSecond', 'seconds', 'maxInFlight'],
};

function checkMode(mode: LoadMode): void {
  if (typeof mode !== 'object' || mode === null || !Object.hasOwn(modeNames, mode.kind))
    throw new TypeError(`mode must be an object whose kind is count, duration or rate, not ${kindOf(mode)}`);
  knownOptions(`mode ${mode.kind}`, mode, modeNames[mode.kind]);
}

function checkRequest(request: EncodedRequest): void {
  const isRequest =
    typeof request === 'object' &&
    request !== null &&
    typeof request.method === 'string' &&
    request.body instanceof Uint8Array &&
    (request.kind === undefined || methodKinds.includes(request.kind));
  if (!isRequest) throw new TypeError(`request must come from encodeRequest(), not ${kindOf(request)}`);
}

function checkWhole(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${kindOf(value)}`);
}

function checkPositive(name: string, value: number, max: number): void {
  if (typeof value === 'number' && value > 0 && value <= max) return;
  throw new RangeError(`${name} must be more than 0 and at most ${max}, not ${kindOf(value)}`);
}

/** The part of `total` that falls to thread `index` of `threads`. */
export function shareOf(total: number, threads: number, index: number): number {
  return Math.floor(total / threads) + (index < total % threads ? 1 : 0);
}
