import { createRequire } from 'node:module';
import type { EngineStats } from '../contract/engine-stats.ts';
import type {
  ClientTransportOptions,
  ClientTransportStats,
  MethodInfo,
  ServerTransportOptions,
  ServerTransportStats,
  ThreadLog,
} from '../contract/transport.ts';
import { packageRoot } from '../package-root.ts';
import { layoutNumbers } from './layout.ts';
import { noBinaryMessage } from './no-binary.ts';

/** Memory that JavaScript owns and the io threads fill: two inbox slabs in turn, and the outbox. */
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
  /** So many events wake JavaScript before the io thread's turn is over. */
  readonly announceEvents: number;
  readonly slabBytes: number;
  readonly maxLargeBytes: number;
}

/** One JavaScript environment in the core (native/addon/environment.h says what each method does). */
export interface NativeEnvironment {
  flush(commands: number, large?: readonly Uint8Array[]): void;
  takeLarge(index: number): Buffer;
  clock(): number;
  setRef(keepProcessAlive: boolean): void;
  /** All but the calls, which are counted in JavaScript. */
  engineStats(): Omit<EngineStats, 'callsPending'>;
  createServer(options: ServerTransportOptions, methods: readonly MethodInfo[]): number;
  listen(server: number, address: string, backlog: number): string | { errno: number; step: string };
  setHealth(server: number, service: string, serving: boolean): void;
  closeServer(server: number, drainMs: number): void;
  releaseServer(server: number): void;
  serverStats(server: number): ServerTransportStats;
  createChannel(options: ClientTransportOptions): number;
  releaseChannel(channel: number): void;
  addMethod(channel: number, wireName: string, stringFields: number): number;
  createEndpoint(
    channel: number,
    name: string,
    addresses: readonly string[],
  ): { number: number; sessions: number };
  connectEndpoint(endpoint: number): void;
  setAddresses(endpoint: number, addresses: readonly string[]): void;
  closeEndpoint(endpoint: number): void;
  releaseEndpoint(endpoint: number): void;
  channelStats(channel: number): ClientTransportStats;
}

/**
 * Called with the slab that holds the events, their number, the inbox clock's milliseconds, how many of the strings that
 * follow are those whose places are in that slab's `inStrings`, those, and the strings of heads (request-heads.ts).
 */
export type OnBatch = (
  slab: number,
  events: number,
  nowMs: number,
  strings: number,
  ...made: string[]
) => void;

/** Called with the numbers of the subscriptions that have a newer snapshot, and of those that lead from now on. */
export type OnServiceEvents = (changed: readonly number[], leads: readonly number[]) => void;

/** One JavaScript environment's subscriptions (native/addon/service_cache_binding.h). */
export interface NativeServiceCache {
  subscribe(key: string): number;
  unsubscribe(subscription: number): void;
  /** The version; 0 when another subscription leads. */
  publish(subscription: number, text: string): number;
  snapshot(subscription: number): { readonly version: number; readonly text: string } | undefined;
}

export interface NativeLogOptions {
  /** Empty: `fd`. */
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
  /** Of this environment; one that wishes it is enough. */
  readonly flushOnSignals: boolean;
}

export interface NativeLogStats {
  /** Buffers of threads, one for each thread that has the log open. */
  readonly buffers: number;
  /** Memory of those buffers. */
  readonly bufferBytes: number;
  /** Bytes that wait for the disk. */
  readonly queuedBytes: number;
  /** Lines gathered since it was opened. */
  readonly lines: number;
  /** Lines that are whole in the kernel's hands. */
  readonly linesWritten: number;
  /** Lines for which there was no room (option `whenFull`), that were not written at the end, or came after it. */
  readonly linesDropped: number;
  /** Bytes handed to the kernel. */
  readonly bytesWritten: number;
  /** Writes that failed. */
  readonly writeErrors: number;
  /** Files that were full, or of yesterday. */
  readonly filesRolled: number;
  /** Why the last write failed; empty if none did. */
  readonly lastError: string;
  /** The file written to now. */
  readonly path: string;
}

/** One JavaScript environment's end of a log (native/addon/log_binding.h). */
export interface NativeLog extends ThreadLog {
  /** This environment's buffer. */
  readonly memory: ArrayBuffer;
  /** The kernel's number of this thread. */
  readonly tid: number;
  nudge(): void;
  waitForRoom(half: number): boolean;
  flush(ms: number, sync: boolean): Promise<boolean>;
  flushSync(ms: number, sync: boolean): boolean;
  /** The halves of flushSync(), to wait for several logs together. */
  askFlush(): number;
  waitFlush(ticket: number, ms: number): boolean;
  /** The process ends with lines unwritten: says on stderr how many. */
  tellUnwritten(): void;
  /** Of a line after close(). */
  countLate(): void;
  reopen(): void;
  /** Takes SIGTERM and SIGINT again, which libuv gives back to the kernel with the last listener. */
  retakeSignals(): void;
  close(): void;
  stats(): NativeLogStats;
  takeRolled(): string[];
}

export interface NativeBinding {
  /** Throws an Error with `openSettings`, those of the log that is open at that place, when they are others. */
  readonly Log: new (
    place: string,
    settings: string,
    options: NativeLogOptions,
  ) => NativeLog;
  readonly ServiceCache: new (onEvents: OnServiceEvents) => NativeServiceCache;
  readonly Environment: new (slabs: Slabs, onBatch: OnBatch) => NativeEnvironment;
  readonly layout: Readonly<Record<string, number>>;
}

let loaded: NativeBinding | undefined;

/**
 * Loads the prebuilt binary of this platform, or the one compiled here.
 *
 * @throws Error when there is none, or when it was built from other sources than this JavaScript.
 */
export function loadBinary(): NativeBinding {
  if (loaded) return loaded;
  const binding = requireBinary();
  for (const [name, expected] of Object.entries(layoutNumbers)) {
    const found = binding.layout[name];
    if (found !== expected) {
      throw new Error(
        `rocket-rpc: the native binary is of another version (${name} is ${found}, not ${expected}). ` +
          'In a checkout: npm run build. Elsewhere: remove node_modules/rocket-rpc and install it again.',
      );
    }
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
  // Not in the `try`: that it is not installed is another matter than that it finds nothing.
  const nodeGypBuild = require('node-gyp-build') as NodeGypBuild;
  let file: string;
  try {
    file = nodeGypBuild.resolve(root);
  } catch {
    // Its error lists what it compared, and says nothing that the message does not.
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
