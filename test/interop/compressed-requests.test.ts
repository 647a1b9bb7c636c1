/** Our client's compressed requests, on servers that read them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel, createClient, loadProto, type ServiceDefinition, uncompressed } from '../../lib/index.ts';
import { Order } from '../support/order.ts';
import { compressionCases } from './support/cases.ts';
import { protosFolder, testProto } from './support/definitions.ts';
import { orderServers } from './support/order-servers.ts';
import type { Running, RunningPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { targets } from './support/targets.ts';

const formats = ['gzip', 'deflate'] as const;
/** They were built without. */
const readsNone = ['grpc-go', 'tonic'];
const compressing = targets.filter(({ lacks }) => !compressionCases.some((name) => lacks.includes(name)));

for (const target of compressing) {
  describe.skipIf(peersAreMissing(...target.needs))(`our client on ${target.name}`, () => {
    let server: Running;
    beforeAll(async () => {
      server = await target.start();
    });
    afterAll(() => server.stop());

    it.each(formats)('client_compressed_streaming: %s', async (compression) => {
      const channel = new Channel(`grpc://127.0.0.1:${server.port}`, { compression });
      const services = loadProto(testProto, { includeDirs: [protosFolder] });
      const client = createClient(services['TestService'] as ServiceDefinition, channel) as unknown as Calls;
      const input = (bytes: number, expected: boolean) => ({
        expectCompressed: { value: expected },
        payload: { body: Buffer.alloc(bytes) },
      });
      const probe = client.streamingInputCall([uncompressed(input(27_182, true))]);
      await expect(probe).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      const requests = [input(27_182, true), uncompressed(input(45_904, false))];
      expect(await client.streamingInputCall(requests)).toMatchObject({ aggregatedPayloadSize: 73_086 });
      await channel.close();
    });
  });
}

interface Calls {
  streamingInputCall(requests: Iterable<object>): Promise<object>;
}

for (const orderServer of orderServers) {
  describe.skipIf(peersAreMissing(...orderServer.needs))(`our client on ${orderServer.name}`, () => {
    let server: RunningPeer;
    beforeAll(async () => {
      server = await orderServer.start();
    });
    afterAll(() => server.stop());

    it.each([10, 1000, 100_000])(
      'sends a compressed request of %i bytes, or hears that it is not read',
      async (bytes) => {
        const channel = new Channel(`grpc://127.0.0.1:${server.port}`, { compression: 'gzip' });
        const call = createClient(Order, channel).makeOrder({ price: 100, goods: 'x'.repeat(bytes) });
        const outcome = await call.then(
          () => 'OK',
          (error: { readonly code: string }) => error.code,
        );
        expect(outcome).toBe(readsNone.includes(orderServer.name) ? 'UNIMPLEMENTED' : 'OK');
        await channel.close();
      },
    );
  });
}
