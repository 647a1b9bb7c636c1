/** Clients of other projects, each with a TLS of its own, call our server over it: grpc-go's, OpenSSL's and BoringSSL's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../support/test-authority.ts';
import { grpcGoClient } from './support/client-peers.ts';
import { protosFolder, testProto } from './support/definitions.ts';
import { type Running, runPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { startRocketTestServer } from './support/rocket-servers.ts';

const authority = new TestAuthority();
const { key, cert } = authority.issue('localhost');
const client = authority.issue('client');
const deadlineMs = 30_000;
let open: Running;
let mutual: Running;

beforeAll(async () => {
  open = await startRocketTestServer({ key, cert });
  mutual = await startRocketTestServer({ key, cert, ca: authority.cert, requestCert: true });
});
afterAll(async () => {
  await Promise.all([open.stop(), mutual.stop()]);
  authority.remove();
});

describe.skipIf(peersAreMissing('grpc-go-client'))('grpc-go over TLS', () => {
  it.each(grpcGoClient.cases)('%s', { timeout: 60_000 }, async (name) => {
    const server = ['-server_host', '127.0.0.1', '-server_port', String(open.port)];
    const tls = ['-use_tls', '-use_test_ca', '-ca_file', authority.certFile];
    const soak = [
      '-soak_per_iteration_max_acceptable_latency_ms',
      '10000',
      '-soak_overall_timeout_seconds',
      '25',
    ];
    const args = [...server, ...tls, '-server_host_override', 'localhost', ...soak, '-test_case', name];
    await runPeer('grpc-go-client', { args, deadlineMs });
  });
});

const method = 'grpc.testing.TestService/EmptyCall';

describe.skipIf(peersAreMissing('grpcurl'))('grpcurl', () => {
  const call = (port: number, ...tls: string[]) =>
    runPeer('grpcurl', {
      args: [
        ...['-cacert', authority.certFile, ...tls, '-max-time', '10'],
        ...['-import-path', protosFolder, '-proto', testProto, `localhost:${port}`, method],
      ],
      deadlineMs,
    });

  it('shows its certificate where it is asked for', async () => {
    await call(open.port);
    await call(mutual.port, '-cert', client.certFile, '-key', client.keyFile);
    await expect(call(mutual.port)).rejects.toThrow();
  });
});

/** `channel` in Python, over TLS, calls EmptyCall with an empty message. */
const script = `
import grpc, sys
port, ca, cert, key = sys.argv[1:]
read = lambda name: open(name, 'rb').read() if name else None
credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
with grpc.secure_channel('localhost:' + port, credentials) as channel:
    call = channel.unary_unary('/${method}', lambda message: message, lambda message: message)
    for _ in range(20):
        assert call(b'', timeout=10) == b''
`;

describe.skipIf(peersAreMissing('grpcio'))('grpcio', () => {
  const call = (port: number, cert: string, key: string) =>
    runPeer('grpcio', { args: ['-c', script, String(port), authority.certFile, cert, key], deadlineMs });

  it('shows its certificate where it is asked for', async () => {
    await call(open.port, '', '');
    await call(mutual.port, client.certFile, client.keyFile);
    await expect(call(mutual.port, '', '')).rejects.toThrow();
  });
});
