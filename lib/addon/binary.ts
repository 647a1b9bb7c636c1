import { createRequire } from 'node:module';
import type { EngineStats } from '../contract/engine-stats.ts';
import type { TlsContext, TlsContextSettings, TlsIdentity } from '../contract/tls.ts';
import type {
  ClientTransportOptions,
  ClientTransportStats,
  MethodInfo,
  ServerTransportOptions,
  ServerTransportStats,
  ThreadLog,
} from '../contract/transport.ts';
import { packageRoot } from '../package-root.ts';
import { boundaryHash } from './layout.ts';
import { noBinaryMessage } from './no-binary.ts';

/** Memory owned by JavaScript: two inbox slabs, which the io threads fill alternately, and the outbox. */
export interface Slabs {
  readonly inBytes0: Buffer;
  readonly inWords0: Int32Array;
  /** Offset and length in `inBytes0` of the strings that come with a batch. */
  readonly inStrings0: Int32Array;
  readonly inHeads0: Buffer;
  readonly inBytes1: Buffer;
  readonly inWords1: Int32Array;
  readonly inStrings1: Int32Array;
  readonly inHeads1: Buffer;
  readonly outBytes: Buffer;
  readonly outWords: Int32Array;
  readonly maxEvents: number;
  readonly maxStrings: number;
  readonly headBytes: number;
  /** This many events wake JavaScript before the io thread's turn is over. */
  readonly announceEvents: number;
  readonly slabBytes: number;
  readonly maxLargeBytes: number;
}

/** One JavaScript environment in the core (native/addon/environment.h says what each method does). */
export interface NativeEnvironment {
  flush(commands: number, large?: readonly Uint8Array[]): void;
  takeLarge(index: number): Buffer;
  /** Frees the memory of a large payload; neither the buffer nor any view of it may be used afterwards. */
  dropLarge(buffer: Buffer): void;
  clock(): number;
  setRef(keepProcessAlive: boolean): void;
  /** All figures except the number of calls, which JavaScript counts. */
  engineStats(): Omit<EngineStats, 'callsPending'>;
  createServer(options: ServerTransportOptions, methods: readonly MethodInfo[]): number;
  listen(server: number, address: string, backlog: number): string | { errno: number; step: string };
  setHealth(server: number, service: string, serving: boolean): void;
  setTls(server: number, context: TlsContext): void;
  /** The number of the identity of a held call's connection; 0 if it has none. */
  peerIdentity(low: number, high: number): number;
  /** That identity. If memory runs out, it has no bytes. */
  peerCertificate(low: number, high: number): TlsIdentity;
  closeServer(server: number, drainMs: number): void;
  releaseServer(server: number): void;
  serverStats(server: number): ServerTransportStats;
  createChannel(options: ClientTransportOptions & { readonly userAgent: string }): number;
  setChannelTls(channel: number, context: TlsContext): void;
  releaseChannel(channel: number): void;
  addMethod(channel: number, wireName: string, stringFields: number, kind: number): number;
  createEndpoint(
    channel: number,
    name: string,
    addresses: readonly string[],
    serverName: string,
  ): { number: number; links: number };
  connectEndpoint(endpoint: number): void;
  setAddresses(endpoint: number, addresses: readonly string[]): void;
  /** Answers a server check. `refusal` '': it is the right server. Does nothing if the endpoint is gone. */
  answerServerCheck(endpoint: number, link: number, question: number, refusal: string): void;
  releaseWaiting(endpoint: number): void;
  closeEndpoint(endpoint: number): void;
  releaseEndpoint(endpoint: number): void;
  channelStats(channel: number): ClientTransportStats;
}

/**
 * Called with the slab that holds the events, their number, the time on the inbox clock in milliseconds, the number of
 * message strings, those strings (their offsets are in that slab's `inStrings`), and the strings of heads
 * (request-heads.ts).
 */
export type OnBatch = (
  slab: number,
  events: number,
  nowMs: number,
  strings: number,
  ...made: string[]
) => void;

/** Called with the numbers of the subscriptions that have a newer snapshot, and of those that now lead. */
export type OnServiceEvents = (changed: readonly number[], leads: readonly number[]) => void;

/** One JavaScript environment's subscriptions (native/addon/service_cache_binding.h). */
export interface NativeServiceCache {
  subscribe(key: string): number;
  unsubscribe(subscription: number): void;
  /** The version; 0 if another subscription leads. */
  publish(subscription: number, text: string): number;
  snapshot(subscription: number): { readonly version: number; readonly text: string } | undefined;
}

