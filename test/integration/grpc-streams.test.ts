import { connect } from 'node:http2';
import path from 'node:path';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, it, onTestFinished } from 'vitest';
import { Channel, RpcError, Server, type ServerOptions } from '../../lib/index.ts';
import { Kinds, type KindsHandlers, type Text } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const file = path.join(import.meta.dirname, '../support/protos/kinds.proto');

interface KindsClient {
  close(): void;
  many(done: (error: ServiceError | null, reply?: Text) => void): ClientWritableStream<Text>;
  flow(request: Text, options?: { deadline: number }): ClientReadableStream<Text>;
  both(): ClientDuplexStream<Text, Text>;
}

async function start(handlers: Partial<KindsHandlers>, options: ServerOptions = {}) {
  const logged: unknown[] = [];
  const note = (...what: unknown[]) => logged.push(what);
  const server = new Server({ logger: { warn: note, error: note }, ...options });
  server.addService(Kinds, handlers as KindsHandlers);
  const { address } = await server.listen('127.0.0.1:0');
  const loaded = loadPackageDefinition(loadSync(file)) as unknown as {
    kinds: { v1: { Kinds: new (...args: unknown[]) => KindsClient } };
  };
  const client = new loaded.kinds.v1.Kinds(address, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await server.close({ drainMs: 0 });
  });
  const untilIdle = () =>
    until(
      () => {
        const { streamsOpen, handlersRunning, requestBytesQueued, callsInFlight } = server.stats();
        return streamsOpen + handlersRunning + requestBytesQueued + callsInFlight === 0;
      },
      { deadlineMs: 10_000, what: 'every gauge to be zero' },
    );
  return { server, address, client, logged, untilIdle };
}

function endOf(
  call: ClientReadableStream<Text> | ClientDuplexStream<Text, Text>,
): Promise<ServiceError | null> {
  return new Promise((resolve) => {
    call.on('error', (error: ServiceError) => resolve(error));
    call.on('end', () => resolve(null));
  });
}

it('sends 20,000 replies to a client of grpc-js, in order', async () => {
  const { client, untilIdle } = await start({
    async *flow({ text }) {
      for (let n = 0; n < 20_000; n++) yield { text: `${text}${n}` };
    },
  });
  const texts: string[] = [];
  const call = client.flow({ text: 'r' });
  call.on('data', ({ text }: Text) => texts.push(text));
  expect(await endOf(call)).toBeNull();
  expect(texts).toEqual(Array.from({ length: 20_000 }, (_, n) => `r${n}`));
  await untilIdle();
});

it('takes requests far larger than the window, and many small ones', async () => {
  const { client, untilIdle } = await start({
    async many(requests) {
      let bytes = 0;
      for await (const { text } of requests) bytes += text.length;
      return { text: String(bytes) };
    },
  });
  const reply = await new Promise<Text | undefined>((resolve, reject) => {
    const call = client.many((error, value) => (error === null ? resolve(value) : reject(error)));
    for (const size of [1_000_000, 40_000, 3_000_000, 65_531, 65_536, 1, 50_000, 50_000])
      call.write({ text: 'x'.repeat(size) });
    for (let n = 0; n < 5000; n++) call.write({ text: 'y' });
    call.end();
  });
  expect(reply).toEqual({ text: String(4_271_068 + 5000) });
  await untilIdle();
});

it('answers one request after the other', async () => {
  const { client, untilIdle } = await start({
    async *both(requests) {
      for await (const { text } of requests) yield { text: `re: ${text}` };
    },
  });
  const call = client.both();
  const end = endOf(call);
  for (let n = 0; n < 200; n++) {
    const answer = new Promise<Text>((resolve) => call.once('data', resolve));
    call.write({ text: String(n) });
    expect(await answer).toEqual({ text: `re: ${n}` });
  }
  call.end();
  expect(await end).toBeNull();
  await untilIdle();
});

it('does not run ahead of a client that does not read', async () => {
  const text = 'x'.repeat(10_000);
  let asked = 0;
  const seen: string[] = [];
  const { address, server, untilIdle } = await start({
    one: () => ({ text: '' }),
    async *flow() {
      try {
        for (;;) {
          asked++;
          yield { text };
        }
      } finally {
        seen.push('finally');
      }
    },
  });
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
  const request = session.request({ ...headers, ':path': '/kinds.v1.Kinds/Flow' });
  request.on('error', () => undefined);
  request.pause();
  request.end(Buffer.alloc(5));
  await until(() => asked > 5, { deadlineMs: 10_000, what: 'some replies' });
  // What the generator can send goes out while other calls on the connection come and go.
  for (let n = 0; n < 20; n++) {
    const other = session.request({ ...headers, ':path': '/kinds.v1.Kinds/One' });
    other.resume();
    other.end(Buffer.alloc(5));
    await new Promise((resolve) => other.on('close', resolve));
  }
  // Its window of 64 KiB, as much room, and what is under way.
  expect(asked * text.length).toBeLessThan(4 * 65_536);
  expect(server.stats().queuedBytes).toBeLessThan(4 * 65_536);
  request.close(8);
  await untilIdle();
  await until(() => seen.length > 0, { deadlineMs: 5000, what: 'its finally block' });
});

it('ends handlers at the deadline and when the client cancels', async () => {
  const seen: string[] = [];
  const { client, untilIdle } = await start({
    async *flow(_request, { signal }) {
      try {
        yield { text: 'first' };
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      } catch (error) {
        seen.push((error as RpcError).code);
        throw error;
      } finally {
        seen.push('finally');
      }
    },
  });
  const late = client.flow({ text: '' }, { deadline: Date.now() + 300 });
  late.on('data', () => undefined);
  expect(await endOf(late)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  await untilIdle();
  const ended = () => until(() => seen.length === 2, { deadlineMs: 5000, what: 'the handler to end' });
  await ended();
  // The client may be the first to say so, by a reset.
  expect(seen.splice(0)).toEqual([expect.stringMatching(/^(DEADLINE_EXCEEDED|CANCELLED)$/), 'finally']);

  for (let n = 0; n < 2; n++) {
    const call = client.flow({ text: '' });
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    await untilIdle();
    await ended();
    expect(seen.splice(0)).toEqual(['CANCELLED', 'finally']);
  }
});

it('ends with a status before the client has sent everything', async () => {
  const { client, untilIdle } = await start({
    async *both(requests) {
      for await (const { text } of requests) {
        yield { text };
        throw new RpcError('RESOURCE_EXHAUSTED', 'enough');
      }
    },
  });
  const call = client.both();
  call.on('data', () => undefined);
  const end = endOf(call);
  call.write({ text: 'a' });
  expect(await end).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'enough' });
  await untilIdle();
});

it('refuses a TinyPB call of a method that streams', async () => {
  const { address } = await start({ flow: () => [] });
  const channel = new Channel(address, { connections: 1 });
  const { kind: _, ...asIfUnary } = Kinds.methods.flow;
  await expect(channel.call(asIfUnary as never, { text: '' })).rejects.toMatchObject({
    code: 'UNIMPLEMENTED',
    message: expect.stringMatching(/streams.*call it with gRPC/),
  });
  await channel.close();
});
