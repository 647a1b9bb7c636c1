import { describe, expect, it } from 'vitest';
import {
  Channel,
  type ChannelOptions,
  type ClientTlsIdentity,
  type ClientTlsOptions,
  createLogger,
  type EtcdOptions,
  etcd,
  type ListenOptions,
  type LoadProtoOptions,
  LocalDiscovery,
  type LoggerOptions,
  loadProto,
  type ReadyOptions,
  type RegisterOptions,
  type RetryOptions,
  RpcError,
  type RpcErrorOptions,
  rocketDestination,
  Server,
  type ServerOptions,
  type ServerTlsIdentity,
  type ServerTlsOptions,
  type TlsKey,
  type TlsPfx,
  type WatchStateOptions,
} from '../../lib/index.ts';
import { encodeRequest, type LoadOptions, type RequestOptions, runLoad } from '../../lib/load/index.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { describeTakers, isTrap, type KindOf, refusal, type Taker } from '../support/option-takers.ts';
import { Order, orderProto } from '../support/order.ts';
import { wrongTypes } from '../support/wrong-values.ts';

const network = new MemoryNetwork();
const target = '10.0.0.1:1';
/** With others that are right; what is no plain object is passed as it is. */
const and = (others: object, options: unknown): object =>
  Object.getPrototypeOf(Object(options)) === Object.prototype && Object(options) === options
    ? { ...others, ...(options as object) }
    : (options as object);
const channel = (options: object) =>
  new Channel(target, and({ transport: network.clientTransport }, options) as ChannelOptions);
const inside = (name: string, take: (options: object) => unknown) => (value: object) =>
  take({ [name]: value });

async function listen(options: object): Promise<unknown> {
  const server = new Server({ transport: new MemoryNetwork().serverTransport });
  return server.addService(Order, { makeOrder: () => ({}) }).listen('10.0.0.1:0', options as ListenOptions);
}

const register = (options: object) =>
  new LocalDiscovery().register('Order', '10.0.0.1:1', options as RegisterOptions);

const request = { method: 'Order.makeOrder', body: new Uint8Array(0) };
const mode = { kind: 'count', total: 1, concurrency: 1 } as const;
const load = (options: object) => runLoad(and({ target, mode, request }, options) as LoadOptions);

let made: Certificates | undefined;
/** Made once: their files are gone with the first test, their bytes are not. */
function certificates(): Certificates {
  made ??= makeCertificates();
  return made;
}

const retry: KindOf<RetryOptions> = {
  maxAttempts: 'number',
  backoff: 'object',
  codes: 'list',
  idempotent: 'anything', // below
};
const minMax = { minMs: 'number', maxMs: 'number' } as const;

