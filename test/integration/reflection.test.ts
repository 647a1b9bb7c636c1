import path from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { decodedFile } from '../../lib/codec/descriptor-source.ts';
import { loadProto, RpcError, Server, type ServerOptions } from '../../lib/index.ts';
import { emptyProject, generated, protos, writeFiles } from '../support/generated.ts';

interface Answer {
  readonly validHost: string;
  readonly originalRequest: { readonly host: string };
  readonly fileDescriptorResponse: { readonly fileDescriptorProto: readonly Uint8Array[] } | null;
  readonly allExtensionNumbersResponse: { readonly extensionNumber: readonly number[] } | null;
  readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] } | null;
  readonly errorResponse: { readonly errorCode: number; readonly errorMessage: string } | null;
}

// One test compiles the package.
vi.setConfig({ testTimeout: 120_000 });

const versions = ['v1', 'v1alpha'] as const;

/** Sends the requests on one stream, and returns the answers. */
function ask(
  address: string,
  requests: readonly object[],
  version: (typeof versions)[number] = 'v1',
): Promise<Answer[]> {
  const name = `grpc.reflection.${version}.ServerReflection`;
  const method = loadProto(`proto/grpc/reflection/${version}/reflection.proto`)[name]!.methods[
    'serverReflectionInfo'
  ]!;
  const client = new Client(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  const stream = client.makeBidiStreamRequest(
    `/${name}/ServerReflectionInfo`,
    (value: object) => {
      const room = Buffer.alloc(1 << 16);
      return room.subarray(0, method.request.encodeInto(value, room, 0));
    },
    (bytes: Buffer) => method.response.decode(bytes, 0, bytes.length) as Answer,
    { deadline: Date.now() + 8000 },
  );
  const answers: Answer[] = [];
  stream.on('data', (answer: Answer) => answers.push(answer));
  for (const request of requests) stream.write(request);
  stream.end();
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', () => resolve(answers));
  });
}

function filesIn(answer: Answer | undefined): string[] {
  return (answer?.fileDescriptorResponse?.fileDescriptorProto ?? []).map(
    (bytes) => decodedFile(bytes)['name'] as string,
  );
}

async function start(options: ServerOptions = {}): Promise<{ server: Server; address: string }> {
  const server = new Server({ reflection: true, ...options });
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { New } = loadProto('described/new.proto', { includeDirs: [protos] });
  server.addService(New!, { ask: () => ({}) } as never);
  const { address } = await server.listen('127.0.0.1:0');
  return { server, address };
}

const always = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

describe.each(versions)('reflection %s', (version) => {
  it('lists the services, its own and those of health among them', async () => {
    const { address } = await start();
    const [answer] = await ask(address, [{ host: 'h', listServices: '' }], version);
    expect(answer).toMatchObject({ validHost: 'h', originalRequest: { host: 'h' } });
    expect(answer?.listServicesResponse?.service.map(({ name }) => name)).toEqual([
      'described.new.New',
      'grpc.health.v1.Health',
      ...always,
      'rocket.health.v1.Health',
    ]);
  });

  it('answers requests of every kind, one after the other', async () => {
    const { address } = await start();
    const deep = 'described.old.Inner.Deep';
    const answers = await ask(
      address,
      [
        { fileByFilename: 'described/old.proto' },
        { fileContainingSymbol: 'described.new.New.Chat' },
        { fileContainingExtension: { containingType: deep, extensionNumber: 101 } },
        { allExtensionNumbersOfType: deep },
        { fileContainingSymbol: '.grpc.health.v1.Health' },
      ],
      version,
    );
    expect(filesIn(answers[0])).toEqual([
      'described/old.proto',
      'google/protobuf/descriptor.proto',
      'google/protobuf/timestamp.proto',
    ]);
    expect(filesIn(answers[1])[0]).toBe('described/new.proto');
    expect(filesIn(answers[1])).not.toContain('described/old.proto');
    expect(filesIn(answers[2])).toEqual(['described/old.proto']);
    expect(answers[3]?.allExtensionNumbersResponse).toMatchObject({
      baseTypeName: deep,
      extensionNumber: [5, 6, 101],
    });
    expect(filesIn(answers[4])).toEqual(['grpc/health/v1/health.proto']);
  });

  it('answers what it does not know with an error, and goes on', async () => {
    const { address } = await start();
    const answers = await ask(
      address,
      [
        { fileByFilename: 'nobody.proto' },
        { fileByFilename: '../../etc/passwd' },
        { fileContainingSymbol: 'nobody.Here' },
        { fileContainingSymbol: '' },
        { fileContainingSymbol: 'toString' },
        { fileContainingExtension: { containingType: 'described.new.Message', extensionNumber: 1 } },
        { allExtensionNumbersOfType: 'nobody.Here' },
        {},
        { listServices: '*' },
      ],
      version,
    );
    expect(answers.map(({ errorResponse }) => errorResponse?.errorCode)).toEqual([
      5,
      5,
      5,
      5,
      5,
      5,
      5,
      3,
      undefined,
    ]);
    expect(answers[2]?.errorResponse?.errorMessage).toBe('symbol nobody.Here is not known');
  });
});

