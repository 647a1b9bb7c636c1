import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { EtcdDiscovery } from '../../lib/discovery/etcd/etcd.ts';
import type { Registration } from '../../lib/discovery/registry.ts';
import { Channel, type ChannelOptions, createClient, type RpcError } from '../../lib/index.ts';
import { startOrderServer } from './loopback.ts';
import { Order } from './order.ts';

export interface Instance {
  readonly address: string;
  readonly registration: Registration;
  calls(): number;
}

/** Real servers of Order in this process, registered with a short lease. */
export function startFleet(registry: EtcdDiscovery, count: number): Promise<Instance[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      let calls = 0;
      const { address } = await startOrderServer(() => {
        calls++;
        return { orderId: address };
      });
      const registration = await registry.register('Order', address, { ttlSeconds: 5 });
      return { address, registration, calls: () => calls };
    }),
  );
}

export interface Traffic {
  /** Stops, and says what there was. */
  stop(): Promise<{ readonly calls: number; readonly failures: readonly string[] }>;
}

/** A client that makes a call every few milliseconds, from now until it is stopped. */
export async function startTraffic(
  discovery: EtcdDiscovery,
  everyMs: number,
  options: ChannelOptions = {},
): Promise<Traffic> {
  const channel = new Channel('etcd:///Order', {
    resolver: discovery.resolver('Order'),
    timeoutMs: 5000,
    ...options,
  });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const orders = createClient(Order, channel);
  await orders.makeOrder({}, { waitForReady: true });
  const failures: string[] = [];
  const running = new Set<Promise<void>>();
  let calls = 0;
  let stopped = false;
  const call = async (): Promise<void> => {
    calls++;
    try {
      await orders.makeOrder({ price: calls });
    } catch (error) {
      failures.push(`${(error as RpcError).code}: ${(error as RpcError).message}`);
    }
  };
  const loop = (async () => {
    while (!stopped) {
      const promise = call().finally(() => running.delete(promise));
      running.add(promise);
      await pause(everyMs);
    }
    await Promise.all(running);
  })();
  return {
    async stop() {
      stopped = true;
      await loop;
      return { calls, failures };
    },
  };
}
