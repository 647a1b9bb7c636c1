/**
 * Two services on etcd: two instances of Stock, one of Orders that calls them, and a client that places orders while an
 * instance of Stock is closed, another is killed, and a third is started. No order fails except those that the killed
 * instance had started.
 *
 * Needs an etcd: `etcd`, or ETCDCTL_ENDPOINTS=host:port. Then `npx tsx examples/shop/main.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Channel, createClient, RpcError } from 'rocket-rpc';
import { Orders } from './services.ts';

interface Service {
  readonly process: ChildProcess;
  readonly address: string;
}

async function start(name: string): Promise<Service> {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  console.log(line);
  return { process: child, address: line.split(' ').at(-1)! };
}

async function stop({ process: child }: Service, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

const [first, second, orders] = await Promise.all([start('stock'), start('stock'), start('orders')]);
const channel = new Channel('etcd:///shop.Orders', { waitForReady: true });
const client = createClient(Orders, channel);

const placed = new Map<string, number>();
let failed = 0;
let open = true;
async function customer(): Promise<void> {
  while (open) {
    try {
      const { reservedBy = '' } = await client.place({ goods: 'apple' }, { timeoutMs: 5000 });
      placed.set(reservedBy, (placed.get(reservedBy) ?? 0) + 1);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      failed++;
    }
    await pause(10);
  }
}
function report(what: string): void {
  const counts = [...placed].map(([address, count]) => `${address}: ${count}`).join(', ');
  console.log(`${what}: orders by ${counts || 'nobody'}; ${failed} failed`);
  placed.clear();
}

const customers = Array.from({ length: 4 }, customer);
await pause(1500);
report('two of stock');
await stop(first, 'SIGTERM');
report('one closed meanwhile');
await pause(500);
report('one of stock');
const third = await start('stock');
await pause(1500);
report('one more');
await stop(second, 'SIGKILL');
await pause(500);
report('one killed');
open = false;
await Promise.all(customers);
await channel.close();
await stop(orders, 'SIGTERM');
await stop(third, 'SIGTERM');
console.log('closed');
