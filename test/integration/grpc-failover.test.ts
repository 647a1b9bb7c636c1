import { expect, it, onTestFinished } from 'vitest';
import { Channel, createClient, type Endpoint, type ResolverListener, Server } from '../../lib/index.ts';
import { gate } from '../support/loopback.ts';
import { Kinds, type KindsHandlers, type Text } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const soonMs = 10_000;

async function serve(handlers: Partial<KindsHandlers>) {
  const server = new Server({ logger: false });
  server.addService(Kinds, handlers as KindsHandlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { address } = await server.listen('127.0.0.1:0');
  return { server, address };
}

/** A resolver whose list is what the test says. */
function listed(...addresses: string[]) {
  let listener: ResolverListener | undefined;
  const list = (...now: string[]) => {
    const endpoints: Endpoint[] = now.map((address) => ({ name: address, addresses: [address] }));
    listener?.onEndpoints(endpoints);
  };
  const resolver = {
    start: (given: ResolverListener) => {
      listener = given;
      list(...addresses);
    },
    refresh: () => undefined,
    close: () => undefined,
  };
  return { resolver, list };
}

it.each(['the list', 'GOAWAY'])(
  'lets a server that shuts down finish its calls: %s comes first',
  async (first) => {
    const end = gate();
    let running = 0;
    const old = await serve({
      one: async () => {
        running++;
        await end.promise;
        return { text: 'old' };
      },
      flow: async function* () {
        running++;
        yield { text: 'a' };
        await end.promise;
        yield { text: 'b' };
      },
    });
    const young = await serve({ one: () => ({ text: 'young' }) });
    const { resolver, list } = listed(old.address);
    const channel = new Channel('static:///127.0.0.1:1', {
      protocol: 'grpc',
      resolver,
      connections: 1,
      logger: false,
    });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const client = createClient(Kinds, channel);
    const one = client.one({ text: '' });
    const texts = (async () => {
      const seen: string[] = [];
      for await (const { text } of client.flow({ text: '' }) as AsyncIterable<Text>) seen.push(text);
      return seen;
    })();
    const outcome = Promise.allSettled([one, texts]);
    await until(() => running === 2, { deadlineMs: soonMs, what: 'both calls' });

    if (first === 'the list') list(young.address);
    const closed = old.server.close({ drainMs: soonMs });
    // The listener is closed: the link that was told to go away cannot connect anew.
    await until(() => channel.stats().connectFailures > 0, { deadlineMs: soonMs, what: 'GOAWAY' });
    if (first === 'GOAWAY') list(young.address);

    expect(await client.one({ text: '' })).toMatchObject({ text: 'young' });
    const states = () => channel.stats().endpointStates.map(({ state, inFlight }) => `${state} ${inFlight}`);
    expect(states()).toEqual(['ready 0', 'draining 2']);
    end.resolve();
    expect(await outcome).toMatchObject([{ value: { text: 'old' } }, { value: ['a', 'b'] }]);
    await closed;
    expect(states()).toEqual(['ready 0']);
  },
);
