import type { StreamLoad } from '../lib/stream-load.ts';
import type { ContenderName } from './contenders.ts';

interface ScenarioBase {
  readonly key: string;
  readonly title: string;
  readonly contenders: readonly ContenderName[];
  /** In a quick run; default: the same. */
  readonly quickContenders?: readonly ContenderName[];
  /** Takes part in the first rounds only; default: in all. */
  readonly rounds?: number;
  /** The same in a quick run. */
  readonly quickRounds?: number;
}

/** A load generator against the server. */
export interface LoadScenario extends ScenarioBase {
  readonly kind: 'load';
  /** Connections, or callers when `short`. */
  readonly connections: number;
  readonly inflight: number;
  readonly bodyBytes: number;
  /** A new connection for every call; failures are counted. */
  readonly short: boolean;
  /** By our own generator, where h2load would be the limit. */
  readonly loadgen: boolean;
  /** The window is at least this long, and half of it goes before as warmup. */
  readonly leastSeconds: number;
}

/** A client process of a Node library. */
export interface ClientScenario extends ScenarioBase {
  readonly kind: 'client';
  readonly callers: number;
  /** `own`: the server of the same library. `fastest`: the fastest that speaks its protocol. */
  readonly server: 'own' | 'fastest';
}

/** Streams that stay open, of messages of 100 bytes. */
export interface StreamScenario extends ScenarioBase {
  readonly kind: 'stream';
  readonly method: StreamLoad['method'];
  readonly connections: number;
  readonly streamsPerConnection: number;
}

/** Memory of connections that do nothing. */
export interface IdleScenario extends ScenarioBase {
  readonly kind: 'idle';
}

/** From the start of the process to its first reply. */
export interface ColdScenario extends ScenarioBase {
  readonly kind: 'cold';
}

export type Scenario = LoadScenario | ClientScenario | StreamScenario | IdleScenario | ColdScenario;

const main = ['rocket', 'net', 'native', 'grpc-js'] as const;
/** In other languages. */
const peers = ['grpc-go', 'tonic', 'grpc-cpp'] as const;
const all = [...main, 'rocket-grpc', 'nice-grpc', 'connect', ...peers] as const;
/** Those with a bar. */
const few = [...main, 'rocket-grpc', 'grpc-go', 'tonic'] as const;
const quickAll = [...few, 'nice-grpc', 'connect'] as const;
const bodies = [...main, 'rocket-grpc', ...peers] as const;
const fast = ['rocket-grpc', 'grpc-js', 'grpc-go', 'tonic'] as const;
const tinypb = ['rocket', 'net', 'native'] as const;
const node = ['rocket', 'net', 'grpc-js'] as const;
const streams = ['rocket-grpc', 'grpc-js', 'grpc-go'] as const;
const libraries = ['rocket', 'grpc-js', 'nice-grpc', 'connect'] as const;

function load(
  key: string,
  title: string,
  connections: number,
  inflight: number,
  contenders: readonly ContenderName[],
  more: Partial<LoadScenario> = {},
): LoadScenario {
  const plain = { kind: 'load', bodyBytes: 100, short: false, loadgen: false, leastSeconds: 0 } as const;
  return { ...plain, key, title, connections, inflight, contenders, ...more };
}

/** In the order in which they are measured. */
export const scenarios: readonly Scenario[] = [
  load('50x1', '50 connections × 1 call in flight', 50, 1, all, { quickContenders: quickAll }),
  load('50x20', '50 connections × 20 calls in flight', 50, 20, all, { quickContenders: quickAll }),
  load('loadgen50x1', '50 connections × 1 call by gRPC, by rocket_loadgen', 50, 1, fast, { loadgen: true }),
  load('loadgen50x20', '50 connections × 20 calls by gRPC, by rocket_loadgen', 50, 20, fast, {
    loadgen: true,
  }),
  load('1x1', '1 connection × 1 call in flight', 1, 1, all, { quickContenders: few }),
  load('500x1', '500 connections × 1 call in flight', 500, 1, main, { quickRounds: 1 }),
  load('16k', '50 connections × 1 call with a body of 16 KiB', 50, 1, bodies, {
    bodyBytes: 16 * 1024,
    quickContenders: few,
  }),
  load('1m', '4 connections × 1 call with a body of 1 MiB', 4, 1, bodies, {
    bodyBytes: 1024 * 1024,
    quickContenders: few,
  }),
  load('short100', '100 callers, a new connection for every call', 100, 1, tinypb, { short: true }),
  load('short8000', '8000 callers, a new connection for every call', 8000, 1, tinypb, {
    short: true,
    leastSeconds: 2,
  }),
  {
    kind: 'stream',
    key: 'streamOut',
    title: '50 streams, on connections of their own, of what the server sends',
    method: 'listen',
    connections: 50,
    streamsPerConnection: 1,
    contenders: streams,
  },
  {
    kind: 'stream',
    key: 'pingPong',
    title: '50 streams, on connections of their own, on each a message back and forth',
    method: 'echo',
    connections: 50,
    streamsPerConnection: 1,
    contenders: streams,
  },
  {
    kind: 'client',
    key: 'nodeToNode50x1',
    title: 'Client and server of the same library, 50 callers',
    callers: 50,
    server: 'own',
    contenders: libraries,
    quickContenders: ['rocket', 'grpc-js'],
  },
  {
    kind: 'client',
    key: 'client50x1',
    title: 'Client against the fastest server that speaks its protocol, 50 callers',
    callers: 50,
    server: 'fastest',
    contenders: libraries,
    rounds: 3,
    quickRounds: 1,
  },
  {
    kind: 'idle',
    key: 'idle',
    title: 'Memory of an idle connection',
    contenders: [...node, 'rocket-grpc', 'connect'],
    rounds: 3,
    quickRounds: 1,
    quickContenders: [...node, 'rocket-grpc'],
  },
  {
    kind: 'cold',
    key: 'cold',
    title: 'From the start of the process to its first reply',
    contenders: [...node, 'nice-grpc', 'connect'],
    quickRounds: 1,
    quickContenders: node,
  },
];
