/** Credentials of calls over real connections: what servers are told by TLS, and what is on the wire without it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type CallContext,
  type CallCredentials,
  type CallOptions,
  Channel,
  type ChannelOptions,
  type CredentialsRequest,
  type HedgingPolicyConfig,
  type MetadataInit,
  RpcError,
} from '../../lib/index.ts';
import { openKinds, serveKinds } from '../support/kinds-server.ts';
import { gate } from '../support/loopback.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';
import { TestAuthority } from '../support/test-authority.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('another authority');
afterAll(() => {
  authority.remove();
  stranger.remove();
});
const { key, cert } = authority.issue('localhost');
const ca = authority.cert;
/** It gets shorter by compression. */
const text = 'x'.repeat(1000);

interface Seen {
  readonly authorization: unknown;
  readonly own: unknown;
  readonly attempt: number;
  readonly compression: string;
}

/** A server of all kinds of methods, and what it was told by each attempt; `meet` decides how the attempt ends. */
async function serve(meet: (nth: number) => unknown = () => undefined, secure = true) {
  const seen: Seen[] = [];
  const note = async (context: CallContext): Promise<void> => {
    const { metadata, previousAttempts, requestCompression } = context;
    seen.push({
      authorization: metadata.getAll('authorization'),
      own: metadata.get('own'),
      attempt: previousAttempts + 1,
      compression: requestCompression,
    });
    await meet(seen.length);
  };
  const handlers: KindsHandlers = {
    one: async ({ text }, context) => {
      await note(context);
      return { text: `${text.length}` };
    },
    many: async (requests, context) => {
      let length = 0;
      for await (const { text } of requests) length += text.length;
      await note(context);
      return { text: `${length}` };
    },
    flow: async function* ({ text }, context) {
      await note(context);
      yield { text: `${text.length}` };
    },
    both: async function* (requests, context) {
      let length = 0;
      for await (const { text } of requests) length += text.length;
      await note(context);
      yield { text: `${length}` };
    },
  };
  const { address } = await serveKinds(handlers, secure ? { tls: { key, cert } } : {});
  return { port: Number(address.slice(address.lastIndexOf(':') + 1)), seen };
}

/** Tokens that differ for each time they are asked for. */
function tokens() {
  const asked: CredentialsRequest[] = [];
  const credentials: CallCredentials = async (request) => {
    asked.push(request);
    return { authorization: `Bearer ${asked.length}` };
  };
  return { asked, credentials };
}

const metadata = { authorization: 'of the call', own: 'stays' };
type Client = ReturnType<typeof openKinds>['client'];
type Kind = 'one' | 'many' | 'flow' | 'both';

/** One request of 1000 characters, or two; the reply tells how many have arrived. */
async function call(client: Client, kind: Kind, more: CallOptions = {}): Promise<string> {
  const options = { metadata, ...more };
  const requests = [{ text }, { text }];
  if (kind === 'one') return (await client.one({ text }, options)).text;
  if (kind === 'many') return (await client.many(requests, options)).text;
  const replies = kind === 'flow' ? client.flow({ text }, options) : client.both(requests, options);
  let all = '';
  for await (const { text } of replies) all += text;
  return all;
}

const lengths = { one: '1000', many: '2000', flow: '1000', both: '2000' } as const;
const kinds = Object.keys(lengths) as Kind[];
const retry = { maxAttempts: 3, idempotent: true, backoff: { minMs: 1, maxMs: 1 } };
const hedgingPolicy: HedgingPolicyConfig = { maxAttempts: 3, hedgingDelay: '0s' };
const serviceConfig = { methodConfig: [{ name: [{}], hedgingPolicy }] };
/** By tls:// calls with one request and one reply are of TinyPB, and all others of gRPC. */
const ways = ['grpcs', 'tls'].flatMap((scheme) => kinds.map((kind) => [scheme, kind] as const));
const hasAttempts = (scheme: string, kind: Kind): boolean => scheme === 'grpcs' || kind !== 'one';

