/** Client libraries of Node.js run grpc's interoperability cases against each server of the test service. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { compressionCases } from './support/cases.ts';
import { connectNode } from './support/connect-client.ts';
import { grpcJs } from './support/grpc-js-client.ts';
import { casesOf, jsCases } from './support/js-cases.ts';
import type { JsClient } from './support/js-client.ts';
import { niceGrpc } from './support/nice-grpc-client.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { rocketClient } from './support/rocket-client.ts';
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

    describe.each([grpcJs, niceGrpc, connectNode, rocketClient])('$name', (library) => {
      let client: JsClient;
      let compressing: JsClient;

      beforeAll(() => {
        client = library.connect(server.port);
        compressing = library.connect(server.port, { gzip: true });
      });
      afterAll(() => {
        client.close();
        compressing.close();
      });

      const cases = casesOf(library).filter((name) => !target.lacks.includes(name));
      it.each(cases)('%s', async (name) => {
        await jsCases[name]?.(client, compressing);
      });

      // Not where the case itself says which of its messages are compressed.
      const others = cases.filter((name) => !compressionCases.includes(name));
      it.skipIf(target.lacks.includes('client_compressed_unary')).each(others)(
        '%s, compressed',
        async (name) => {
          await jsCases[name]?.(compressing, compressing);
        },
      );
    });
  });
}
