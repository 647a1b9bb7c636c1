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
  /** By our own generator, where h2load would be the limit; it knows no TLS. */
  readonly loadgen: boolean;
  readonly tls: boolean;
  /** The window is at least this long, and half of it goes before as warmup. */
  readonly leastSeconds: number;
}

/** A client process. */
export interface ClientScenario extends ScenarioBase {
  readonly kind: 'client';
  /** Each with one call in flight. */
  readonly callers: number;
  /** `own`: the server of the same library. `fastest`: the fastest that speaks its protocol. */
  readonly server: 'own' | 'fastest' | 'grpc-go';
}

/** A client process that reads streams of messages of 100 bytes from the grpc-go server. */
export interface ClientStreamScenario extends ScenarioBase {
  readonly kind: 'clientStream';
  readonly streams: number;
}

/** A client process that sends a stream over a link that delays every byte. */
export interface UploadScenario extends ScenarioBase {
  readonly kind: 'upload';
  /** Of a byte and its answer. */
  readonly roundTripMs: number;
  readonly server: 'own' | 'grpc-go';
}

/** Streams that stay open, of messages of 100 bytes. */
export interface StreamScenario extends ScenarioBase {
  readonly kind: 'stream';
  readonly method: StreamLoad['method'];
  readonly connections: number;
  readonly streamsPerConnection: number;
}

/** TLS handshakes, each a full one, and nothing else. */
export interface HandshakeScenario extends ScenarioBase {
  readonly kind: 'handshake';
  /** Each with one handshake under way. */
  readonly callers: number;
}

/** Calls on open TLS connections, without handshakes of others, then with so many. */
export interface StormScenario extends ScenarioBase {
  readonly kind: 'storm';
  readonly connections: number;
  readonly handshakesPerSecond: number;
}

/** Memory of connections that do nothing. */
export interface IdleScenario extends ScenarioBase {
  readonly kind: 'idle';
  readonly tls: boolean;
}

/** From the start of the process to its first reply. */
export interface ColdScenario extends ScenarioBase {
  readonly kind: 'cold';
}

export type Scenario =
  | LoadScenario
  | StreamScenario
  | ClientScenario
  | ClientStreamScenario
  | UploadScenario
  | HandshakeScenario
  | StormScenario
  | IdleScenario
  | ColdScenario;

/** Whether its servers need a certificate. */
export function usesTls(scenario: Scenario): boolean {
  const { kind } = scenario;
  return kind === 'handshake' || kind === 'storm' || ((kind === 'load' || kind === 'idle') && scenario.tls);
}
