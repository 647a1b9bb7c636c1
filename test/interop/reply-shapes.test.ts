/** Replies of every shape that HTTP/2 allows, and some that it does not, from a server of another make (Go's frames). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel, createClient, RpcError } from '../../lib/index.ts';
import { gate } from '../support/loopback.ts';
import { Kinds, type Text } from '../support/memory-kinds.ts';
import { peersAreMissing } from './support/peers.ts';
import { startTroubledServer, type TroubledServer } from './support/troubled-server.ts';

const kinds = ['one', 'many', 'flow', 'both'] as const;
type Kind = (typeof kinds)[number];
const text = 'some text';
/** 'OK', with so many replies; or the code. */
type Outcome = 'OK' | `OK ${number}` | string;

const single: readonly Kind[] = ['one', 'many'];
const streamed: readonly Kind[] = ['flow', 'both'];
const open: readonly Kind[] = ['many', 'both'];

const rows: readonly (readonly [wish: string, outcome: Outcome, only?: readonly Kind[]])[] = [
  ['usual', 'OK 1'],
  ['trailers-only-5', 'NOT_FOUND: so be it'],
  ['trailers-only-0', 'INTERNAL', single],
  ['trailers-only-0', 'OK 0', streamed],
  ['status-1', 'CANCELLED'],
  ['status-4', 'DEADLINE_EXCEEDED'],
  ['status-10', 'ABORTED'],
  ['status-16', 'UNAUTHENTICATED'],
  ['status-17', 'UNKNOWN'],
  ['status-99999999999', 'UNKNOWN'],
  ['status-abc', 'UNKNOWN'],
  ['status-', 'UNKNOWN'],
  ['twice', 'UNKNOWN'],
  ['message', 'FAILED_PRECONDITION: 50% ä %zz é%'],
  ['no-status', 'UNKNOWN'],
  ...['html', 'html-alone'].flatMap((shape) => httpRows(shape)),
  ...httpRows('html-early', open),
  ['http-with-grpc-403', 'PERMISSION_DENIED'],
  ['http-with-grpc-500', 'PERMISSION_DENIED'],
  ['type-and-params', 'OK 1'],
  ['type-proto', 'OK 1'],
  ['type-web', 'UNKNOWN'],
  ['informational', 'OK 1'],
  ['data-end', 'INTERNAL'],
  ['no-message', 'INTERNAL', single],
  ['no-message', 'OK 0', streamed],
  ['two-messages', 'INTERNAL', single],
  ['two-messages', 'OK 2', streamed],
  ['half-message', 'INTERNAL'],
  ...['data', 'reset', 'window'].map((what) => [`behind-the-end-${what}`, 'OK 1'] as const),
  ...[1, 7, 255].map((padding) => [`padded-${padding}`, 'OK 1'] as const),
  ...[1, 2, 5].map((bytes) => [`data-cut-${bytes}`, 'OK 1'] as const),
  ...Array.from({ length: 32 }, (_, bytes) => [`block-cut-${bytes}`, 'OK 1'] as const),
  ...['reset', 'reset-first', 'reset-answered'].flatMap((shape) => resetRows(shape)),
  ['reset-answered-7', 'UNAVAILABLE'],
  ['enough-0', 'OK 1'],
  ['enough-5', 'NOT_FOUND'],
  ['large-trailers', 'RESOURCE_EXHAUSTED'],
  ['upper-case', 'INTERNAL'],
  ['connection', 'INTERNAL'],
];

function httpRows(shape: string, only: readonly Kind[] = kinds) {
  const codes = {
    200: 'UNKNOWN',
    302: 'UNKNOWN',
    400: 'INTERNAL',
    401: 'UNAUTHENTICATED',
    403: 'PERMISSION_DENIED',
    404: 'UNIMPLEMENTED',
    429: 'UNAVAILABLE',
    500: 'UNKNOWN',
    502: 'UNAVAILABLE',
    503: 'UNAVAILABLE',
    504: 'UNAVAILABLE',
  };
  return Object.entries(codes).map(([status, code]) => [`${shape}-${status}`, code, only] as const);
}

