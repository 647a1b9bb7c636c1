import type { ContenderName } from './contenders.ts';
import type { LoadScenario, Scenario } from './scenario.ts';

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
/** With TLS. */
const tls = ['rocket-grpc', 'grpc-js', 'grpc-go'] as const;
const clients = ['rocket-grpc', 'grpc-js', 'grpc-go'] as const;
const streamClients = ['rocket-grpc', 'grpc-js'] as const;
const libraries = ['rocket', 'grpc-js', 'nice-grpc', 'connect'] as const;

function load(
  key: string,
  title: string,
  connections: number,
  inflight: number,
  contenders: readonly ContenderName[],
  more: Partial<LoadScenario> = {},
): LoadScenario {
  const plain = {
    kind: 'load',
    bodyBytes: 100,
    short: false,
    loadgen: false,
    tls: false,
    leastSeconds: 0,
  } as const;
  return { ...plain, key, title, connections, inflight, contenders, ...more };
}

function client(key: string, title: string, callers: number): Scenario {
  return { kind: 'client', key, title, callers, server: 'grpc-go', contenders: clients };
}

/** In the order in which they are measured. */
export const scenarios: readonly Scenario[] = [
  load('50x1', '50 connections × 1 call in flight', 50, 1, all, { quickContenders: quickAll }),
  // Directly behind the same without TLS, which it is compared with.
  load('tls50x1', '50 TLS connections × 1 call in flight', 50, 1, tls, { tls: true }),
  load('50x20', '50 connections × 20 calls in flight', 50, 20, all, { quickContenders: quickAll }),
  load('tls50x20', '50 TLS connections × 20 calls in flight', 50, 20, tls, { tls: true }),
  load('loadgen50x1', '50 connections × 1 call by gRPC, by rocket_loadgen', 50, 1, fast, {
    loadgen: true,
    quickRounds: 1,
  }),
  load('loadgen50x20', '50 connections × 20 calls by gRPC, by rocket_loadgen', 50, 20, fast, {
    loadgen: true,
    quickRounds: 1,
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
  load('tls1m', '4 TLS connections × 1 call with a body of 1 MiB', 4, 1, tls, {
    bodyBytes: 1024 * 1024,
    tls: true,
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
  client('grpcClient50x1', 'gRPC client against the grpc-go server, 50 callers', 50),
  client('grpcClient50x20', 'gRPC client against the grpc-go server, 50 × 20 callers', 50 * 20),
  client('grpcClient1x1', 'gRPC client against the grpc-go server, 1 caller', 1),
  {
    kind: 'clientStream',
    key: 'clientStreamIn',
    title: 'gRPC client that reads 50 streams of the grpc-go server',
    streams: 50,
    contenders: streamClients,
  },
  {
    kind: 'clientStream',
    key: 'clientStreamIn1',
    title: 'gRPC client that reads one stream of the grpc-go server',
    streams: 1,
    contenders: streamClients,
    rounds: 3,
    quickRounds: 1,
  },
  {
    kind: 'upload',
    key: 'upload',
    title: 'Upload from client to server of the same library, over a link of 50 ms',
    roundTripMs: 50,
    server: 'own',
    contenders: streamClients,
  },
  {
    kind: 'upload',
    key: 'uploadToGo',
    title: 'Upload to the grpc-go server, over a link of 50 ms',
    roundTripMs: 50,
    server: 'grpc-go',
    contenders: streamClients,
    rounds: 3,
    quickRounds: 1,
  },
  {
    kind: 'handshake',
    key: 'handshakes',
    title: 'Full TLS handshakes',
    callers: 16,
    contenders: ['rocket-grpc', 'node-tls'],
  },
  {
    kind: 'storm',
    key: 'tlsStorm',
    title: '50 TLS connections × 1 call in flight, without and with 500 handshakes a second of others',
    connections: 50,
    handshakesPerSecond: 500,
    contenders: ['rocket-grpc'],
  },
  {
    kind: 'idle',
    key: 'tlsIdle',
    title: 'Memory of an idle TLS connection',
    tls: true,
    contenders: ['rocket-grpc'],
    rounds: 3,
    quickRounds: 1,
  },
  {
    kind: 'idle',
    key: 'idle',
    title: 'Memory of an idle connection',
    tls: false,
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