export interface NativeLogOptions {
  /** The folder of the log files; empty: the log is written to `fd`. */
  readonly folder: string;
  readonly name: string;
  readonly fd: number;
  readonly maxFileBytes: number;
  readonly maxFiles: number;
  readonly json: boolean;
  /** Index of log::Policy. */
  readonly policy: number;
  readonly bufferBytes: number;
  readonly queueBytes: number;
  readonly gatherMs: number;
  readonly flushTimeoutMs: number;
  readonly saveFromCrashes: boolean;
  /** For this environment. One log that sets it is enough. */
  readonly flushOnSignals: boolean;
}

export interface NativeLogStats {
  /** Number of thread buffers, one for each thread that has the log open. */
  readonly buffers: number;
  /** Memory of those buffers. */
  readonly bufferBytes: number;
  /** Bytes that wait for the disk. */
  readonly queuedBytes: number;
  /** Lines gathered since it was opened. */
  readonly lines: number;
  /** Lines completely written to the kernel. */
  readonly linesWritten: number;
  /**
   * Lines dropped for lack of room (option `whenFull`), lines that were unwritten at the end, and lines that came after
   * it.
   */
  readonly linesDropped: number;
  /** Bytes written to the kernel. */
  readonly bytesWritten: number;
  /** Writes that failed. */
  readonly writeErrors: number;
  /** Finished files: full, or from an earlier day. */
  readonly filesRolled: number;
  /** The error of the last failed write; empty if none failed. */
  readonly lastError: string;
  /** The current file. */
  readonly path: string;
}

/** One JavaScript environment's access to a log (native/addon/log_binding.h). */
export interface NativeLog extends ThreadLog {
  /** This environment's buffer. */
  readonly memory: ArrayBuffer;
  /** The kernel's number of this thread. */
  readonly tid: number;
  nudge(): void;
  waitForRoom(half: number): boolean;
  flush(ms: number, sync: boolean): Promise<boolean>;
  flushSync(ms: number, sync: boolean): boolean;
  /** The two halves of flushSync(), used to wait for several logs together. */
  askFlush(): number;
  waitFlush(ticket: number, ms: number): boolean;
  /** The process ends with unwritten lines: reports on stderr how many. */
  tellUnwritten(): void;
  /** Counts a line logged after close(). */
  countLate(): void;
  reopen(): void;
  /** Installs the handlers of SIGTERM and SIGINT again, which libuv resets when the last listener is removed. */
  retakeSignals(): void;
  close(): void;
  stats(): NativeLogStats;
  takeRolled(): string[];
}

export interface NativeBinding {
  /**
   * Throws an Error if a log with other settings is open at that place; its `openSettings` are those of the open log.
   */
  readonly Log: new (
    place: string,
    settings: string,
    options: NativeLogOptions,
  ) => NativeLog;
  readonly TlsContext: new (settings: TlsContextSettings) => TlsContext;
  readonly ServiceCache: new (onEvents: OnServiceEvents) => NativeServiceCache;
  readonly Environment: new (slabs: Slabs, onBatch: OnBatch) => NativeEnvironment;
  /** The hash of the boundary that the binary was built with. */
  readonly boundaryHash: number;
}

let loaded: NativeBinding | undefined;

/**
 * Loads the prebuilt binary of this platform, or the one compiled here.
 *
 * @throws Error if there is none, or if it was built from different sources than this JavaScript.
 */
export function loadBinary(): NativeBinding {
  if (loaded) return loaded;
  const binding = requireBinary();
  if (binding.boundaryHash !== boundaryHash) {
    throw new Error(
      `rocket-rpc: the native binary is of another version (its boundary is ${binding.boundaryHash}, ` +
        `not ${boundaryHash}). In a checkout: npm run build. ` +
        'Elsewhere: remove node_modules/rocket-rpc and install it again.',
    );
  }
  loaded = binding;
  return binding;
}

interface NodeGypBuild {
  resolve(directory: string): string;
}

function requireBinary(): NativeBinding {
  const require = createRequire(import.meta.url);
  const root = packageRoot();
  // Outside the `try`, because a missing node-gyp-build is a different error from a missing binary.
  const nodeGypBuild = require('node-gyp-build') as NodeGypBuild;
  let file: string;
  try {
    file = nodeGypBuild.resolve(root);
  } catch {
    // The error of node-gyp-build only lists the files that it compared, which adds nothing to our message.
    throw new Error(noBinaryMessage(root));
  }
  try {
    return require(file) as NativeBinding;
  } catch (cause) {
    throw new Error(noBinaryMessage(root, `${file} cannot be loaded (${errorText(cause)})`), { cause });
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