const takers: readonly Taker[] = [
  {
    name: 'new Server()',
    take: (options) => new Server(options as ServerOptions),
    options: {
      ioThreads: 'number',
      maxFrameBytes: 'number',
      maxMessageBytes: 'number',
      maxMetadataBytes: 'number',
      maxBufferedRequestBytes: 'number',
      maxWriteQueueBytes: 'number',
      frameTimeoutMs: 'number',
      idleTimeoutMs: 'number',
      maxCallsPerConnection: 'number',
      maxCallsInFlight: 'number',
      maxConnections: 'number',
      maxConcurrentStreams: 'number',
      maxConnectionAgeMs: 'number',
      maxConnectionAgeGraceMs: 'number',
      maxConnectionIdleMs: 'number',
      keepaliveTimeMs: 'number',
      keepaliveTimeoutMs: 'number',
      minPingIntervalMs: 'number',
      permitPingsWithoutCalls: 'boolean',
      defaultTimeoutMs: 'number',
      backlog: 'number',
      exposeErrors: 'boolean',
      asyncContext: 'boolean',
      health: 'switch',
      reflection: 'boolean',
      interceptors: 'list',
      logger: 'settings',
      protocols: 'list',
      compression: 'object',
      tls: 'object',
      transport: 'function',
    } satisfies KindOf<ServerOptions>,
  },
  {
    name: 'tls',
    take: inside('tls', (options) => new Server(options as ServerOptions)),
    options: {
      key: 'pem',
      cert: 'pem',
      pfx: 'object',
      passphrase: 'text',
      ca: 'pem',
      crl: 'pem',
      requestCert: 'boolean',
      rejectUnauthorized: 'boolean',
      ciphers: 'text',
      minVersion: 'object',
      maxVersion: 'object',
      ecdhCurve: 'text',
      dhparam: 'pem',
      ticketKeys: 'object',
      allowPlain: 'boolean',
      handshakeTimeoutMs: 'number',
      maxHandshakes: 'number',
      certFile: 'text',
      keyFile: 'text',
      caFile: 'text',
      crlFile: 'text',
      watch: 'boolean',
    } satisfies KindOf<ServerTlsOptions>,
  },
  {
    name: 'tls.key',
    take: (given) => {
      const { key: pem, cert } = certificates();
      return new Server({ tls: { key: and({ pem }, given), cert } as ServerTlsOptions });
    },
    options: { pem: 'pem', passphrase: 'text' } satisfies KindOf<TlsKey>,
  },
  {
    name: 'tls.pfx',
    take: (given) =>
      new Server({ tls: { pfx: and({ buf: Buffer.from('pfx') }, given) } as ServerTlsOptions }),
    options: { buf: 'pem', passphrase: 'text' } satisfies KindOf<TlsPfx>,
  },
  {
    name: 'setTls() of a server',
    take: (options) => {
      const { key, cert } = certificates();
      new Server({ tls: { key, cert } }).setTls(and({ key, cert }, options));
    },
    options: {
      key: 'pem',
      cert: 'pem',
      pfx: 'object',
      passphrase: 'text',
      ca: 'pem',
      crl: 'pem',
      requestCert: 'boolean',
      rejectUnauthorized: 'boolean',
      ciphers: 'text',
      minVersion: 'object',
      maxVersion: 'object',
      ecdhCurve: 'text',
      dhparam: 'pem',
      ticketKeys: 'object',
      certFile: 'text',
      keyFile: 'text',
      caFile: 'text',
      crlFile: 'text',
      watch: 'boolean',
    } satisfies KindOf<ServerTlsIdentity>,
  },
  {
    name: 'setTls() of a channel',
    take: (options) => {
      const { ca } = certificates();
      channel({ tls: { ca } }).setTls(and({ ca }, options));
    },
    options: {
      key: 'pem',
      cert: 'pem',
      pfx: 'object',
      passphrase: 'text',
      ca: 'pem',
      crl: 'pem',
      certFile: 'text',
      keyFile: 'text',
      caFile: 'text',
      crlFile: 'text',
      watch: 'boolean',
    } satisfies KindOf<ClientTlsIdentity>,
  },
  {
    name: 'health',
    take: inside('health', (options) => new Server(options as ServerOptions)),
    options: { blockedAfterMs: 'number' },
  },
  {
    name: 'new Channel()',
    take: channel,
    options: {
      ioThreads: 'number',
      connections: 'number',
      connection: 'object',
      connectTimeoutMs: 'number',
      backoff: 'object',
      timeoutMs: 'number',
      waitForReady: 'boolean',
      maxCallsInFlight: 'number',
      maxFrameBytes: 'number',
      maxMessageBytes: 'number',
      maxMetadataBytes: 'number',
      maxBufferedReplyBytes: 'number',
      maxQueuedBytes: 'number',
      protocol: 'object',
      keepaliveTimeMs: 'number',
      keepaliveTimeoutMs: 'number',
      keepaliveWithoutCalls: 'boolean',
      authority: 'text',
      serialConnections: 'number',
      streamTimeoutMs: 'number',
      compression: 'object',
      serviceConfig: 'object',
      dnsServiceConfig: 'boolean',
      tls: 'object',
      checksum: 'boolean',
      peerIsRocketRpc: 'boolean',
      interceptors: 'list',
      balancer: 'object',
      resolver: 'object',
      retry: 'settings',
      retryBudget: 'object',
      ejection: 'settings',
      logger: 'settings',
      transport: 'function',
      credentials: 'function',
      allowInsecureCredentials: 'boolean',
    } satisfies KindOf<ChannelOptions>,
  },
  { name: 'backoff', take: inside('backoff', channel), options: minMax },
  {
    name: 'tls of a channel',
    take: inside('tls', channel),
    options: {
      key: 'pem',
      cert: 'pem',
      pfx: 'object',
      passphrase: 'text',
      ca: 'object',
      crl: 'object',
      ciphers: 'object',
      minVersion: 'object',
      maxVersion: 'object',
      ecdhCurve: 'object',
      servername: 'text',
      rejectUnauthorized: 'boolean',
      checkServerIdentity: 'function',
      certFile: 'text',
      keyFile: 'text',
      caFile: 'text',
      crlFile: 'text',
      watch: 'boolean',
    } satisfies KindOf<ClientTlsOptions>,
  },
  { name: 'retry', take: inside('retry', channel), options: retry },
  { name: 'retry.backoff', take: inside('retry', inside('backoff', channel)), options: {} },
  {
    name: 'retryBudget',
    take: inside('retryBudget', channel),
    options: { ratio: 'number', perSecond: 'number' },
  },
  {
    name: 'ejection',
    take: inside('ejection', channel),
    options: {
      consecutiveFailures: 'number',
      errorRate: 'number',
      minCalls: 'number',
      windowMs: 'number',
      baseMs: 'number',
      maxMs: 'number',
      maxShare: 'number',
    },
  },
  {
    name: 'listen()',
    take: listen,
    options: {
      registry: 'object',
      advertise: 'text',
      ttlSeconds: 'number',
      weight: 'number',
      metadata: 'object',
      registerTimeoutMs: 'number',
      signal: 'object',
    } satisfies KindOf<ListenOptions>,
  },
  {
    name: 'ready()',
    take: (options) => channel({}).ready(options),
    options: { timeoutMs: 'number', signal: 'object' } satisfies KindOf<ReadyOptions>,
  },
  {
    name: 'watchState()',
    take: (options) => channel({}).watchState(options),
    options: { signal: 'object' } satisfies KindOf<WatchStateOptions>,
  },
  {
    name: 'new RpcError()',
    take: (options) => new RpcError('NOT_FOUND', 'x', options),
    options: {
      wireCode: 'code',
      metadata: 'metadata',
      details: 'list',
      cause: 'anything',
      requestWritten: 'boolean',
    } satisfies KindOf<RpcErrorOptions>,
  },
  {
    name: 'close() of a server',
    take: (options) => new Server().close(options),
    options: { drainMs: 'number', withdrawMs: 'number' },
  },
  {
    name: 'close() of a channel',
    take: (options) => channel({}).close(options),
    options: { drainMs: 'number' },
  },
  {
    name: 'etcd()',
    take: (options) => etcd(options as EtcdOptions),
    options: {
      hosts: 'object',
      auth: 'object',
      tls: 'anything', // below
      prefix: 'text',
      requestTimeoutMs: 'number',
      graceMs: 'number',
      cacheDirectory: 'text',
      logger: 'settings',
    } satisfies KindOf<EtcdOptions>,
  },
  {
    name: 'auth of etcd()',
    take: (auth) => etcd({ auth: and({ username: 'u', password: 'p' }, auth) } as EtcdOptions),
    options: { username: 'text', password: 'text' },
  },
  {
    name: 'register()',
    take: register,
    options: {
      ttlSeconds: 'number',
      weight: 'number',
      metadata: 'object',
      signal: 'object',
      onError: 'function',
    } satisfies KindOf<RegisterOptions>,
  },
  {
    name: 'loadProto()',
    take: (options) => loadProto(orderProto, options as LoadProtoOptions),
    options: {
      includeDirs: 'list',
      keepCase: 'boolean',
      longs: 'object',
      dates: 'boolean',
      unknownFields: 'object',
      base64: 'boolean',
    } satisfies KindOf<LoadProtoOptions>,
  },
  ...[createLogger, rocketDestination].map(
    (make): Taker => ({
      name: `${make.name}()`,
      take: (options) => make(and({ stream: 'stderr' }, options) as LoggerOptions),
      options: {
        stream: 'object',
        maxFileBytes: 'number',
        maxFiles: 'number',
        bufferBytes: 'number',
        queueBytes: 'number',
        gatherMs: 'number',
        flushTimeoutMs: 'number',
        whenFull: 'object',
        directory: 'anything', // those that are right would be made
        name: 'text',
        gzip: 'boolean',
        saveFromCrashes: 'boolean',
        flushOnSignals: 'boolean',
        reopenOnSighup: 'boolean',
      },
    }),
  ),
  {
    name: 'runLoad()',
    take: load,
    options: {
      target: 'anything', // read by Channel
      protocol: 'object',
      mode: 'object',
      request: 'object',
      threads: 'number',
      connections: 'number',
      short: 'anything', // a right one would run
      timeoutMs: 'number',
      warmupSeconds: 'number',
      metadata: 'anything',
      tls: 'object',
      signal: 'object',
      onReached: 'function',
      onProgress: 'function',
    } satisfies KindOf<LoadOptions>,
  },
  {
    name: 'encodeRequest()',
    take: (options) => encodeRequest(options as RequestOptions),
    options: { proto: 'anything', method: 'anything', data: 'anything', payloadBytes: 'number' },
  },
];

