/** Health and reflection, asked by grpcio and grpcurl. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operatorServers } from './support/operator-servers.ts';
import { type Running, runPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';

const service = 'grpc.testing.TestService';
const deadlineMs = 30_000;
const script = path.resolve(import.meta.dirname, 'python/operator_client.py');

for (const operatorServer of operatorServers) {
  describe.skipIf(peersAreMissing(...operatorServer.needs))(operatorServer.name, () => {
    const lacks = (what: (typeof operatorServer.lacks)[number]): boolean =>
      operatorServer.lacks.includes(what);
    let server: Running;

    beforeAll(async () => {
      server = await operatorServer.start();
    });
    afterAll(async () => {
      await server.stop();
    });

    describe.skipIf(peersAreMissing('grpcio'))('grpcio', () => {
      const ask = async (...args: string[]): Promise<string> => {
        const run = { args: ['-B', script, String(server.port), ...args], deadlineMs };
        return (await runPeer('grpcio', run)).output;
      };

      it('checks health, of a service that is not there too', async () => {
        expect(await ask('health', '', service, 'Nobody')).toBe(` SERVING
${service} SERVING
Nobody NOT_FOUND
`);
      });

      it('watches health', async () => {
        expect(await ask('watch', service)).toBe(`${service} SERVING\n`);
      });

      it.skipIf(lacks('health list'))('lists the health of all services', async () => {
        const lines = (await ask('list')).split('\n');
        expect(lines).toEqual(expect.arrayContaining([' SERVING', `${service} SERVING`]));
      });

      it.skipIf(lacks('reflection'))('finds services by reflection', async () => {
        expect((await ask('services')).split('\n')).toContain(service);
      });
    });

    describe.skipIf(peersAreMissing('grpcurl'))('grpcurl', () => {
      const grpcurl = async (...args: string[]): Promise<string> => {
        return (await runPeer('grpcurl', { args: ['-plaintext', ...args], deadlineMs })).output;
      };

      it.skipIf(lacks('reflection'))('lists and describes services', async () => {
        const address = `127.0.0.1:${server.port}`;
        expect((await grpcurl(address, 'list')).split('\n')).toContain(service);
        expect(await grpcurl(address, 'describe', service)).toContain(
          'rpc FullDuplexCall ( stream .grpc.testing.StreamingOutputCallRequest )',
        );
      });
    });
  });
}
