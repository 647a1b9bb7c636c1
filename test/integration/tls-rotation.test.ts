/** Certificates of servers and channels are replaced while there are calls, and no call fails. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import {
  Channel,
  type ClientTlsIdentity,
  createClient,
  Server,
  type ServerTlsOptions,
} from '../../lib/index.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';
import { MountedSecret } from '../support/mounted-secret.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { until } from '../support/waits.ts';

const authorities = [new TestAuthority('one authority'), new TestAuthority('another authority')] as const;
const bundle = authorities.map(({ cert }) => cert).join('');
/** By turns of both authorities. */
const servers = [0, 1, 0, 1].map((i) => authorities[i]!.issue(`server ${i}`));
const clients = [0, 1, 0, 1].map((i) => authorities[i]!.issue(`client ${i}`));

afterAll(() => {
  for (const authority of authorities) authority.remove();
});

/** Callers by both protocols, some with a new connection for each call, and one stream; until they are stopped. */
async function startLoad(serverTls: ServerTlsOptions, clientTls: ClientTlsIdentity) {
  // An old certificate goes with the connections that have it.
  const server = new Server({ logger: false, tls: serverTls, maxConnectionAgeMs: 200 });
  const handlers: Pick<KindsHandlers, 'one' | 'both'> = {
    one: ({ text }) => ({ text }),
    both: async function* (requests) {
      for await (const { text } of requests) yield { text };
    },
  };
  server.addService(Kinds, handlers as KindsHandlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { port } = await server.listen('127.0.0.1:0');
  const target = `localhost:${port}`;
  const channels = [
    new Channel(`grpcs://${target}`, { tls: clientTls }),
    new Channel(`tls://${target}`, { tls: clientTls }),
    new Channel(`tls://${target}`, { tls: clientTls, connection: 'short' }),
  ];
  for (const channel of channels) onTestFinished(() => channel.close({ drainMs: 0 }));
  const done = [0, 0, 0, 0];
  const failures: unknown[] = [];
  let isOver = false;
  const call = async (channel: Channel, at: number) => {
    const client = createClient(Kinds, channel);
    for (let i = 0; !isOver && failures.length === 0; i++) {
      const text = `${at} ${i}`;
      const reply = await client.one({ text }).catch((error: unknown) => {
        failures.push(error);
      });
      if (reply !== undefined && reply.text !== text) failures.push(`${reply.text} instead of ${text}`);
      done[at]!++;
    }
  };
  const stream = async () => {
    const requests = async function* () {
      for (let i = 0; !isOver; i++) {
        yield { text: `${i}` };
        await turn();
      }
    };
    try {
      let next = 0;
      for await (const { text } of createClient(Kinds, channels[1]!).both(requests())) {
        if (text !== `${next++}`) failures.push(`${text} instead of ${next}`);
        done[3]!++;
      }
      if (!isOver) failures.push('the stream ended');
    } catch (error) {
      failures.push(error);
    }
  };
  const load = [...channels.flatMap((channel, at) => [call(channel, at), call(channel, at)]), stream()];
  return {
    server,
    channels,
    failures,
    /** Until every kind of call has been made anew. */
    async goesOn(): Promise<void> {
      const before = [...done];
      const what = () => `more calls than ${before.join()}: ${done.join()}; ${failures.join()}`;
      const more = () => failures.length > 0 || done.every((count, at) => count > before[at]! + 1);
      await until(more, { deadlineMs: 20_000, what });
      expect(failures).toEqual([]);
    },
    async stop(): Promise<void> {
      isOver = true;
      await Promise.all(load);
      expect(failures).toEqual([]);
    },
  };
}

const of = ({ cert, key }: { cert: string; key: string }) => ({ cert, key, ca: bundle });

it('a hundred times, by setTls() of both sides', { timeout: 120_000 }, async () => {
  const load = await startLoad({ ...of(servers[0]!), requestCert: true }, of(clients[0]!));
  for (let i = 1; i <= 100; i++) {
    load.server.setTls({ ...of(servers[i % 4]!), requestCert: true });
    await load.goesOn();
    for (const channel of load.channels) channel.setTls(of(clients[i % 4]!));
    await load.goesOn();
  }
  await load.stop();
  expect(load.server.stats().connectionsClosed['tls'] ?? 0).toBe(0);
});

it('by files that both sides watch', { timeout: 60_000 }, async () => {
  const ofServer = new MountedSecret(servers[0]!, bundle);
  const ofClient = new MountedSecret(clients[0]!, bundle);
  const watched = ({ certFile, keyFile, caFile }: MountedSecret) => ({
    certFile,
    keyFile,
    caFile,
    watch: true,
  });
  const load = await startLoad({ ...watched(ofServer), requestCert: true }, watched(ofClient));
  const made = () => [load.server, ...load.channels].map((side) => side.stats().certificateNotAfterMs);
  for (const [i, days] of [100, 200].entries()) {
    const replaced = made();
    const next = ['server', 'client'].map((name) => authorities[i]!.issue(name, { days: [-1, days] }));
    // Both ways: all at once, and one file after the other.
    ofServer.replace(i === 0 ? 'link' : 'rename', next[0]!, bundle);
    ofClient.replace(i === 0 ? 'write' : 'link', next[1]!, bundle);
    await until(() => made().every((notAfter, at) => notAfter !== replaced[at]), {
      deadlineMs: 20_000,
      what: 'new certificates everywhere',
    });
    await load.goesOn();
  }
  await load.stop();
});
