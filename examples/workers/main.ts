/**
 * CPU-bound handlers in worker threads: each worker has a server, one channel distributes calls over them, and the main
 * thread stays free. All servers and channels of the process share its io threads.
 *
 * `npx tsx examples/workers/main.ts`
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Channel, createClient, engineStats, loadProto, Server, type Unary } from 'rocket-rpc';
import { Greeter } from '../greeter.ts';

interface Services {
  Primes: { count: Unary<{ below?: number }, { count?: number; worker?: number }> };
}
const { Primes } = loadProto<Services>(fileURLToPath(new URL('primes.proto', import.meta.url)));

const workers = [1, 2].map(
  (worker) => new Worker(new URL('worker.mjs', import.meta.url), { workerData: { worker } }),
);
const addresses = await Promise.all(
  workers.map(async (worker) => ((await once(worker, 'message')) as [string])[0]),
);
const channel = new Channel(`static:///${addresses.join(',')}`);
const primes = createClient(Primes, channel);

// Until all are connected, calls are sent only to the connected ones.
const connected = new Set<number | undefined>();
while (connected.size < workers.length) connected.add((await primes.count({ below: 10 })).worker);

let running = 8;
const calls = Array.from({ length: running }, async () => {
  const reply = await primes.count({ below: 2_000_000 });
  running--;
  return reply;
});

// A server of this thread answers while the workers count.
const server = new Server();
server.addService(Greeter, { hello: ({ name }) => ({ text: `hello, ${name}` }) });
const { address } = await server.listen('127.0.0.1:0');
const own = new Channel(address);
const { text } = await createClient(Greeter, own).hello({ name: 'main thread' });
console.log(`${text}, while ${running} calls are running`);

const replies = await Promise.all(calls);
for (const [index] of workers.entries()) {
  const counted = replies.filter(({ worker }) => worker === index + 1);
  console.log(`worker ${index + 1}: ${counted.length} calls, ${counted[0]?.count} primes each`);
}

await Promise.all([channel.close(), own.close(), server.close()]);
const exits = workers.map((worker) => once(worker, 'exit'));
for (const worker of workers) worker.postMessage('close');
const codes = (await Promise.all(exits)).map(([code]) => code as number);
console.log(`workers ended with ${codes.join(' and ')}; ${engineStats().ioThreads} io threads left`);