/** By the table of gRPC over HTTP/2. */
function resetRows(shape: string) {
  // Without REFUSED_STREAM, after which the call is made again.
  const others = new Map([
    [8, 'CANCELLED'],
    [11, 'RESOURCE_EXHAUSTED'],
    [12, 'PERMISSION_DENIED'],
    [99, 'UNKNOWN'],
  ]);
  const codes = [...Array.from({ length: 14 }, (_, code) => code).filter((code) => code !== 7), 99];
  return codes.map((code) => [`${shape}-${code}`, others.get(code) ?? 'INTERNAL'] as const);
}

describe.skipIf(peersAreMissing('troubled-server'))('our client', () => {
  let server: TroubledServer;
  let channel: Channel;

  beforeAll(async () => {
    server = await startTroubledServer('none');
    channel = connect(server);
  });
  afterAll(async () => {
    await channel.close({ drainMs: 0 });
    const { violations } = await server.report();
    await server.stop();
    expect(violations).toEqual([]);
  });

  const cases = rows.map(([wish, outcome, only = kinds]) => ({ wish, outcome, only }));
  it.each(cases)('makes of $wish: $outcome', async ({ wish, outcome, only }) => {
    for (const kind of only) {
      const [code] = outcome.split(':', 1);
      const got = await outcomeOf(channel, kind, wish);
      expect(`${kind} ${code === outcome ? got.split(':', 1)[0] : got}`).toBe(`${kind} ${outcome}`);
    }
    // On the one connection that there is: no reply has harmed another.
    expect(await outcomeOf(channel, 'one', 'usual')).toBe('OK 1');
    expect(channel.stats().connects).toBe(1);
  });

  it('ends a connection on which a reply begins twice, and calls on another one', async () => {
    for (const kind of kinds) {
      expect(await outcomeOf(channel, kind, 'behind-the-end-headers')).toBe('OK 1');
      expect(await outcomeOf(channel, kind, 'usual')).toBe('OK 1');
    }
  });
});

describe.skipIf(peersAreMissing('troubled-server'))('our client keeps to SETTINGS', () => {
  it.each([{ 1: 0 }, { 1: 2 ** 20 }, { 5: 2 ** 24 - 1 }, { 4: 1 }, { 4: 2 ** 31 - 1 }, { 3: 1 }, { 99: 1 }])(
    '%j',
    async (settings) => {
      const server = await startTroubledServer('none', settings);
      const channel = connect(server);
      try {
        for (let n = 0; n < 3; n++)
          for (const kind of kinds) expect(await outcomeOf(channel, kind, 'usual')).toBe('OK 1');
        expect(await server.report()).toMatchObject({ violations: [], connections: 1 });
      } finally {
        await channel.close({ drainMs: 0 });
        await server.stop();
      }
    },
  );

  it('MAX_HEADER_LIST_SIZE, and says so', async () => {
    const server = await startTroubledServer('none', { 6: 100 });
    const channel = connect(server);
    try {
      for (const kind of kinds)
        expect(await outcomeOf(channel, kind, 'usual')).toMatch(
          /^RESOURCE_EXHAUSTED: .*SETTINGS_MAX_HEADER_LIST_SIZE/,
        );
      expect((await server.report()).handled).toEqual({});
    } finally {
      await channel.close({ drainMs: 0 });
      await server.stop();
    }
  });
});

function connect({ port }: TroubledServer): Channel {
  return new Channel(`grpc://127.0.0.1:${port}`, { logger: false, connections: 1, timeoutMs: 20_000 });
}

async function outcomeOf(channel: Channel, kind: Kind, wish: string): Promise<Outcome> {
  const client = createClient(Kinds, channel);
  const isOpen = /^(enough|html-early|reset-first)/.test(wish);
  const answered = gate();
  const requests = async function* (): AsyncGenerator<Text> {
    yield { text };
    if (isOpen) await answered.promise;
    else yield { text };
  };
  const options = { metadata: { 'x-reply': wish }, timeoutMs: 20_000 };
  try {
    const texts: string[] = [];
    if (kind === 'one') texts.push((await client.one({ text }, options)).text);
    else if (kind === 'many') texts.push((await client.many(requests(), options)).text);
    else {
      const replies = kind === 'flow' ? client.flow({ text }, options) : client.both(requests(), options);
      for await (const reply of replies) texts.push(reply.text);
    }
    expect(texts.filter((reply) => reply !== text)).toEqual([]);
    return `OK ${texts.length}`;
  } catch (error) {
    if (error instanceof RpcError) return `${error.code}: ${error.message}`;
    throw error;
  } finally {
    answered.resolve();
  }
}
