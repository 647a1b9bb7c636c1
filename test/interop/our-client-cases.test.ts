/** Our client runs grpc's interoperability cases, of all four kinds of methods, on servers that other clients are not run on. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { connectServer } from './support/connect-server.ts';
import { grpcioServer } from './support/grpcio-server.ts';
import { casesOf, jsCases } from './support/js-cases.ts';
import type { JsClient } from './support/js-client.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { rocketClient } from './support/rocket-client.ts';
import { tonicServer } from './support/tonic-server.ts';

for (const target of [grpcioServer, connectServer, tonicServer]) {
  describe.skipIf(peersAreMissing(...target.needs))(`our client on a ${target.name}`, () => {
    let server: Running;
    let client: JsClient;
    let compressing: JsClient;

    beforeAll(async () => {
      server = await target.start();
      client = rocketClient.connect(server.port);
      compressing = rocketClient.connect(server.port, { gzip: true });
    });
    afterAll(async () => {
      client.close();
      compressing.close();
      await server.stop();
    });

    const cases = casesOf(rocketClient).filter((name) => !target.lacks.includes(name));
    it.each(cases)('%s', async (name) => {
      await jsCases[name]?.(client, compressing);
    });
    it.each(cases)('%s, compressed', async (name) => {
      await jsCases[name]?.(compressing, compressing);
    });
  });
}
