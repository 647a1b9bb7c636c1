/** Tools that people call gRPC servers with, on each server of the benches' service. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { again } from '../../bench/compare/server-pool.ts';
import { grpcMessage, orderBody } from '../../bench/lib/grpc-message.ts';
import { measureH2load } from '../../bench/lib/h2load.ts';
import { callGrpc } from '../../bench/lib/one-call.ts';
import { orderServers } from './support/order-servers.ts';
import { type RunningPeer, runPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';

const deadlineMs = 30_000;
const orderId = '20230514';
const order = JSON.stringify({ price: 100, goods: 'apple' });
const protoArguments = ['-import-path', 'proto', '-proto', 'order.proto'];

for (const orderServer of orderServers) {
  describe.skipIf(peersAreMissing(...orderServer.needs))(orderServer.name, () => {
    let server: RunningPeer;
    let address: string;

    beforeAll(async () => {
      server = await orderServer.start();
      address = `127.0.0.1:${server.port}`;
    });
    afterAll(async () => {
      await server.stop();
    });

    it('answers a plain HTTP/2 client', async () => {
      await callGrpc(server.port);
    });

    describe.skipIf(peersAreMissing('h2load'))('h2load', () => {
      it('loads it as the benches do', { timeout: 60_000 }, async () => {
        const load = { connections: 5, inflight: 4, seconds: 0.5, warmupSeconds: 0.2 };
        const report = await again(() => measureH2load(server.pid, { ...load, port: server.port }));
        expect(report.calls).toBeGreaterThan(0);
        expect(report.cpuMicrosPerCall).toBeGreaterThan(0);
      });
    });

    describe.skipIf(peersAreMissing('grpcurl'))('grpcurl', () => {
      it('calls it by the .proto file', async () => {
        const args = ['-plaintext', ...protoArguments, '-d', order, address, 'Order/makeOrder'];
        const { output } = await runPeer('grpcurl', { args, deadlineMs });
        expect(JSON.parse(output)).toEqual({ orderId });
      });
    });

    describe.skipIf(peersAreMissing('ghz'))('ghz', () => {
      it('loads it', async () => {
        const what = [
          '--insecure',
          '--proto',
          'proto/order.proto',
          '--call',
          'Order.makeOrder',
          '--data',
          order,
        ];
        const args = [...what, '--total', '200', '--concurrency', '10', '--format', 'json', address];
        const { output } = await runPeer('ghz', { args, deadlineMs });
        expect(JSON.parse(output)).toMatchObject({ count: 200, statusCodeDistribution: { OK: 200 } });
      });
    });

    describe.skipIf(peersAreMissing('curl'))('curl', () => {
      let folder: string;

      beforeAll(() => {
        folder = mkdtempSync(path.join(tmpdir(), 'rocket-curl-'));
        writeFileSync(path.join(folder, 'request'), grpcMessage(orderBody(100)));
      });
      afterAll(() => {
        rmSync(folder, { recursive: true });
      });

      it('sends a message with prior knowledge of HTTP/2', async () => {
        const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers'];
        const request = ['--http2-prior-knowledge', '--data-binary', `@${folder}/request`];
        // It prints the trailers as it does headers, right behind the body.
        const args = ['-sS', '-D', '-', ...request, ...headers, `http://${address}/Order/makeOrder`];
        const { output } = await runPeer('curl', { args, deadlineMs });
        expect(output).toContain(orderId);
        expect(output).toMatch(/^HTTP\/2 200/);
        expect(output).toMatch(/grpc-status: 0\r/);
      });
    });
  });
}
