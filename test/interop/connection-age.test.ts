/** Clients of other languages while the connections of the server end by age, under load. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Server } from '../../lib/index.ts';
import { Order } from '../support/order.ts';
import { runPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';

describe.skipIf(peersAreMissing('ghz'))('grpc-go, as ghz', () => {
  it('loses no call', { timeout: 60_000 }, async () => {
    const server = new Server({ maxConnectionAgeMs: 300, logger: false });
    server.addService(Order, { makeOrder: ({ goods }) => ({ orderId: goods ?? '' }) });
    const { address } = await server.listen('127.0.0.1:0');
    onTestFinished(() => server.close({ drainMs: 0 }));
    const { output } = await runPeer('ghz', {
      args: [
        ...['--insecure', '--proto', 'proto/order.proto', '--call', 'Order.makeOrder'],
        ...['--data', '{"price": 100, "goods": "apple"}', '--connections', '4', '--concurrency', '40'],
        ...['--duration', '3s', '--duration-stop', 'wait', '--format', 'json', address],
      ],
      deadlineMs: 30_000,
    });
    const report: { count: number; statusCodeDistribution: Record<string, number> } = JSON.parse(output);
    expect(report.statusCodeDistribution).toEqual({ OK: report.count });
    expect(server.stats().connectionsClosed.max_age).toBeGreaterThan(20);
  });
});
