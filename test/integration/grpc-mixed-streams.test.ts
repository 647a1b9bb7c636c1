/** Streams with messages of all lengths, read at all speeds: none may wait for a window for ever, or get another message. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, constants as http2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import {
  type ClientDuplexStream,
  credentials,
  Metadata as GrpcMetadata,
  Server as GrpcServer,
  loadPackageDefinition,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, it, onTestFinished } from 'vitest';
import { nativeClientTransport } from '../../lib/addon/client-transport.ts';
import { nativeServerTransport } from '../../lib/addon/server-transport.ts';
import { messageHeadBytes, takenStepBytes } from '../../lib/contract/transport.ts';
import { Channel, createClient, Metadata, Server, type ServerOptions } from '../../lib/index.ts';
import { bareGrpc, frame, textIn, textMessage } from '../support/grpc-frames.ts';
import { Kinds, type KindsHandlers, type Text } from '../support/memory-kinds.ts';
import { seededRandom } from '../support/seeded-random.ts';

const streams = 16;
const bytesOfStream = 400_000;
/** Lengths near which windows are given back, or a message does not fit in one. */
const edges = [16_384, 32_768, 65_536];
const letters = lettersOf(300_000);

interface GrpcKinds {
  readonly service: never;
  new (...args: unknown[]): { both(metadata: GrpcMetadata): ClientDuplexStream<Text, Text>; close(): void };
}

const GrpcKindsClient = (
  loadPackageDefinition(
    loadSync(path.join(import.meta.dirname, '../support/protos/kinds.proto')),
  ) as unknown as { kinds: { v1: { Kinds: GrpcKinds } } }
).kinds.v1.Kinds;

/** Text of which a compressed form is about half as long. */
function lettersOf(length: number): string {
  const random = seededRandom(1);
  let text = '';
  while (text.length < length) text += Math.floor(random() * 1e9).toString(36);
  return text;
}

