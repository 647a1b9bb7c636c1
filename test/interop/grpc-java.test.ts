/** grpc-java's own client, on Netty and on OkHttp, against our server; and our client against its server. Plain and over TLS. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  grpcJavaPeers,
  javaClientCases,
  javaIdentity,
  javaServerName,
  javaTransports,
  runJavaClient,
  startJavaServer,
} from './support/grpc-java.ts';
import { casesOf, jsCases } from './support/js-cases.ts';
import type { JsClient } from './support/js-client.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { rocketClient, rocketClientOverTls } from './support/rocket-client.ts';
import { startRocketTestServer } from './support/rocket-servers.ts';

const testTimeoutMs = 60_000;
/** Over TLS a few, which use all that the streams of bytes below them do. */
const tlsCases = ['large_unary', 'ping_pong', 'client_compressed_streaming', 'channel_soak'] as const;

describe.skipIf(peersAreMissing(...grpcJavaPeers))('grpc-java', () => {
  describe.each(javaTransports)('its client on %s', (transport) => {
    let plain: Running;
    let secured: Running;

    beforeAll(async () => {
      plain = await startRocketTestServer();
      const { key, cert } = javaIdentity();
      secured = await startRocketTestServer({ key, cert });
    });
    afterAll(async () => {
      await Promise.all([plain.stop(), secured.stop()]);
    });

    it.each(javaClientCases)('%s', { timeout: testTimeoutMs }, async (name) => {
      await runJavaClient(name, { transport, port: plain.port });
    });
    it.each(tlsCases)('%s, over TLS', { timeout: testTimeoutMs }, async (name) => {
      await runJavaClient(name, { transport, port: secured.port, tls: true });
    });
  });

  describe.each([false, true])('its server, TLS: %s', (tls) => {
    let server: Running;
    let client: JsClient;

    beforeAll(async () => {
      server = await startJavaServer({ tls });
      const library = tls
        ? rocketClientOverTls({ ca: javaIdentity().ca, servername: javaServerName })
        : rocketClient;
      client = library.connect(server.port);
    });
    afterAll(async () => {
      client.close();
      await server.stop();
    });

    // Its service takes a request for compressed that says so, and does not look.
    it.each(casesOf(rocketClient).filter((name) => name !== 'client_compressed_unary'))(
      '%s',
      async (name) => {
        await jsCases[name]?.(client, client);
      },
    );
  });
});
