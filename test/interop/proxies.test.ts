/** grpc-go's interop client, and ours, through proxies in front of each server of the test service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { grpcGoClient } from './support/client-peers.ts';
import { grpcJs } from './support/grpc-js-client.ts';
import { casesOf, jsCases } from './support/js-cases.ts';
import type { JsClient } from './support/js-client.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { caddy, haproxy, nginx } from './support/proxies.ts';
import { rocketClient } from './support/rocket-client.ts';
import { targets } from './support/targets.ts';

const callsInARow = 30;

for (const target of targets) {
  describe.skipIf(peersAreMissing(...target.needs))(target.name, () => {
    let server: Running;

    beforeAll(async () => {
      server = await target.start();
    });
    afterAll(async () => {
      await server.stop();
    });

    for (const proxy of [nginx, haproxy, caddy]) {
      describe.skipIf(peersAreMissing(proxy.name, 'grpc-go-client'))(`behind ${proxy.name}`, () => {
        /** Counts the proxy's connections to the server. */
        let counter: FaultProxy;
        let front: Running;

        beforeAll(async () => {
          counter = await startFaultProxy({ port: server.port });
          front = await proxy.start(counter.port);
        });
        afterAll(async () => {
          await front.stop();
          await counter.close();
        });

        it('answers calls in a row over one connection', async () => {
          const before = counter.accepted;
          const client = grpcJs.connect(front.port);
          try {
            for (let i = 0; i < callsInARow; i++) await jsCases.empty_unary?.(client, client);
          } finally {
            client.close();
          }
          expect(counter.accepted - before).toBe(1);
        });

        const cases = grpcGoClient.cases.filter((name) => !target.lacks.includes(name));
        it.each(cases)('%s', { timeout: 60_000 }, async (name) => {
          await grpcGoClient.run(name, front.port);
        });

        describe('our client', () => {
          let client: JsClient;
          let compressing: JsClient;

          beforeAll(() => {
            client = rocketClient.connect(front.port);
            compressing = rocketClient.connect(front.port, { gzip: true });
          });
          afterAll(() => {
            client.close();
            compressing.close();
          });

          const lacks = [...target.lacks, ...proxy.lacks];
          const own = casesOf(rocketClient).filter((name) => !lacks.includes(name));
          it.each(own)('%s', async (name) => {
            await jsCases[name]?.(client, compressing);
          });
        });
      });
    }
  });
}