describe.each(ways)('by %s, to a method of kind %s, credentials', (scheme, kind) => {
  const isGrpc = hasAttempts(scheme, kind);

  it('are sent with each call, in place of what has their keys', async () => {
    const { port, seen } = await serve();
    const { asked, credentials } = tokens();
    const target = `${scheme}://localhost:${port}`;
    const { channel, client } = openKinds(target, { tls: { ca }, credentials });
    await channel.ready();
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(await call(client, kind, { credentials: () => ({ authorization: 'own' }) })).toBe(lengths[kind]);
    expect(await call(client, kind, { credentials: false })).toBe(lengths[kind]);
    const { wireName: method } = Kinds.methods[kind];
    expect(asked).toMatchObject([1, 2].map(() => ({ method, target, attempt: 1 })));
    const sent = [['Bearer 1'], ['Bearer 2'], ['own'], ['of the call']];
    expect(seen).toMatchObject(sent.map((authorization) => ({ authorization, own: 'stays' })));
  });

  it('are asked again when the call had to wait for a connection: by then they may have expired', async () => {
    const { port, seen } = await serve();
    const { asked, credentials } = tokens();
    const { client } = openKinds(`${scheme}://localhost:${port}`, { tls: { ca }, credentials });
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(asked.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(seen).toMatchObject([{ authorization: ['Bearer 2'], attempt: 1 }]);
  });

  it('are asked again for each attempt of a call that is retried', async () => {
    const { port, seen } = await serve((nth) => {
      if (nth < 3) throw new RpcError('UNAVAILABLE', 'again');
    });
    const { asked, credentials } = tokens();
    const { channel, client } = openKinds(`${scheme}://localhost:${port}`, {
      tls: { ca },
      credentials,
      retry,
    });
    await channel.ready();
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(asked.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const sent = [1, 2, 3].map((attempt) => ({
      authorization: [`Bearer ${attempt}`],
      own: 'stays',
      attempt: isGrpc ? attempt : 1,
    }));
    expect(seen).toMatchObject(sent);
  });

  it('are asked again for each attempt of a call that is hedged', async () => {
    const all = gate();
    const { port, seen } = await serve((nth) => {
      if (nth === 3) all.resolve();
      return all.promise;
    });
    const { asked, credentials } = tokens();
    const { channel, client } = openKinds(`${scheme}://localhost:${port}`, {
      tls: { ca },
      credentials,
      serviceConfig,
    });
    await channel.ready();
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(asked.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const byToken = seen.toSorted((a, b) => (`${a.authorization}` < `${b.authorization}` ? -1 : 1));
    const sent = [1, 2, 3].map((attempt) => ({
      authorization: [`Bearer ${attempt}`],
      own: 'stays',
      attempt: isGrpc ? attempt : 1,
    }));
    expect(byToken).toMatchObject(sent);
  });
});

describe.each(kinds)('of compressed requests, of a method of kind %s, credentials', (kind) => {
  it.each([
    ['sent once', {}, 1],
    ['retried', { retry }, 3],
    ['hedged', { serviceConfig }, 3],
  ] as const)('are sent with each attempt, %s', async (_, options, attempts) => {
    const all = gate();
    const { port, seen } = await serve((nth) => {
      if ('retry' in options && nth < attempts) throw new RpcError('UNAVAILABLE', 'again');
      if (nth === attempts) all.resolve();
      return all.promise;
    });
    const { asked, credentials } = tokens();
    const { channel, client } = openKinds(`grpcs://localhost:${port}`, {
      tls: { ca },
      credentials,
      compression: 'gzip',
      ...options,
    });
    await channel.ready();
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(asked.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: attempts }, (_each, i) => i + 1),
    );
    const byToken = seen.toSorted((a, b) => (`${a.authorization}` < `${b.authorization}` ? -1 : 1));
    const sent = asked.map(({ attempt }) => ({
      authorization: [`Bearer ${attempt}`],
      own: 'stays',
      attempt,
      compression: 'gzip',
    }));
    expect(byToken).toEqual(sent);
  });
});

describe.each(ways)('by %s, to a method of kind %s, a call fails whose credentials', (scheme, kind) => {
  const options: Record<string, ChannelOptions> = { once: {}, retried: { retry }, hedged: { serviceConfig } };
  const failures: Record<string, CallCredentials> = {
    throw: () => {
      throw new Error('no token');
    },
    reject: () => Promise.reject(new Error('no token')),
  };
  const cases = Object.keys(options).flatMap((how) => Object.keys(failures).map((what) => [what, how]));

  it.each(cases)('%s, %s', async (what, how) => {
    const { port, seen } = await serve();
    const { channel, client } = openKinds(`${scheme}://localhost:${port}`, {
      tls: { ca },
      credentials: failures[what!]!,
      ...options[how!],
    });
    await channel.ready();
    const failed = { code: 'UNAUTHENTICATED', message: expect.stringContaining('no token') };
    await expect(call(client, kind)).rejects.toMatchObject(failed);
    expect(seen).toEqual([]);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0, callsInFlight: 0 });
  });

  it.each(['retried', 'hedged'])('are late, %s: they are not used', async (how) => {
    const late = gate<MetadataInit>();
    const { port, seen } = await serve((nth) => {
      if (how === 'retried' && nth === 1) throw new RpcError('UNAVAILABLE', 'again');
    });
    const abort = new AbortController();
    const { channel, client } = openKinds(`${scheme}://localhost:${port}`, {
      tls: { ca },
      credentials: ({ attempt }) => {
        if (attempt === 1) return { authorization: 'first' };
        if (how === 'retried') abort.abort();
        return late.promise;
      },
      ...options[how],
    });
    await channel.ready();
    const made = call(client, kind, { signal: abort.signal });
    if (how === 'retried') await expect(made).rejects.toMatchObject({ code: 'CANCELLED' });
    else expect(await made).toBe(lengths[kind]);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0, callsInFlight: 0 });
    late.resolve({ authorization: 'late' });
    await late.promise;
    expect(await call(client, kind, { credentials: false })).toBe(lengths[kind]);
    expect(seen.map(({ authorization }) => `${authorization}`).filter((each) => each === 'late')).toEqual([]);
  });
});

