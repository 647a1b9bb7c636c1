/** `rocket call` on servers of others. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { Spawned } from '../support/spawned.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { protosFolder, testProto } from './support/definitions.ts';
import { grpcGoServer } from './support/grpc-go-server.ts';
import { operatorServers } from './support/operator-servers.ts';
import { orderServers } from './support/order-servers.ts';
import { type Running, startPeer } from './support/peer-process.ts';
import { peerPath, peersAreMissing } from './support/peers.ts';
import { tonicServer } from './support/tonic-server.ts';

const deadlineMs = 30_000;
const service = 'grpc.testing.TestService';

beforeAll(() => builtPackage(), 60_000);

/** Its lines; it must succeed. */
async function call(args: readonly string[], input?: string): Promise<string[]> {
  const child = new Spawned([process.execPath, 'dist/lib/cli/main.js', 'call', ...args]);
  if (input !== undefined) child.endInput(input);
  const { code } = await child.exit(deadlineMs);
  expect({ code, errors: child.errors }, child.describe()).toEqual({ code: 0, errors: '' });
  return child.output.split('\n').slice(0, -1);
}

describe.skipIf(peersAreMissing('grpc-go-server'))('grpc-go interop server, by a .proto', () => {
  let server: Running;
  const at = (method: string): string[] => {
    const proto = ['--proto', testProto, '--proto-path', path.resolve(protosFolder)];
    return [`127.0.0.1:${server.port}`, `${service}/${method}`, ...proto];
  };

  beforeAll(async () => {
    server = await grpcGoServer.start();
  });
  afterAll(() => server.stop());

  it('is called with one message each way', async () => {
    expect(await call(at('EmptyCall'))).toEqual(['{}']);
    const [reply = ''] = await call([...at('UnaryCall'), '--data', '{"responseSize": 5}']);
    expect(JSON.parse(reply)).toMatchObject({ payload: { body: 'AAAAAAA=' } });
  });

  it('is sent several, also long ones', async () => {
    const body = Buffer.alloc(300_000).toString('base64');
    const input = `${JSON.stringify({ payload: { body } })}\n`.repeat(3);
    expect(await call([...at('StreamingInputCall'), '--data', '@-'], input)).toEqual([
      '{"aggregatedPayloadSize":900000}',
    ]);
  });

  it('sends several', async () => {
    const data = JSON.stringify({ responseParameters: [{ size: 1 }, { size: 2 }, { size: 3 }] });
    const sizes = (await call([...at('StreamingOutputCall'), '--data', data])).map(
      (line) =>
        Buffer.from((JSON.parse(line) as { payload: { body: string } }).payload.body, 'base64').length,
    );
    expect(sizes).toEqual([1, 2, 3]);
  });

  it('talks', async () => {
    const input = '{"responseParameters":[{"size":1}]}\n{"responseParameters":[{"size":1},{"size":1}]}\n';
    expect(await call([...at('FullDuplexCall'), '--data', '@-'], input)).toHaveLength(3);
  });

  it('refuses', async () => {
    const data = ['--data', '{"responseStatus":{"code":9,"message":"not yet"}}'];
    const child = new Spawned([
      process.execPath,
      'dist/lib/cli/main.js',
      'call',
      ...at('UnaryCall'),
      ...data,
    ]);
    expect((await child.exit(deadlineMs)).code).toBe(73);
    expect(child.errors).toBe('rocket call: FAILED_PRECONDITION: not yet\n');
  });
});

