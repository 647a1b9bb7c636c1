import path from 'node:path';
import {
  Server as GrpcServer,
  loadPackageDefinition,
  ServerCredentials,
  type ServerReadableStream,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, it, onTestFinished } from 'vitest';
import { Channel, createClient, Server } from '../../lib/index.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { Kinds, type KindsHandlers, type Text } from '../support/memory-kinds.ts';

const messageBytes = 3 * 1024 * 1024;
const uploadBytes = 6 * 1024 * 1024;
const delayMs = 20;

async function serve(): Promise<number> {
  const server = new Server({ logger: false });
  const handlers: Partial<KindsHandlers> = {
    one: ({ text }) => ({ text: `${text.length}` }),
    many: async (requests) => {
      let bytes = 0;
      for await (const { text } of requests) bytes += text.length;
      return { text: `${bytes}` };
    },
  };
  server.addService(Kinds, handlers as KindsHandlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  return (await server.listen('127.0.0.1:0')).port;
}

/** Its windows do not grow. */
async function serveGrpcJs(): Promise<number> {
  const file = path.join(import.meta.dirname, '../support/protos/kinds.proto');
  const loaded = loadPackageDefinition(loadSync(file)) as unknown as {
    kinds: { v1: { Kinds: { service: never } } };
  };
  const server = new GrpcServer();
  server.addService(loaded.kinds.v1.Kinds.service, {
    One: ({ request }: { request: Text }, done: (error: null, reply: Text) => void) =>
      done(null, { text: `${request.text.length}` }),
    Many: (call: ServerReadableStream<Text, Text>, done: (error: null, reply: Text) => void) => {
      let bytes = 0;
      call.on('data', ({ text }: Text) => {
        bytes += text.length;
      });
      call.on('end', () => done(null, { text: `${bytes}` }));
    },
  });
  onTestFinished(() => server.forceShutdown());
  return await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

async function connectSlowly(port: number) {
  const link = await startFaultProxy({ port });
  onTestFinished(() => link.close());
  link.delay(delayMs);
  const channel = new Channel(`grpc://127.0.0.1:${link.port}`, { connections: 1, timeoutMs: 60_000 });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const client = createClient(Kinds, channel);
  expect(await client.many([])).toMatchObject({ text: '0' });
  return client;
}

type KindsClient = Awaited<ReturnType<typeof connectSlowly>>;

/** How long it takes both, one after the other. */
async function timed(
  bytes: number,
  upload: (client: KindsClient) => Promise<Text>,
): Promise<{ ours: number; control: number }> {
  const time = async (client: KindsClient): Promise<number> => {
    const began = performance.now();
    expect(await upload(client)).toMatchObject({ text: `${bytes}` });
    return performance.now() - began;
  };
  const control = await time(await connectSlowly(await serveGrpcJs()));
  return { ours: await time(await connectSlowly(await serve())), control };
}

it.each([1024, 32 * 1024])(
  'takes a stream of requests of %i bytes faster than 64 KiB in a round trip',
  async (size) => {
    const requests = Array.from({ length: uploadBytes / size }, () => ({ text: 'x'.repeat(size) }));
    const { ours, control } = await timed(uploadBytes, (client) => client.many(requests));
    expect(ours).toBeLessThan(control / 2);
  },
);

it('takes a long message faster than that', async () => {
  const text = 'x'.repeat(messageBytes);
  const { ours, control } = await timed(messageBytes, (client) => client.one({ text }));
  expect(ours).toBeLessThan(control / 2);
});