/** The messages of one side of a stream; the other side can make them too, to compare. */
function* mixed(seed: number): Generator<Text> {
  const random = seededRandom(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const lengthOf = (kind: number): number => {
    if (kind < 10) return below(200_000);
    if (kind < 20) return below(40_000);
    if (kind < 45) return edges[below(edges.length)]! - 24 + below(30);
    return below(300);
  };
  for (let sum = 0, n = 0; sum < bytesOfStream; n++) {
    const length = lengthOf(below(100));
    const at = below(letters.length - length);
    yield { text: `${n} ${letters.slice(at, at + length)}` };
    sum += length;
  }
}

/** Some turns of the event loop, often none, sometimes many. */
async function pause(random: () => number): Promise<void> {
  const kind = random();
  for (let turns = kind < 0.05 ? 200 : kind < 0.3 ? 3 : 0; turns > 0; turns--)
    await new Promise(setImmediate);
}

async function* slowly(texts: Iterable<Text>, seed: number): AsyncGenerator<Text> {
  const random = seededRandom(seed);
  for (const text of texts) {
    await pause(random);
    yield text;
  }
}

const verdict = 'digest ';

/** Reads up to the end, or to what says what the other side has read. */
async function read(texts: AsyncIterable<Text>, seed: number): Promise<{ own: string; others: string }> {
  const random = seededRandom(seed);
  const hash = createHash('sha256');
  let others = '';
  for await (const { text } of texts) {
    if (text.startsWith(verdict)) others = text.slice(verdict.length);
    else hash.update(`${text}\n`);
    await pause(random);
  }
  return { own: hash.digest('hex'), others };
}

function digestOf(texts: Iterable<Text>): string {
  const hash = createHash('sha256');
  for (const { text } of texts) hash.update(`${text}\n`);
  return hash.digest('hex');
}

/** What the server says on the stream of that seed. */
async function* answers(requests: AsyncIterable<Text>, seed: number): AsyncGenerator<Text> {
  const reading = read(requests, seed + 1);
  reading.catch(() => undefined); // the call has failed then
  yield* slowly(mixed(seed + 2), seed + 3);
  yield { text: verdict + (await reading).own };
}

const handlers: Partial<KindsHandlers> = {
  both: (requests, context) => answers(requests, Number(context.metadata.get('seed'))),
  many: async (requests) => ({ text: (await read(requests, 5)).own }),
  flow: async function* ({ text }) {
    for (let n = 0; n < Number(text); n++) yield { text: letters.slice(0, 100) };
  },
};

async function serve(options: ServerOptions = {}): Promise<string> {
  const server = new Server({ logger: false, ...options });
  server.addService(Kinds, handlers as KindsHandlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  return (await server.listen('127.0.0.1:0')).address;
}

async function serveGrpcJs(compressed: boolean): Promise<string> {
  const server = new GrpcServer(compressed ? { 'grpc.default_compression_algorithm': 2 } : {});
  server.addService(GrpcKindsClient.service, {
    Both: async (call: ServerDuplexStream<Text, Text>) => {
      // Its other half is written when this one has been read.
      const requests = call.iterator({ destroyOnReturn: false });
      for await (const text of answers(requests, Number(call.metadata.get('seed')[0])))
        if (!call.write(text)) await once(call, 'drain');
      call.end();
    },
  });
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return `127.0.0.1:${port}`;
}

function connect(target: string, compressed = false) {
  const channel = new Channel(target, {
    connections: 1,
    protocol: 'grpc',
    compression: compressed ? 'gzip' : 'identity',
    streamTimeoutMs: 60_000,
  });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  return createClient(Kinds, channel);
}

type Call = (seed: number) => AsyncIterable<Text>;

function callOurs(address: string, compressed: boolean): Call {
  const client = connect(address, compressed);
  return (seed) => {
    const metadata = new Metadata({ seed: `${seed}` });
    return client.both(slowly(mixed(seed), seed), { metadata });
  };
}

function callGrpcJs(address: string, compressed: boolean): Call {
  const client = new GrpcKindsClient(
    address,
    credentials.createInsecure(),
    compressed ? { 'grpc.default_compression_algorithm': 2 } : {},
  );
  onTestFinished(() => client.close());
  return (seed) => {
    const metadata = new GrpcMetadata();
    metadata.set('seed', `${seed}`);
    const call = client.both(metadata);
    const write = async (): Promise<void> => {
      for await (const text of slowly(mixed(seed), seed)) if (!call.write(text)) await once(call, 'drain');
      call.end();
    };
    write().catch((error: Error) => call.destroy(error));
    return call;
  };
}

const ours = (compressed: boolean): Promise<string> => serve(compressed ? { compression: 'gzip' } : {});

it.each([
  ['our client and our server', ours, callOurs],
  ['a client of grpc-js and our server', ours, callGrpcJs],
  ['our client and a server of grpc-js', serveGrpcJs, callOurs],
])('goes both ways at once between %s', { timeout: 120_000 }, async (_, server, client) => {
  for (const compressed of [false, true]) {
    const call = client(await server(compressed), compressed);
    const seeds = Array.from({ length: streams }, (_, i) => 100 * (i + 1));
    const outcomes = await Promise.all(seeds.map((seed) => read(call(seed), seed + 4)));
    const expected = seeds.map((seed) => ({ own: digestOf(mixed(seed + 2)), others: digestOf(mixed(seed)) }));
    expect(outcomes).toEqual(expected);
  }
});

/** DATA as it is cut by somebody who does not know of messages. */
function cut(seed: number): Buffer[] {
  const random = seededRandom(seed);
  const whole = Buffer.concat([...mixed(seed)].map(({ text }) => frame(textMessage(text))));
  const chunks: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const end = at + 1 + Math.floor(random() * (random() < 0.3 ? 50 : 20_000));
    chunks.push(whole.subarray(at, end));
    at = end;
  }
  return chunks;
}

it('takes requests whose DATA is padded', async () => {
  const call = bareGrpc(await serve(), { paddingStrategy: http2.PADDING_STRATEGY_MAX });
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const outcomes = await Promise.all(seeds.map((seed) => call('/kinds.v1.Kinds/Many', cut(seed))));
  const bodies = outcomes.map(({ messages }) => messages[0]?.body.toString('latin1'));
  for (const [i, seed] of seeds.entries()) expect(bodies[i]).toContain(digestOf(mixed(seed)));
});

it('sends to peers that take little at a time', async () => {
  const address = await serve();
  const seeds = [1, 2, 3, 4];
  for (const initialWindowSize of [1000, 20_000, 70_000]) {
    const call = bareGrpc(address, { settings: { initialWindowSize } });
    const outcomes = await Promise.all(
      seeds.map((seed) => call('/kinds.v1.Kinds/Both', cut(seed), { seed: `${seed}` })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(seeds.map(() => 0));
    for (const [i, seed] of seeds.entries()) {
      const texts = outcomes[i]!.messages.map((message) => textIn(message)!);
      expect(texts.at(-1)).toBe(verdict + digestOf(mixed(seed)));
      expect(texts.slice(0, -1)).toEqual([...mixed(seed + 2)].map(({ text }) => text));
    }
  }
});

it('takes replies whose DATA is padded', async () => {
  const server = createServer({ paddingStrategy: http2.PADDING_STRATEGY_MAX });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('error', () => undefined);
    stream.resume();
    Readable.from(cut((stream.id! + 1) / 2)).pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const client = connect(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const outcomes = await Promise.all(seeds.map((seed) => read(client.flow({ text: '' }), seed)));
  expect(new Set(outcomes.map(({ own }) => own))).toEqual(
    new Set(seeds.map((seed) => digestOf(mixed(seed)))),
  );
});

it('tells the core of what was taken once in 32 KiB', async () => {
  const count = 10_000;
  const told = { requests: 0, replies: 0 };
  const address = await serve({
    transport: (...args) => {
      const transport = nativeServerTransport(...args);
      const taken = transport.taken.bind(transport);
      transport.taken = (low, high, bytes) => {
        told.requests++;
        taken(low, high, bytes);
      };
      return transport;
    },
  });
  const channel = new Channel(address, {
    protocol: 'grpc',
    transport: (...args) => {
      const transport = nativeClientTransport(...args);
      const taken = transport.taken.bind(transport);
      transport.taken = (call, bytes) => {
        told.replies++;
        taken(call, bytes);
      };
      return transport;
    },
  });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const client = createClient(Kinds, channel);
  let read = 0;
  for await (const { text } of client.flow({ text: `${count}` })) read += text.length;
  expect(read).toBe(100 * count);
  await client.many(Array.from({ length: count }, () => ({ text: letters.slice(0, 100) })));
  const wireBytes = count * (textMessage(letters.slice(0, 100)).length + messageHeadBytes);
  // 3.3 of a thousand messages.
  for (const times of [told.requests, told.replies]) {
    expect(times).toBeLessThanOrEqual(wireBytes / takenStepBytes);
    expect(times).toBeGreaterThan(wireBytes / (2 * takenStepBytes));
  }
});
