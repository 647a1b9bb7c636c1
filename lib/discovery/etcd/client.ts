import type { EventEmitter } from 'node:events';
import type {
  Etcd3,
  IDuplexStream,
  ILeaseKeepAliveRequest,
  ILeaseKeepAliveResponse,
  IWatchRequest,
  IWatchResponse,
} from 'etcd3';
import { explained } from './errors.ts';
import { rangeEnd } from './keys.ts';
import { Login } from './login.ts';
import type { EtcdSettings } from './options.ts';

export interface EtcdEntry {
  readonly key: string;
  readonly value: string;
}

/** etcd's revision when it answered. */
export interface EtcdPosition {
  /** Changes if etcd was wiped or is a different cluster. */
  readonly clusterId: string;
  readonly revision: number;
}

export interface EtcdListing extends EtcdPosition {
  readonly entries: readonly EtcdEntry[];
}

/** How a prefix has changed compared with its known state. */
export interface EtcdProgress extends EtcdPosition {
  readonly count: number;
  /** A key was put after the given revision. */
  readonly changed: boolean;
}

export type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse>;
export type KeepAliveStream = IDuplexStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>;

const pageSize = 5000;

/**
 * Ends a stream. The error that this causes must reach no listener: etcd3 would treat it as a failure of the host, and
 * close the connection that its other streams use.
 */
export function leaveStream(stream: WatchStream | KeepAliveStream): void {
  (stream as unknown as EventEmitter).removeAllListeners('error');
  stream.on('error', () => undefined);
  stream.cancel();
}

interface Connected {
  readonly client: Etcd3;
  /** Undefined without the option `auth`. */
  readonly login: Login | undefined;
}

/**
 * Our requests to etcd, each with a deadline. Uses the plain RPC clients of etcd3 and not its watchers and
 * leases, which lose events and leases when etcd is unreachable (docs/decisions/0016-etcd-streams.md).
 */
export class EtcdClient {
  readonly #settings: EtcdSettings;
  #made: Promise<Connected> | undefined;
  #closed = false;

  constructor(settings: EtcdSettings) {
    this.#settings = settings;
  }

  /** All entries whose key begins with `prefix`, as of one revision. */
  async list(prefix: string): Promise<EtcdListing> {
    const from = Buffer.from(prefix);
    const range = { range_end: rangeEnd(from), limit: pageSize };
    const entries: EtcdEntry[] = [];
    let key = from;
    let position: EtcdPosition | undefined;
    for (;;) {
      const revision = position === undefined ? {} : { revision: position.revision };
      const request = { ...range, ...revision, key };
      const page = await this.#ask(`listing ${prefix}`, ({ kv }) => kv.range(request));
      position ??= { clusterId: page.header.cluster_id, revision: Number(page.header.revision) };
      for (const entry of page.kvs)
        entries.push({ key: entry.key.toString(), value: entry.value.toString() });
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { ...position, entries };
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  /** Whether anything below `prefix` has changed since `revision`; puts are reported, deletions show in `count`. */
  progress(prefix: string, revision: number): Promise<EtcdProgress> {
    return this.#ask(`looking for changes of ${prefix}`, async ({ kv }) => {
      const from = Buffer.from(prefix);
      const answer = await kv.range({
        key: from,
        range_end: rangeEnd(from),
        min_mod_revision: revision + 1,
        limit: 1,
        keys_only: true,
      });
      return {
        clusterId: answer.header.cluster_id,
        revision: Number(answer.header.revision),
        count: Number(answer.count),
        changed: answer.kvs.length > 0,
      };
    });
  }

  /** How many keys there were below `prefix` at that revision. */
  countAt(prefix: string, revision: number): Promise<{ readonly clusterId: string; readonly count: number }> {
    return this.#ask(`counting the keys of ${prefix}`, async ({ kv }) => {
      const from = Buffer.from(prefix);
      const range = { key: from, range_end: rangeEnd(from), revision, count_only: true };
      const answer = await kv.range(range);
      return { clusterId: answer.header.cluster_id, count: Number(answer.count) };
    });
  }

  get(key: string): Promise<{ readonly value: string; readonly lease: string } | undefined> {
    return this.#ask(`reading ${key}`, async ({ kv }) => {
      const [entry] = (await kv.range({ key: Buffer.from(key) })).kvs;
      return entry === undefined ? undefined : { value: entry.value.toString(), lease: entry.lease };
    });
  }

  /** All entries below `prefix` with the lease of each. */
  listLeases(prefix: string): Promise<readonly (EtcdEntry & { readonly lease: string })[]> {
    return this.#ask(`listing ${prefix}`, async ({ kv }) => {
      const key = Buffer.from(prefix);
      const { kvs } = await kv.range({ key, range_end: rangeEnd(key) });
      return kvs.map((entry) => ({
        key: entry.key.toString(),
        value: entry.value.toString(),
        lease: entry.lease,
      }));
    });
  }

  async put(key: string, value: string, lease: string): Promise<void> {
    await this.#ask(`writing ${key}`, ({ kv }) =>
      kv.put({ key: Buffer.from(key), value: Buffer.from(value), lease }),
    );
  }

  /** A new lease; its id. */
  grant(ttlSeconds: number): Promise<string> {
    return this.#ask('asking for a lease', async ({ leaseClient }) => {
      return (await leaseClient.leaseGrant({ TTL: ttlSeconds })).ID;
    });
  }

  async revoke(lease: string): Promise<void> {
    await this.#ask('giving a lease back', ({ leaseClient }) => leaseClient.leaseRevoke({ ID: lease }));
  }

  /** Remaining and granted seconds of a lease; the remaining time is -1 if it has expired. */
  timeToLive(lease: string): Promise<{ readonly left: number; readonly granted: number }> {
    return this.#ask('asking about a lease', async ({ leaseClient }) => {
      const { TTL, grantedTTL } = await leaseClient.leaseTimeToLive({ ID: lease });
      return { left: Number(TTL), granted: Number(grantedTTL) };
    });
  }

  /** A stream that must be cancelled when no longer needed; errors come as its events. */
  watch(): Promise<WatchStream> {
    return this.#ask('watching', ({ watchClient }) => watchClient.watch());
  }

  keepAlive(): Promise<KeepAliveStream> {
    return this.#ask('keeping a lease alive', ({ leaseClient }) => leaseClient.leaseKeepAlive());
  }

  /** To be called when no stream is open; a pending request is answered or fails by its deadline. */
  close(): void {
    this.#closed = true;
    this.#made?.then(
      ({ client }) => client.close(),
      () => undefined,
    );
  }

  /** The error from etcd, or from connecting to it, with the option it is about. */
  explain(error: unknown, doing: string): Error {
    return explained(error, this.#settings, doing);
  }

  async #ask<T>(doing: string, question: (client: Etcd3) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the etcd client is closed');
    try {
      const connected = await this.#connected();
      return await withinTime(this.#settings.requestTimeoutMs, (isLate) => ask(connected, question, isLate));
    } catch (error) {
      throw this.explain(error, doing);
    }
  }

  #connected(): Promise<Connected> {
    this.#made ??= connect(this.#settings).catch((error: unknown) => {
      // Otherwise every later request would fail with it.
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }
}

