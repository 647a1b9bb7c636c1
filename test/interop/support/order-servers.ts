import { grpcServers } from '../../../bench/peers/grpc-servers.ts';
import { type RunningPeer, startPeer } from './peer-process.ts';
import type { PeerName } from './peers.ts';
import { rocketOrderServer } from './rocket-servers.ts';

const startDeadlineMs = 20_000;

/** A server of proto/order.proto. */
export interface OrderServer {
  readonly name: string;
  readonly needs: readonly PeerName[];
  start(): Promise<RunningPeer>;
}

const needs = {
  'grpc-go': ['grpc-go-order-server'],
  tonic: ['tonic-order-server'],
  'grpc-cpp': ['grpc-cpp-order-server'],
} as const;

const otherServers: readonly OrderServer[] = grpcServers.map(({ name, file, env }) => ({
  name,
  needs: needs[name],
  start: () => startPeer([file], env, async (peer) => Number(await peer.said('listening', startDeadlineMs))),
}));

/** Servers that every tool is tried on. */
export const orderServers: readonly OrderServer[] = [...otherServers, rocketOrderServer];
