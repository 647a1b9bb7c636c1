import { onTestFinished } from 'vitest';
import { Server, type ServerOptions } from '../../lib/index.ts';
import { bareGrpc, type Format } from './grpc-frames.ts';
import { Kinds, type KindsHandlers } from './memory-kinds.ts';
import { until } from './waits.ts';

export const formats: readonly Format[] = ['gzip', 'deflate'];

export const one = '/kinds.v1.Kinds/One';
export const many = '/kinds.v1.Kinds/Many';
export const flow = '/kinds.v1.Kinds/Flow';
export const both = '/kinds.v1.Kinds/Both';

/** A server of these handlers, and a client that chooses the bytes of its messages. */
export async function start(handlers: Partial<KindsHandlers>, options: ServerOptions = {}) {
  const server = new Server({ logger: false, ...options });
  server.addService(Kinds, handlers as KindsHandlers);
  const { address } = await server.listen('127.0.0.1:0');
  onTestFinished(() => server.close({ drainMs: 0 }));
  const untilIdle = () =>
    until(
      () => {
        const { streamsOpen, handlersRunning, requestBytesQueued, callsInFlight } = server.stats();
        return streamsOpen + handlersRunning + requestBytesQueued + callsInFlight === 0;
      },
      { deadlineMs: 10_000, what: 'every gauge to be zero' },
    );
  return { server, address, call: bareGrpc(address), untilIdle };
}

/** Text that takes so many bytes as a message. */
export function textOf(bytes: number, random: () => number): string {
  let text = '';
  while (text.length < bytes) text += `${Math.floor(random() * 1e6).toString(36)} `;
  return text.slice(0, bytes);
}