/** `isLate`: nobody waits for the answer any more, so a stream must not be opened. */
async function ask<T>(
  { client, login }: Connected,
  question: (client: Etcd3) => Promise<T>,
  isLate: () => boolean,
): Promise<T> {
  const ready = async (): Promise<void> => {
    await login?.ready();
    if (isLate()) throw new Error('the request was given up');
  };
  await ready();
  try {
    return await question(client);
  } catch (error) {
    // The token has expired, or etcd was restarted: try once more with a new token.
    if (login === undefined || login.done || isLate()) throw error;
    await ready();
    return question(client);
  }
}

/** One time limit for everything a request needs: a token, attempts at several hosts. */
async function withinTime<T>(ms: number, work: (isLate: () => boolean) => Promise<T>): Promise<T> {
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new Error('DEADLINE_EXCEEDED'));
    }, ms);
    timer.unref();
  });
  try {
    return await Promise.race([work(() => late), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Loads etcd3 only now: programs without etcd do not pay for it. */
async function connect(settings: EtcdSettings): Promise<Connected> {
  const [
    { Etcd3, GRPCDeadlineExceededError, isRecoverableError },
    { ConstantBackoff, handleWhen, noop, retry },
  ] = await Promise.all([import('etcd3'), import('cockatiel')]);
  const { hosts, auth, tls, requestTimeoutMs } = settings;
  const isWorthAnother = (error: Error): boolean =>
    isRecoverableError(error) && (hosts.length > 1 || !(error instanceof GRPCDeadlineExceededError));
  const certificates = tls === undefined ? undefined : tlsCredentials(tls);
  const login =
    auth &&
    new Login(async () => {
      const { token } = await client.auth.authenticate({ name: auth.username, password: auth.password });
      return token;
    });
  const client: Etcd3 = new Etcd3({
    hosts: hosts.map((host) => (tls === undefined || host.includes('://') ? host : `https://${host}`)),
    ...(certificates === undefined ? {} : { credentials: certificates }),
    // With several hosts, one that is frozen or has lost the request must leave time for the others.
    defaultCallOptions: ({ isStream }) =>
      isStream ? {} : { deadline: Date.now() + requestTimeoutMs / Math.min(hosts.length, 3) },
    faultHandling: {
      // etcd3's default circuit breaker turns an outage of one second into one of twelve.
      host: () => noop,
      // Another host is tried at once; further retries are up to the caller.
      global: retry(handleWhen(isWorthAnother), {
        maxAttempts: Math.max(1, hosts.length - 1),
        backoff: new ConstantBackoff(50),
      }),
    },
    grpcOptions: {
      'grpc.keepalive_time_ms': 6000,
      // A distant etcd answers a ping as slowly as a request.
      'grpc.keepalive_timeout_ms': Math.max(2000, requestTimeoutMs),
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': 64 << 20,
      ...(login === undefined ? {} : { callInvocationTransformer: login.sign }),
      ...(tls?.servername === undefined ? {} : { 'grpc.ssl_target_name_override': tls.servername }),
    },
  });
  return { client, login };
}

function tlsCredentials(tls: NonNullable<EtcdSettings['tls']>): {
  rootCertificate: Buffer;
  privateKey?: Buffer;
  certChain?: Buffer;
} {
  const { ca, cert, key } = tls;
  return {
    // For grpc-js null means Node.js's default certificates, which etcd3's type does not allow.
    rootCertificate: (ca === undefined ? null : Buffer.from(ca)) as Buffer,
    ...(key === undefined || cert === undefined
      ? {}
      : { privateKey: Buffer.from(key), certChain: Buffer.from(cert) }),
  };
}
