/**
 * Clients and servers of other projects, each with a TLS of its own, and ours over it: grpc-go's, rustls (tonic), BoringSSL
 * (grpcio), OpenSSL and that of Node.js (grpc-js).
 */
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Channel, type ClientTlsOptions, createClient, RpcError } from '../../lib/index.ts';
import { Order } from '../support/order.ts';
import { Spawned } from '../support/spawned.ts';
import { TestAuthority, type TestIdentity } from '../support/test-authority.ts';
import { until } from '../support/waits.ts';
import { grpcGoClient, tonicClient } from './support/client-peers.ts';
import { protosFolder, testProto } from './support/definitions.ts';
import { grpcGoServer, startGrpcGoServer } from './support/grpc-go-server.ts';
import { casesOf, jsCases } from './support/js-cases.ts';
import type { JsClient } from './support/js-client.ts';
import { type Running, type RunningPeer, runPeer, startPeer } from './support/peer-process.ts';
import { peerPath, peersAreMissing } from './support/peers.ts';
import { rocketClientOverTls } from './support/rocket-client.ts';
import { startRocketTestServer } from './support/rocket-servers.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const identity = authority.issue('localhost');
const { key, cert } = identity;
const client = authority.issue('client');
const stranger = other.issue('client');
const ca = authority.cert;
const deadlineMs = 30_000;
let open: Running;
let mutual: Running;

beforeAll(async () => {
  open = await startRocketTestServer({ key, cert });
  mutual = await startRocketTestServer({ key, cert, ca, requestCert: true });
});
afterAll(async () => {
  await Promise.all([open.stop(), mutual.stop()]);
  authority.remove();
  other.remove();
});

const method = 'grpc.testing.TestService/EmptyCall';

/** By a channel that is closed when the test ends. */
function order(port: number, tls: ClientTlsOptions, scheme = 'grpcs') {
  const channel = new Channel(`${scheme}://localhost:${port}`, { tls, retry: false });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  return createClient(Order, channel).makeOrder({ price: 100, goods: 'apple' });
}

async function isRefused(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  expect((error as RpcError).code).toBe('UNAVAILABLE');
  return error as RpcError;
}

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

describe.skipIf(peersAreMissing(...grpcGoServer.needs))('our client on grpc-go over TLS', () => {
  const library = rocketClientOverTls({ ca });
  let server: RunningPeer;
  let ours: JsClient;

  beforeAll(async () => {
    const files = ['-tls_cert_file', identity.certFile, '-tls_key_file', identity.keyFile];
    server = await startGrpcGoServer('-use_tls', ...files);
    ours = library.connect(server.port);
  });
  afterAll(async () => {
    ours.close();
    await server.stop();
  });

  it.each(casesOf(library).filter((name) => !grpcGoServer.lacks.includes(name)))('%s', async (name) => {
    await jsCases[name]?.(ours, ours);
  });

  it('does not believe it without its authority', async () => {
    const { message } = await isRefused(order(server.port, { ca: other.cert }));
    expect(message).toContain('(options tls.ca, tls.crl)');
  });
});

describe.skipIf(peersAreMissing('tonic-test-client'))('tonic over TLS, by rustls', () => {
  const call = (port: number, name: string, shown?: TestIdentity, caFile = authority.certFile) => {
    const own = shown === undefined ? {} : { CERT_FILE: shown.certFile, KEY_FILE: shown.keyFile };
    return runPeer('tonic-test-client', {
      args: [String(port), name],
      env: { CA_FILE: caFile, ...own },
      deadlineMs,
    });
  };

  it.each(tonicClient.cases)('%s', { timeout: 60_000 }, async (name) => {
    await call(open.port, name);
  });

  it('shows its certificate where it is asked for', async () => {
    await call(mutual.port, 'empty_unary', client);
    await expect(call(mutual.port, 'empty_unary')).rejects.toThrow();
    await expect(call(mutual.port, 'empty_unary', stranger)).rejects.toThrow();
  });

  it('does not believe us with the certificate of another authority', async () => {
    await expect(call(open.port, 'empty_unary', undefined, other.certFile)).rejects.toThrow();
  });
});

describe.skipIf(peersAreMissing('tonic-order-server'))('our client on tonic over TLS, by rustls', () => {
  const start = async (env: Readonly<Record<string, string>>): Promise<number> => {
    const files = { CERT_FILE: identity.certFile, KEY_FILE: identity.keyFile, ...env };
    const server = await startPeer([peerPath('tonic-order-server')], files, async (peer) =>
      Number(await peer.said('listening', deadlineMs)),
    );
    onTestFinished(() => server.stop());
    return server.port;
  };

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const port = await start({});
    const tls = { ca, minVersion: version, maxVersion: version };
    expect(await order(port, tls)).toMatchObject({ orderId: '20230514' });
  });

  it('shows its certificate where it is asked for', async () => {
    const port = await start({ CA_FILE: authority.certFile });
    const own = { ca, cert: client.cert, key: client.key };
    expect(await order(port, own)).toMatchObject({ orderId: '20230514' });
    await isRefused(order(port, { ca }));
    await isRefused(order(port, { ca, cert: stranger.cert, key: stranger.key }));
  });
});