describeTakers(takers);

describe('interceptors that are no list of functions let nobody in', () => {
  const auth = async () => {
    throw new Error('not allowed');
  };
  it.each<[name: string, interceptors: unknown]>([
    ['a function', auth],
    ['a Set', new Set([auth])],
    ['a Map', new Map([['auth', auth]])],
    ['a Promise', Promise.resolve([auth])],
    ['an object', { auth }],
    ['an array-like', { length: 1, 0: auth }],
    ['an iterator', [auth].values()],
    ['undefined before it', [undefined, auth]],
    // biome-ignore lint/suspicious/noSparseArray: what is tested
    ['a hole before it', [, auth]],
    ['a list in a list', [[auth]]],
    ['a promise of one', [Promise.resolve(auth)]],
    ['null', null],
  ])('%s', (_name, interceptors) => {
    expect(() => new Server({ interceptors } as ServerOptions)).toThrow(/interceptors/);
    expect(() => channel({ interceptors })).toThrow(/interceptors/);
  });

  it('a list that is changed later changes nothing', async () => {
    const list = [auth];
    const server = new Server({ interceptors: list, transport: network.serverTransport });
    server.addService(Order, { makeOrder: () => ({}) });
    list.length = 0;
    const { address } = await server.listen('10.0.0.7:0');
    const reply = await network.servers.get(address)?.request({
      method: 'Order.makeOrder',
      body: Buffer.alloc(0),
      timeoutMs: 0,
      metadata: '',
      msgId: 'id',
    });
    expect(reply?.wireCode).not.toBe(0);
  });
});

describe('retry.idempotent', () => {
  it.each(
    wrongTypes.filter(
      ([type]) => !['undefined', 'true', 'false', 'an array', 'an array of another realm'].includes(type),
    ),
  )('%s is refused', async (type, make) => {
    const error = await refusal(() => channel({ retry: { idempotent: make() } }));
    expect(error).toBeDefined();
    if (!isTrap(type)) expect((error as Error).message).toContain('idempotent');
  });
});

describe('tls of etcd()', () => {
  it.each(wrongTypes.filter(([type]) => !['undefined', 'true'].includes(type)))(
    '%s is refused',
    async (type, make) => {
      const error = await refusal(() => etcd({ tls: make() } as EtcdOptions));
      expect(error).toBeDefined();
      if (!isTrap(type)) expect(error).toBeInstanceOf(TypeError);
    },
  );
});
