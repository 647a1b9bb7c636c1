/** How many bytes of JavaScript heap the server allocates for a call. See `--help`. */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadProto, type MethodDefinition, Server } from '../lib/index.ts';
import { startLoadgen } from './lib/loadgen.ts';
import { formatTable } from './lib/table.ts';

const help = `npm run bench:alloc -- [options]

Runs our server in this process, with a young generation so large that nothing is collected meanwhile, under the native
load generator, and divides the growth of the heap by the calls. The floor is what the same work takes without us: decode
the request, an async handler that returns an object, one then() on its promise, encode the reply. Prints a table and, as
the last line, one JSON object; a run in which a collection came in between is made again.

  --seconds S   window of each run (1)
`;

const attempts = 5;
const floorCalls = 100_000;
/** A collection is reported to an observer some turns after it was made. */
const reportedMs = 50;
const timeoutMs = 20_000;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

/** Growth of the heap over `work`, in bytes for each of the calls it says it made. */
async function bytesPerCall(work: () => Promise<number>): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    globalThis.gc?.();
    await sleep(reportedMs);
    const before = { collections, heap: process.memoryUsage().heapUsed };
    const calls = await work();
    const heap = process.memoryUsage().heapUsed;
    await sleep(reportedMs);
    if (collections === before.collections) return (heap - before.heap) / calls;
  }
  throw new Error(`the heap was collected in each of ${attempts} runs: shorten --seconds`);
}

async function load(port: number, connections: number, inflight: number, seconds: number): Promise<number> {
  const args = { port, connections, inflight, seconds, warmup: 0, body: 100 };
  const loadgen = startLoadgen([
    ...Object.entries(args).flatMap(([name, value]) => [`--${name}`, `${value}`]),
    '--json',
  ]);
  try {
    const line = await loadgen.line((text) => text.startsWith('{'), seconds * 1000 + timeoutMs);
    const { calls, failures } = JSON.parse(line) as { calls: number; failures: number };
    if (failures > 0) throw new Error(`${failures} calls failed`);
    return calls;
  } finally {
    await loadgen.stop();
  }
}

const handler = async (_request: unknown): Promise<object> => ({ retCode: 0, orderId: '20230514' });

async function floor({ request, response }: MethodDefinition): Promise<number> {
  const slab = Buffer.alloc(1 << 16);
  const end = request.encodeInto({ price: 100, goods: 'x'.repeat(95) }, slab, 0);
  const noStrings = { take: () => undefined };
  const reply = (value: unknown): number => response.encodeInto(value, slab, 1024);
  for (let i = 0; i < floorCalls; i++) {
    handler(request.decode(slab, 0, end, noStrings)).then(reply);
    if (i % 64 === 0) await null;
  }
  await null;
  return floorCalls;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '1' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return console.log(help);
  const seconds = Number(values.seconds);
  if (!(seconds >= 0.1)) throw new RangeError('--seconds: a number from 0.1');
  if (globalThis.gc === undefined)
    throw new Error('run it as `npm run bench:alloc`, which sets the flags of V8');
  const { Order } = loadProto(fileURLToPath(new URL('../proto/order.proto', import.meta.url)));
  if (Order === undefined) throw new Error('proto/order.proto has no service Order');
  const makeOrder = Order.methods['makeOrder'] as MethodDefinition;

  const server = new Server({ ioThreads: 1 });
  server.addService(Order, { makeOrder: handler });
  const { port } = await server.listen('127.0.0.1:0');
  try {
    // Once for the compiler, which allocates too.
    await load(port, 50, 20, 2);
    await floor(makeOrder);
    const figures = {
      heapBytesPerCall50x1: await bytesPerCall(() => load(port, 50, 1, seconds)),
      heapBytesPerCall50x20: await bytesPerCall(() => load(port, 50, 20, seconds / 4)),
      heapBytesPerCallFloor: await bytesPerCall(() => floor(makeOrder)),
    };
    const rows = Object.entries(figures).map(([name, bytes]) => [name, bytes.toFixed(0)]);
    console.log(`\n${formatTable(['', 'bytes'], rows)}\n`);
    console.log(
      JSON.stringify(figures, (_key, value) => (typeof value === 'number' ? Math.round(value) : value)),
    );
  } finally {
    await server.close({ drainMs: 0 });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