/** A way to a server on which all that the client sends can be looked at. */
async function wireTo(port: number) {
  const bytes: Buffer[] = [];
  const proxy = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const end of [socket, onward]) end.on('error', () => undefined);
    socket.on('data', (piece) => bytes.push(piece));
    socket.pipe(onward).pipe(socket);
    onTestFinished(() => {
      socket.destroy();
      onward.destroy();
    });
  });
  onTestFinished(() => void proxy.close());
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return { port: (proxy.address() as AddressInfo).port, sent: () => Buffer.concat(bytes).toString('latin1') };
}

const secret = 'the-secret-of-calls';

describe('on a connection without TLS', () => {
  const plainWays = ways.map(([scheme, kind]) => [scheme === 'tls' ? '' : 'grpc://', kind] as const);

  it.each(plainWays)('nothing is sent, by "%s", to a method of kind %s', async (scheme, kind) => {
    const { port, seen } = await serve(undefined, false);
    let asked = 0;
    const credentials: CallCredentials = () => {
      asked++;
      return { authorization: secret };
    };
    const wire = await wireTo(port);
    const target = `${scheme}127.0.0.1:${wire.port}`;
    const passing: ChannelOptions = { interceptors: [(each, next) => next(each)] };
    // Hedging last: another attempt may come late.
    const all: ChannelOptions[] = [{}, passing, { retry }, { compression: 'gzip' }, { serviceConfig }];
    for (const options of all) {
      expect(() => new Channel(target, { ...options, credentials })).toThrow(TypeError);
      const { client } = openKinds(target, options);
      expect(await call(client, kind)).toBe(lengths[kind]);
      const before = seen.length;
      await expect(call(client, kind, { credentials })).rejects.toThrow(TypeError);
      await expect(call(client, kind, { credentials })).rejects.toThrow(/allowInsecureCredentials/);
      expect(await call(client, kind)).toBe(lengths[kind]);
      if (options.serviceConfig === undefined) expect(seen.length).toBe(before + 1);
    }
    expect(wire.sent()).toContain('stays');
    expect(wire.sent()).not.toContain(secret);
    expect(asked).toBe(0);
  });

  it.each(plainWays)('it would be seen if it were, by "%s", to a method of kind %s', async (scheme, kind) => {
    const { port, seen } = await serve(undefined, false);
    const wire = await wireTo(port);
    const { client } = openKinds(`${scheme}127.0.0.1:${wire.port}`, {
      credentials: () => ({ authorization: secret }),
      allowInsecureCredentials: true,
    });
    expect(await call(client, kind)).toBe(lengths[kind]);
    expect(seen).toMatchObject([{ authorization: [secret], own: 'stays' }]);
    expect(wire.sent()).toContain(secret);
  });
});

describe.each(ways)('by %s, to a method of kind %s, a token stays here', (scheme, kind) => {
  const credentials: CallCredentials = () => ({ authorization: secret });

  it('where the server has no TLS', async () => {
    const { port, seen } = await serve(undefined, false);
    const wire = await wireTo(port);
    const { client } = openKinds(`${scheme}://localhost:${wire.port}`, { tls: { ca }, credentials });
    await expect(call(client, kind)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([]);
    expect(wire.sent()).not.toBe('');
    expect(wire.sent()).not.toContain(secret);
  });

  it('where the server is another one', async () => {
    const { port, seen } = await serve();
    const target = `${scheme}://localhost:${port}`;
    const { client } = openKinds(target, { tls: { ca: stranger.cert }, credentials });
    await expect(call(client, kind)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const wrongName = openKinds(target, { tls: { ca, servername: 'other.example' }, credentials });
    await expect(call(wrongName.client, kind)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([]);
  });

  it('where any server is believed', async () => {
    const { port, seen } = await serve();
    const target = `${scheme}://localhost:${port}`;
    const tls = { rejectUnauthorized: false };
    expect(() => new Channel(target, { tls, credentials })).toThrow(/allowInsecureCredentials/);
    const { client } = openKinds(target, { tls });
    await expect(call(client, kind, { credentials })).rejects.toThrow(/allowInsecureCredentials/);
    expect(seen).toEqual([]);
  });
});
