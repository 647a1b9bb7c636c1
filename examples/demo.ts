/**
 * `npm run demo`: a server, a channel, the most common outcomes of calls, the golden frames over a raw socket, TLS,
 * and a short load test. Everything runs in this process. `--seconds N` sets how long the load runs (default 3).
 * `--serve PORT` only serves there, for `rocket call` and other tools, until it is interrupted.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Channel, createClient, engineStats, RpcError, Server } from 'rocket-rpc';
import { loadVectors } from '../test/golden/load.ts';
import { connectRaw } from '../test/support/raw-client.ts';
import { Order, orderHandlers } from './order-service.ts';
import { selfSigned } from './self-signed.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '3' }, serve: { type: 'string' } },
});
const seconds = Number(values.seconds);

if (values.serve !== undefined) {
  const server = new Server({ reflection: true });
  server.addService(Order, orderHandlers);
  const { address } = await server.listen(`127.0.0.1:${values.serve}`);
  console.log(`listening on ${address}`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await server.close();
  process.exit();
}

function heading(text: string): void {
  console.log(`\n\x1b[1m${text}\x1b[0m`);
}

function line(what: string, outcome: string): void {
  console.log(`  ${what.padEnd(46)} ${outcome}`);
}

async function outcomeOf(call: () => Promise<unknown>): Promise<string> {
  const began = performance.now();
  const took = (): string => `(${(performance.now() - began).toFixed(1)} ms)`;
  try {
    return `-> ${JSON.stringify(await call())} ${took()}`;
  } catch (error) {
    if (error instanceof RpcError) return `-> ${error.code}: ${error.message} ${took()}`;
    throw error;
  }
}

const server = new Server({ ioThreads: 4, logger: false });
server.addService(Order, orderHandlers);
const { address, port } = await server.listen('127.0.0.1:0');
const channel = new Channel(address);
const orders = createClient(Order, channel);

heading(`1. A server on ${address} with 4 io threads, and calls to it`);
line('makeOrder(price 100, apple)', await outcomeOf(() => orders.makeOrder({ price: 100, goods: 'apple' })));
line(
  'makeOrder(price 5, apple): refused',
  await outcomeOf(() => orders.makeOrder({ price: 5, goods: 'apple' })),
);
line(
  'makeOrder(unicorn): an RpcError',
  await outcomeOf(() => orders.makeOrder({ price: 100, goods: 'unicorn' })),
);
const slow = { price: 100, goods: 'slow boat' };
line('a slow call, timeoutMs: 100', await outcomeOf(() => orders.makeOrder(slow, { timeoutMs: 100 })));
const controller = new AbortController();
setTimeout(() => controller.abort(), 50);
line(
  'a slow call, aborted after 50 ms',
  await outcomeOf(() => orders.makeOrder(slow, { signal: controller.signal })),
);
const unknown = { ...Order.methods.makeOrder, wireName: 'Order.noSuchMethod' };
line('a method the server does not have', await outcomeOf(() => channel.call(unknown, {})));

heading('2. The golden frames over a raw socket');
const vectors = loadVectors();
let answered = 0;
let refused = 0;
const surprises: string[] = [];
// A frame that is only too long is answered with an error, and its bytes are skipped.
const tried = vectors.filter(({ kind, reason }) => kind !== 'response' && reason !== 'frame_too_long');
for (const { name, kind, frame, msgId } of tried) {
  const peer = await connectRaw(port);
  peer.send(frame);
  if (kind === 'request') {
    const reply = await peer.nextFrame(2000);
    if (reply.msgId === msgId) answered++;
    else surprises.push(name);
  } else {
    // A truncated frame is not refused at once, because the rest may follow; every golden frame is wrong in its present
    // bytes.
    await peer.waitClosed(2000);
    refused++;
  }
  peer.destroy();
}
line('well-formed requests', `-> ${answered} answered, each with its own msg_id`);
line('malformed frames', `-> ${refused} connections closed, one for each`);
const { framesRejected } = server.stats();
line('the server counted by reason', JSON.stringify(framesRejected));
if (surprises.length > 0) throw new Error(`not answered as they should be: ${surprises.join(', ')}`);

heading('3. TLS: the same service, over both protocols');
const identity = selfSigned('localhost');
const secure = new Server({ tls: identity, logger: false });
secure.addService(Order, orderHandlers);
const { port: securePort } = await secure.listen('127.0.0.1:0');
const order = { price: 100, goods: 'apple' };
for (const [what, target, tls] of [
  ['TinyPB over TLS, by tls://', `tls://localhost:${securePort}`, { ca: identity.cert }],
  ['gRPC over TLS, by grpcs://', `grpcs://localhost:${securePort}`, { ca: identity.cert }],
  ['who believes another certificate', `tls://localhost:${securePort}`, { ca: selfSigned('localhost').cert }],
  ['who is told of no certificate', `tls://localhost:${securePort}`, {}],
  ['who speaks without TLS', `127.0.0.1:${securePort}`, undefined],
] as const) {
  const secured = new Channel(target, tls === undefined ? {} : { tls });
  line(what, await outcomeOf(() => createClient(Order, secured).makeOrder(order)));
  await secured.close();
}
await secure.close();

heading(`4. ${seconds} s of load: 100 callers, each waiting for its reply before the next call`);
const latencies: number[] = [];
const until = performance.now() + seconds * 1000;
const began = performance.now();
async function caller(): Promise<void> {
  while (performance.now() < until) {
    const start = performance.now();
    await orders.makeOrder({ price: 100, goods: 'apple' });
    latencies.push(performance.now() - start);
  }
}
const progress = setInterval(() => process.stdout.write('.'), 250);
await Promise.all(Array.from({ length: 100 }, caller));
clearInterval(progress);
process.stdout.write('\r\x1b[K');
const elapsed = (performance.now() - began) / 1000;
latencies.sort((a, b) => a - b);
const percentile = (p: number): string =>
  `${(latencies[Math.floor(latencies.length * p)] ?? 0).toFixed(2)} ms`;
line('calls', `${latencies.length} in ${elapsed.toFixed(1)} s, all answered`);
line(
  'calls per second (client and server: 1 process)',
  Math.round(latencies.length / elapsed).toLocaleString('en-US'),
);
line('latency', `P50 ${percentile(0.5)}  P99 ${percentile(0.99)}  max ${percentile(0.99999)}`);

heading('5. Closing');
await channel.close();
await server.close();
const after = engineStats();
line('channel and server closed', `${after.ioThreads} io threads left, ${after.callsPending} calls pending`);
