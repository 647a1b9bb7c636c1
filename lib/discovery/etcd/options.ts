import { createHash } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { stringsOption } from '../../contract/option-shapes.ts';
import {
  type CheckedOptions,
  checked,
  checkedOptions,
  given,
  integer,
  type OptionTable,
  string,
  timeout,
} from '../../contract/option-table.ts';
import { checkedLogger, type Logger } from '../../log/logger.ts';

/** Certificates for an etcd that uses TLS. */
export interface EtcdTls {
  /**
   * Certificates of the authorities that etcd's certificate is checked against, PEM. Default: those that Node.js
   * trusts.
   */
  readonly ca?: string | Buffer;
  /** Client certificate, PEM, for an etcd that requires one; used with `key`. */
  readonly cert?: string | Buffer;
  /** The private key that belongs to `cert`, PEM. */
  readonly key?: string | Buffer;
  /** The name that etcd's certificate must be for. Default: the host. */
  readonly servername?: string;
}

/** How to reach etcd, and how long to keep instances that it has lost. */
export interface EtcdOptions {
  /** `host:port` of the members of the cluster. Default: the environment variable ETCDCTL_ENDPOINTS, or `127.0.0.1:2379`. */
  readonly hosts?: string | readonly string[];
  /** User and password, for an etcd with authentication. */
  readonly auth?: {
    /** A user with permission to read the keys under `prefix` and, for registering, to write them. */
    readonly username: string;
    /** Sent to etcd only; never logged. */
    readonly password: string;
  };
  /** `true`, or certificates: use TLS to etcd. Default: if the hosts begin with `https://`. */
  readonly tls?: true | EtcdTls;
  /** Prefix of the keys. Default `/rocket/service/`, as in C++ rocket. */
  readonly prefix?: string;
  /**
   * Time limit for one request to etcd, attempts at several hosts included, and for its sign of life on a watch.
   * Default 3 s.
   */
  readonly requestTimeoutMs?: number;
  /**
   * How long missing instances stay in use after etcd was unreachable, frozen or wiped, or if it reports that a service
   * has no instances at all. Default 10 s.
   */
  readonly graceMs?: number;
  /** Folder that keeps the last known instances of each service, for a start without etcd. Default: none. */
  readonly cacheDirectory?: string;
  /** Receives state changes. Default: stderr. `false`: no log. */
  readonly logger?: Logger | false;
}

/** Options with everything filled in. */
export interface EtcdSettings {
  readonly hosts: readonly string[];
  readonly auth: { readonly username: string; readonly password: string } | undefined;
  readonly tls: CheckedOptions<typeof tlsTable> | undefined;
  readonly prefix: string;
  readonly requestTimeoutMs: number;
  readonly graceMs: number;
  readonly cacheDirectory: string | undefined;
  readonly logger: Logger | false | undefined;
  /** Which etcd, and which prefix, regardless of the user. */
  readonly cluster: string;
  /** Equal for settings that lead to the same entries; the key for sharing within the process. */
  readonly identity: string;
}

const tlsTable = {
  ca: given<string | Buffer>(),
  cert: given<string | Buffer>(),
  key: given<string | Buffer>(),
  servername: string(undefined),
} satisfies OptionTable<EtcdTls>;

const authTable = {
  username: given<string>(),
  password: given<string>(),
} satisfies OptionTable<NonNullable<EtcdOptions['auth']>>;

export const etcdOptionTable = {
  hosts: given<string | readonly string[]>(),
  auth: given<NonNullable<EtcdOptions['auth']>>(),
  tls: given<true | EtcdTls>(),
  prefix: string('/rocket/service/'),
  requestTimeoutMs: timeout(3000, 100),
  graceMs: integer(10_000, 0, 3_600_000),
  cacheDirectory: string(undefined),
  logger: checked((_name, value: Logger | false | undefined) => checkedLogger(value)),
} satisfies OptionTable<EtcdOptions>;

/** @throws TypeError or RangeError that names the option. */
export function checkedEtcdOptions(options: EtcdOptions): EtcdSettings {
  const settings = checkedOptions('etcd', options, etcdOptionTable);
  const { prefix, requestTimeoutMs, graceMs, cacheDirectory, logger } = settings;
  const given =
    settings.hosts === undefined ? (process.env['ETCDCTL_ENDPOINTS'] ?? '127.0.0.1:2379') : settings.hosts;
  const hosts = (typeof given === 'string' ? given.split(',') : stringsOption('hosts', given)).map((host) =>
    host.trim(),
  );
  for (const host of hosts) {
    if (!/^(https?:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/\s[\]]+):\d{1,5}$/.test(host)) {
      throw new TypeError(`option hosts: not host:port: ${JSON.stringify(host)}`);
    }
  }
  if (hosts.length === 0) throw new TypeError('option hosts: at least one host:port is needed');
  const secure = hosts.filter((host) => host.startsWith('https:')).length;
  if (secure > 0 && secure < hosts.length)
    throw new TypeError('option hosts: either all or none with https://');
  if (!prefix.endsWith('/')) throw new TypeError(`option prefix must end with /: ${JSON.stringify(prefix)}`);
  const givenTls = settings.tls === true || (settings.tls === undefined && secure > 0) ? {} : settings.tls;
  const tls = givenTls === undefined ? undefined : checkedOptions('etcd: tls', givenTls, tlsTable);
  if (tls !== undefined) checkCertificates(tls);
  const auth = settings.auth === undefined ? undefined : checkedAuth(settings.auth);
  const cluster = `${[...hosts].sort().join(',')} ${prefix}`;
  return {
    hosts,
    auth,
    tls,
    prefix,
    requestTimeoutMs,
    graceMs,
    cacheDirectory,
    logger,
    cluster,
    identity: identityOf(cluster, auth, tls),
  };
}

function checkedAuth(given: NonNullable<EtcdOptions['auth']>): NonNullable<EtcdSettings['auth']> {
  const { username, password } = checkedOptions('etcd: auth', given, authTable);
  if (typeof username !== 'string' || typeof password !== 'string')
    throw new TypeError('option auth needs username and password');
  return { username, password };
}

/** Checked now rather than at the first connection, where etcd3 would fail with them again and again. */
function checkCertificates({ ca, cert, key, servername }: CheckedOptions<typeof tlsTable>): void {
  if (servername !== undefined && !/^[\w.:-]{1,253}$/.test(servername))
    throw new TypeError('option tls.servername must be a host name or an IP address');
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError('option tls: cert and key go together');
  const check = (
    what: string,
    parts: { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer },
  ) => {
    try {
      createSecureContext(parts);
    } catch (cause) {
      throw new TypeError(`option ${what}: ${(cause as Error).message}`, { cause });
    }
  };
  if (ca !== undefined) check('tls.ca cannot be read', { ca });
  if (cert === undefined || key === undefined) return;
  check('tls.cert cannot be read', { cert });
  check('tls.key cannot be read', { key });
  check('tls.key does not belong to tls.cert', { cert, key });
}

/** Includes a digest of the credentials: data that one user may read must not be given to another. */
function identityOf(cluster: string, auth: EtcdSettings['auth'], tls: EtcdSettings['tls']): string {
  const { ca, cert, key, servername } = tls ?? {};
  const secrets = [auth?.username, auth?.password, ca, cert, key, servername].map((part) => `${part}`);
  const digest = createHash('sha256').update(JSON.stringify(secrets)).digest('hex').slice(0, 16);
  return `etcd ${cluster} ${digest}`;
}