for (const operatorServer of operatorServers.filter(({ lacks }) => !lacks.includes('reflection'))) {
  describe.skipIf(peersAreMissing(...operatorServer.needs))(`${operatorServer.name}, by reflection`, () => {
    let server: Running;
    beforeAll(async () => {
      server = await operatorServer.start();
    });
    afterAll(() => server.stop());

    it('tells what it has', async () => {
      const address = `127.0.0.1:${server.port}`;
      expect(await call([address, 'list'])).toContain(service);
      expect(await call([address, 'list', service])).toContain(`${service}/UnaryCall`);
      expect((await call([address, 'describe', service])).join('\n')).toMatch(
        /rpc FullDuplexCall\(stream grpc\.testing\.StreamingOutputCallRequest\) returns \(stream /,
      );
    });
  });
}

const grpcGoOrders = orderServers.find(({ name }) => name === 'grpc-go')!;

describe.skipIf(peersAreMissing(...grpcGoOrders.needs))('grpc-go server, by reflection', () => {
  it('tells what it has, and is called', async () => {
    const server = await grpcGoOrders.start();
    onTestFinished(() => server.stop());
    const at = (method: string): string[] => [`127.0.0.1:${server.port}`, method];
    expect(await call(at('list'))).toContain('grpc.reflection.v1alpha.ServerReflection');
    expect(await call([...at('describe'), 'Order/makeOrder'])).toContain(
      'rpc makeOrder(makeOrderRequest) returns (makeOrderResponse);',
    );
    expect(await call([...at('Order/makeOrder'), '-d', '{"price": 1}'])).toEqual(['{"orderId":"20230514"}']);
    expect(await call([...at('Feed/listen'), '-d', '{"messages": 3}'])).toHaveLength(3);
    expect(await call([...at('Feed/upload'), '-d', '@-'], '{"text":"abc"}{"text":"d"}')).toEqual([
      '{"bytes":"4"}',
    ]);
  });
});

describe.skipIf(peersAreMissing(...tonicServer.needs))('tonic server, by reflection', () => {
  let server: Running;
  const at = (method: string): string[] => [`127.0.0.1:${server.port}`, method];

  beforeAll(async () => {
    server = await tonicServer.start();
  });
  afterAll(() => server.stop());

  it('tells what it has', async () => {
    expect(await call(at('list'))).toContain(service);
    expect(await call([...at('describe'), 'TestService.EmptyCall'])).toContain(
      'rpc EmptyCall(grpc.testing.Empty) returns (grpc.testing.Empty);',
    );
  });

  it('is called by all kinds of methods, without the package', async () => {
    const sizes = '{"responseParameters":[{"size":1},{"size":2}]}';
    const payloads = '{"payload":{"body":"AAAA"}}\n{"payload":{"body":"AA=="}}\n';
    expect(await call([...at('TestService/UnaryCall'), '-d', '{"responseSize":3}'])).toEqual([
      '{"payload":{"body":"AAAA"}}',
    ]);
    expect(await call([...at('TestService/StreamingOutputCall'), '-d', sizes])).toHaveLength(2);
    expect(await call([...at('TestService/StreamingInputCall'), '-d', '@'], payloads)).toEqual([
      '{"aggregatedPayloadSize":4}',
    ]);
    expect(await call([...at('TestService/FullDuplexCall'), '-d', '@'], `${sizes}\n${sizes}`)).toHaveLength(
      4,
    );
  });
});

describe.skipIf(peersAreMissing('grpcio'))('grpcio server', () => {
  const authority = new TestAuthority();
  const script = path.resolve(import.meta.dirname, 'python/reflecting_server.py');
  const start = (...files: readonly string[]): Promise<Running> =>
    startPeer([peerPath('grpcio'), '-B', script, ...files], {}, async (peer) =>
      Number(await peer.said('listening', deadlineMs)),
    );
  afterAll(() => authority.remove());

  it('tells what it has, by v1alpha, and is called', async () => {
    const server = await start();
    try {
      const address = `127.0.0.1:${server.port}`;
      expect(await call([address, 'list'])).toEqual([
        'grpc.health.v1.Health',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      expect(await call([address, 'describe', 'grpc.health.v1.HealthCheckResponse'])).toContain(
        '  grpc.health.v1.HealthCheckResponse.ServingStatus status = 1;',
      );
      const check = ['grpc.health.v1.Health/Check', '--data', '{"service":"shop"}'];
      expect(await call([address, ...check])).toEqual(['{"status":"SERVING"}']);
      const watch = new Spawned([
        ...[process.execPath, 'dist/lib/cli/main.js', 'call', address],
        ...['Health/Watch', '-d', '{"service":"shop"}'],
      ]);
      await watch.said('{"status":"SERVING"}', deadlineMs);
      watch.kill('SIGINT');
      expect((await watch.exit(deadlineMs)).code).toBe(130);
    } finally {
      await server.stop();
    }
  });

  it('is called over TLS', async () => {
    const { certFile, keyFile } = authority.issue('localhost');
    const server = await start(certFile, keyFile);
    try {
      const at = [`localhost:${server.port}`, 'Health/Check', '--data', '{"service":"shop"}'];
      expect(await call([...at, '--cacert', authority.certFile])).toEqual(['{"status":"SERVING"}']);
    } finally {
      await server.stop();
    }
  });
});
