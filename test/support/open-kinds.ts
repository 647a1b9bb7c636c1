import { onTestFinished } from 'vitest';
import { Channel, type ChannelOptions, createClient, type ServerOptions } from '../../lib/index.ts';
import { Kinds, type KindsHandlers, memoryKinds, type Text } from './memory-kinds.ts';
import { until } from './waits.ts';

/** A server of Kinds in memory with these handlers, and a client of it. `idle` waits until every call is over. */
export async function openKinds(
  handlers: Partial<KindsHandlers>,
  channelOptions: ChannelOptions = {},
  serverOptions: ServerOptions = {},
) {
  const made = await memoryKinds(handlers, serverOptions);
  const { network, address, server } = made;
  const faults: string[] = [];
  const channel = new Channel(address, {
    connections: 1,
    logger: { warn: (line: string) => faults.push(line), error: (line: string) => faults.push(line) },
    ...channelOptions,
    transport: network.clientTransport,
  });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const idle = () =>
    until(
      () => {
        const { handlersRunning, streamsOpen } = server.stats();
        const { callsPending, callsInFlight } = channel.stats();
        return handlersRunning + streamsOpen + callsPending + callsInFlight === 0;
      },
      { deadlineMs: 5000, what: 'every call to be over' },
    );
  return { ...made, channel, client: createClient(Kinds, channel), faults, idle };
}

export async function textsOf(replies: AsyncIterable<Text>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of replies) texts.push(text);
  return texts;
}

/** A promise, and what settles it. */
export function gate<T = void>() {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { opened, open, fail };
}
