/** `rocket bench --protocol grpc`, with methods of every kind. */
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import {
  type Bidi,
  type ClientStream,
  loadProto,
  Server,
  type ServerStream,
  type Unary,
} from '../../lib/index.ts';
import { type Child, startChild } from '../support/child.ts';

const soonMs = 15_000;
const proto = 'test/support/protos/kinds.proto';

interface M {
  text?: string;
}

interface Services {
  Kinds: {
    one: Unary<M, M>;
    many: ClientStream<M, M>;
    flow: ServerStream<M, M>;
    both: Bidi<M, M>;
  };
}

function bench(...args: string[]): Promise<Child> {
  return startChild('../../../dist/lib/cli/main.js', ['bench', ...args]);
}

it('brings its own server', async () => {
  const child = await bench('-n', '500', '-c', '20', '--protocol', 'grpc');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toMatch(/^ {2}protocol {4}gRPC$/m);
  expect(child.output).toMatch(/^ {2}succeeded {3}500 \(100 %\)$/m);
});

async function startKinds() {
  const seen: string[] = [];
  const { Kinds } = loadProto<Services>(proto);
  const server = new Server({ logger: false });
  server.addService(Kinds, {
    one: ({ text = '' }) => {
      seen.push(text);
      return { text };
    },
    many: async (requests) => {
      for await (const { text = '' } of requests) seen.push(text);
      return {};
    },
    async *flow({ text = '' }, { signal }) {
      seen.push(text);
      for (let i = 0; i < 3; i++) yield { text };
      if (text === 'failing') throw new Error('in the middle');
      if (text === 'endless') await once(signal, 'abort');
    },
    async *both(requests) {
      for await (const { text = '' } of requests) {
        seen.push(text);
        yield { text };
      }
    },
  });
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { address } = await server.listen('127.0.0.1:0');
  return { address, seen, server };
}

it.each(['One', 'Many', 'Flow', 'Both'])('calls %s', async (name) => {
  const { address, seen, server } = await startKinds();
  const method = `kinds.v1.Kinds.${name}`;
  const child = await bench(
    ...['-n', '200', '-c', '10', '--threads', '2', '--protocol', 'grpc', '--target', address],
    ...['--proto', proto, '--method', method, '--data', '{"text":"a"}'],
  );
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toMatch(/^ {2}succeeded {3}200 \(100 %\)$/m);
  expect(seen.filter((text) => text === 'a')).toHaveLength(200);
  expect(server.stats()).toMatchObject({ callsInFlight: 0, streamsOpen: 0 });
});

it('counts streams that fail or do not end', async () => {
  const { address } = await startKinds();
  const flow = async (text: string) => {
    const child = await bench(
      ...['-n', '20', '-c', '2', '--timeout', '200', '--target', `grpc://${address}`],
      ...['--proto', proto, '--method', 'Kinds.Flow', '--data', JSON.stringify({ text })],
    );
    expect(await child.exit(soonMs), child.describe()).toEqual({ code: 1, signal: null });
    return child.output;
  };
  expect(await flow('failing')).toMatch(/^errors by status\n {2}INTERNAL {2}20 {2}internal error$/m);
  expect(await flow('endless')).toMatch(
    /failed {6}20\n[\s\S]*^errors by status\n( {2}DEADLINE_EXCEEDED .*\n)+$/m,
  );
});

it('refuses a stream by TinyPB, and says what is right', async () => {
  const child = await bench(
    ...['-n', '20', '-c', '2', '--protocol', 'tinypb', '--target', 'localhost:1'],
    ...['--proto', proto, '--method', 'Kinds.Flow'],
  );
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 2, signal: null });
  expect(child.errors).toContain('kinds.v1.Kinds.Flow streams, which TinyPB cannot carry');
  expect(child.errors).toContain(
    `try: rocket bench -n 20 -c 2 --target localhost:1 --protocol grpc --proto ${proto} --method Kinds.Flow `,
  );
});

it.each([
  ['-t', '0.5', '-c', '5'],
  ['-q', '200', '-t', '0.5'],
])('streams by %s', async (...load) => {
  const { address } = await startKinds();
  const child = await bench(
    ...load,
    ...['--target', `grpc://${address}`, '--proto', proto, '--method', 'Kinds.Both', '--payload', '100'],
  );
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toMatch(/^ {2}failed {6}0$/m);
});