describe('grpc-js over TLS', () => {
  it('is called, and gets our certificate where it asks for it', async () => {
    for (const asks of [false, true]) {
      const server = new GrpcServer();
      const { request, response } = Order.methods.makeOrder;
      const made = { orderId: 'by grpc-js' };
      server.addService(
        {
          makeOrder: {
            path: '/Order/makeOrder',
            requestStream: false,
            responseStream: false,
            requestSerialize: (value: Buffer) => value,
            requestDeserialize: (bytes: Buffer) => request.decode(bytes, 0, bytes.length),
            responseSerialize: (value: typeof made) => {
              const room = Buffer.alloc(100);
              return room.subarray(0, response.encodeInto(value, room, 0));
            },
            responseDeserialize: (value: Buffer) => value,
          },
        },
        { makeOrder: (_: unknown, reply: (error: null, value: typeof made) => void) => reply(null, made) },
      );
      const pair = [{ private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }];
      const credentials = ServerCredentials.createSsl(Buffer.from(ca), pair, asks);
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      });
      onTestFinished(() => server.forceShutdown());
      expect(await order(port, { ca, cert: client.cert, key: client.key })).toMatchObject(made);
      if (asks) await isRefused(order(port, { ca }));
      else expect(await order(port, { ca })).toMatchObject(made);
    }
  });
});

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

/** Answers every method with the bytes that it gets, until its input ends. */
const serverScript = `
import grpc, sys
from concurrent import futures
ca, cert, key = sys.argv[1:]
read = lambda name: open(name, 'rb').read() if name else None

class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request)

server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
credentials = grpc.ssl_server_credentials([(read(key), read(cert))], read(ca), bool(ca))
port = server.add_secure_port('127.0.0.1:0', credentials)
server.start()
print('listening', port, flush=True)
sys.stdin.read()
`;

describe.skipIf(peersAreMissing('grpcio'))('grpcio', () => {
  const call = (port: number, certFile: string, keyFile: string) =>
    runPeer('grpcio', {
      args: ['-c', script, String(port), authority.certFile, certFile, keyFile],
      deadlineMs,
    });

  it('shows its certificate where it is asked for', async () => {
    await call(open.port, '', '');
    await call(mutual.port, client.certFile, client.keyFile);
    await expect(call(mutual.port, '', '')).rejects.toThrow();
  });

  it('is called, and gets our certificate where it asks for it', async () => {
    for (const caFile of ['', authority.certFile]) {
      const argv = [peerPath('grpcio'), '-c', serverScript, caFile, identity.certFile, identity.keyFile];
      const server = await startPeer(argv, {}, async (peer) =>
        Number(await peer.said('listening', deadlineMs)),
      );
      onTestFinished(() => server.stop());
      // The bytes of the request are a reply without any of its fields.
      expect(await order(server.port, { ca, cert: client.cert, key: client.key })).toMatchObject({});
      if (caFile === '') await order(server.port, { ca });
      else await isRefused(order(server.port, { ca }));
      await isRefused(order(server.port, { ca: other.cert }));
    }
  });
});

describe('openssl s_server', () => {
  /** Its port; it says what it gets. */
  const start = async (...options: string[]): Promise<{ port: number; peer: Spawned }> => {
    const files = ['-cert', identity.certFile, '-key', identity.keyFile];
    const argv = ['openssl', 's_server', '-accept', '127.0.0.1:0', '-alpn', 'tinypb', ...files, ...options];
    const peer = new Spawned(argv);
    onTestFinished(() => peer.stop(5000));
    await until(() => /ACCEPT \S+:\d+/.test(peer.output), { deadlineMs, what: () => peer.describe() });
    return { port: Number(/ACCEPT \S+:(\d+)/.exec(peer.output)?.[1]), peer };
  };
  const ready = async (port: number, tls: ClientTlsOptions) => {
    const channel = new Channel(`tls://localhost:${port}`, { tls, connections: 1, ioThreads: 1 });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    await channel.ready({ timeoutMs: 10_000 });
  };

  it.each([
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
    ['TLSv1.3', 'TLS_AES_256_GCM_SHA384'],
    ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256'],
  ] as const)('speaks %s with %s', async (version, ciphers) => {
    const { port, peer } = await start(version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3');
    await ready(port, { ca, ciphers });
    await until(() => peer.output.includes(`CIPHER is ${ciphers}`), { deadlineMs, what: () => peer.output });
    expect(peer.output).toContain('ALPN protocols selected: tinypb');
  });

  it('gets our certificate where it asks for it', async () => {
    const asking = ['-Verify', '2', '-CAfile', authority.certFile, '-verify_return_error'];
    const { port, peer } = await start(...asking);
    await ready(port, { ca, cert: client.cert, key: client.key });
    await until(() => /subject=CN = client/.test(peer.output), { deadlineMs, what: () => peer.output });
    const refusing = await start(...asking, '-tls1_2');
    await isRefused(order(refusing.port, { ca }, 'tls'));
  });
});