describe('a server with reflection', () => {
  it('has none by default', async () => {
    const { address } = await start({ reflection: false });
    await expect(ask(address, [{ listServices: '' }])).rejects.toMatchObject({ code: 12 });
  });

  it('needs the protocol gRPC', () => {
    expect(() => new Server({ reflection: true, protocols: ['tinypb'] })).toThrow(
      /reflection is a service of gRPC/,
    );
  });

  it('does not speak of health services that it has not', async () => {
    const { address } = await start({ health: false });
    const [answer] = await ask(address, [{ listServices: '' }]);
    expect(answer?.listServicesResponse?.service.map(({ name }) => name)).toEqual([
      'described.new.New',
      ...always,
    ]);
  });

  it('names a service without descriptors, and one whose descriptors are broken, and describes the others', async () => {
    const errors: string[] = [];
    const logger = { warn: () => undefined, error: (text: string) => errors.push(text) };
    const server = new Server({ reflection: true, logger });
    onTestFinished(() => server.close({ drainMs: 0 }));
    const serializers = {
      requestStream: false,
      responseStream: false,
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: () => ({}),
      responseSerialize: () => Buffer.alloc(0),
      responseDeserialize: () => ({}),
    };
    const broken = { fileDescriptorProtos: [Buffer.from([0xff])] };
    server.addService({ ask: { path: '/plain.Service/Ask', ...serializers } }, { ask: () => ({}) });
    server.addService(
      { ask: { path: '/broken.Service/Ask', ...serializers, requestType: broken } } as never,
      { ask: () => ({}) } as never,
    );
    server.addService(loadProto('proto/order.proto')['Order']!, { makeOrder: () => ({}) });
    const { address } = await server.listen('127.0.0.1:0');
    const answers = await ask(address, [
      { listServices: '' },
      { fileContainingSymbol: 'plain.Service' },
      { fileContainingSymbol: 'broken.Service' },
      { fileContainingSymbol: 'Order' },
    ]);
    expect(answers[0]?.listServicesResponse?.service.slice(0, 2).map(({ name }) => name)).toEqual([
      'Order',
      'broken.Service',
    ]);
    expect(answers.map(({ errorResponse }) => errorResponse?.errorCode)).toEqual([
      undefined,
      5,
      5,
      undefined,
    ]);
    expect(filesIn(answers[3])).toEqual(['order.proto']);
    expect(errors).toEqual([expect.stringMatching(/^reflection cannot describe broken\.Service: /)]);
  });

  it('is asked through the interceptors, which may refuse', async () => {
    const { address } = await start({
      interceptors: [
        (call, next) => {
          if (call.method.startsWith('grpc.reflection.'))
            throw new RpcError('PERMISSION_DENIED', 'not for you');
          return next();
        },
      ],
    });
    await expect(ask(address, [{ listServices: '' }])).rejects.toMatchObject({ code: 7 });
  });

  it('refuses a second reflection service', async () => {
    const server = new Server({ reflection: true });
    const { ServerReflection } = loadProto('proto/grpc/reflection/v1/reflection.proto');
    server.addService(ServerReflection!, { serverReflectionInfo: () => [] } as never);
    await expect(server.listen('127.0.0.1:0')).rejects.toThrow(/already has a handler/);
  });

  it('describes generated services', async () => {
    const folder = await emptyProject();
    writeFiles(folder, generated(path.join(protos, 'described/new.proto')));
    writeFiles(folder, [
      [
        'serve.mjs',
        `import { Server } from 'rocket-rpc';
import { New } from './described/new.js';
export async function serve() {
  const server = new Server({ reflection: true });
  server.addService(New, { ask: () => ({}), async *chat() {} });
  const { address } = await server.listen('127.0.0.1:0');
  return { server, address };
}`,
      ],
    ]);
    const { serve } = (await import(path.join(folder, 'serve.mjs'))) as {
      serve: () => Promise<{ server: Server; address: string }>;
    };
    const { server, address } = await serve();
    onTestFinished(() => server.close({ drainMs: 0 }));
    const answers = await ask(address, [{ fileContainingSymbol: 'described.new.New' }]);
    expect(filesIn(answers[0])).toHaveLength(10);
  });
});
