/** Clients in processes of their own run grpc's interoperability cases against each server of the test service. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { clientPeers } from './support/client-peers.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { targets } from './support/targets.ts';

for (const target of targets) {
  describe.skipIf(peersAreMissing(...target.needs))(target.name, () => {
    let server: Running;

    beforeAll(async () => {
      server = await target.start();
    });
    afterAll(async () => {
      await server.stop();
    });

    for (const client of clientPeers) {
      const cases = client.cases.filter((name) => !target.lacks.includes(name));
      const isRead = client.compresses !== true || !target.lacks.includes('client_compressed_unary');
      describe.skipIf(!isRead || peersAreMissing(...client.needs))(client.name, () => {
        it.each(cases)('%s', { timeout: 60_000 }, async (name) => {
          await client.run(name, server.port);
        });
      });
    }
  });
}
