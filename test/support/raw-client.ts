import { once } from 'node:events';
import { connect } from 'node:net';
import { RawPeer } from './raw-peer.ts';
import { withDeadline } from './waits.ts';

/** The client's end: see `RawPeer`, which has all of it. */
export type RawClient = RawPeer;

const connectDeadlineMs = 5000;

/** Connects; rejects when the port refuses, or after 5 s. */
export async function connectRaw(port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, allowHalfOpen: true });
  try {
    const what = `a connection to ${host}:${port}`;
    await withDeadline(once(socket, 'connect'), { deadlineMs: connectDeadlineMs, what });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return new RawPeer(socket);
}
