import { DEFAULT_CIPHERS, DEFAULT_MAX_VERSION, DEFAULT_MIN_VERSION } from 'node:tls';
import { nativeTlsContext } from '../addon/tls-context.ts';
import {
  boolean,
  type CheckedOptions,
  checked,
  checkedOptions,
  choice,
  given,
  integer,
  type OptionRule,
  type OptionTable,
  timeout,
} from '../contract/option-table.ts';
import { givenOption } from '../contract/options.ts';
import type { ServerTlsContext, ServerTlsSettings, TlsContextSettings, TlsVersion } from '../contract/tls.ts';
import { madeWithFiles, type TlsFileOptions, tlsFileTable } from './tls-files.ts';
import { checkNotWeakened, rulesOf } from './tls-rules.ts';
import { binary, keyList, type Pem, pemBytes, pemList, pfxList, secretText, shapeOf } from './tls-values.ts';

/** A private key in PEM and, if it is encrypted, its passphrase. */
export interface TlsKey {
  /** The key. */
  readonly pem: Pem;
  /** Default: option `passphrase`. */
  readonly passphrase?: string;
}

/** A PKCS#12 file and its passphrase. */
export interface TlsPfx {
  /** The file. */
  readonly buf: Uint8Array;
  /** Default: option `passphrase`. */
  readonly passphrase?: string;
}

/**
 * TLS of a server's port: its certificate, and the rules for clients' certificates. Names and meanings are those of
 * node:tls.
 */
export interface ServerTlsOptions extends TlsFileOptions {
  /** Private key in PEM, or one for each of several certificates. */
  readonly key?: Pem | TlsKey | readonly (Pem | TlsKey)[];
  /** Certificate in PEM, followed by those that signed it; one for each key, in the same order. */
  readonly cert?: Pem | readonly Pem[];
  /** Key and certificate in a PKCS#12 file. Other certificates in it complete the chain, and are not trusted. */
  readonly pfx?: Uint8Array | TlsPfx | readonly (Uint8Array | TlsPfx)[];
  /** The passphrase of `key` and `pfx`. */
  readonly passphrase?: string;
  /**
   * Certificates of the authorities that clients' certificates must come from, in PEM. Needs `requestCert`. There is no
   * default: a certificate of a public authority does not show that a client may call.
   */
  readonly ca?: Pem | readonly Pem[];
  /**
   * Lists of revoked certificates in PEM: one from each authority in the chain of a client's certificate, or the client
   * is refused. `'none'`: revocation is not checked; setTls() must say so on a server that has lists. Default: none.
   */
  readonly crl?: Pem | readonly Pem[];
  /** Ask clients for a certificate. Default false. */
  readonly requestCert?: boolean;
  /** Refuse a client without a valid certificate. Default true; only with `requestCert`. */
  readonly rejectUnauthorized?: boolean;
  /** Cipher suites in the order of preference, as OpenSSL lists them. Default: those of Node.js (`tls.DEFAULT_CIPHERS`). */
  readonly ciphers?: string;
  /** Oldest version. Default TLSv1.2, or that of Node.js where it is newer. */
  readonly minVersion?: TlsVersion;
  /** Newest version. Default TLSv1.3, or that of Node.js where it is older. */
  readonly maxVersion?: TlsVersion;
  /** Curves for the key exchange, such as `X25519:P-256`. Default `auto`: those of OpenSSL. */
  readonly ecdhCurve?: string;
  /** Parameters for DHE in PEM, or `auto`. Default: no DHE. */
  readonly dhparam?: Pem;
  /**
   * 48 bytes that encrypt session tickets, the same for all processes behind one name. Default: random, and replaced
   * every hour.
   */
  readonly ticketKeys?: Uint8Array;
  /**
   * Serve connections without TLS as well. Default false. Not allowed if `requestCert` refuses clients without a
   * certificate.
   */
  readonly allowPlain?: boolean;
  /**
   * Time for a handshake, from when the connection is accepted (with `allowPlain`: from its first byte); then the
   * connection is closed. Default 10 s.
   */
  readonly handshakeTimeoutMs?: number;
  /** Unfinished handshakes; past it the oldest is closed. Default 1024. */
  readonly maxHandshakes?: number;
}

/** What Server.setTls() can replace. */
export type ServerTlsIdentity = Omit<ServerTlsOptions, 'allowPlain' | 'handshakeTimeoutMs' | 'maxHandshakes'>;

const versions: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];

export const tlsIdentityTable = {
  key: given<NonNullable<ServerTlsOptions['key']>>(),
  cert: optional(pemList),
  pfx: given<NonNullable<ServerTlsOptions['pfx']>>(),
  passphrase: checked((name, value: string | undefined) => secretText(name, value)),
  ca: optional(pemList),
  crl: optional(revocationLists),
  requestCert: given<boolean>(),
  rejectUnauthorized: given<boolean>(),
  ciphers: checked((name, value: string | undefined) => listText(name, value) || DEFAULT_CIPHERS),
  minVersion: choice(versions, DEFAULT_MIN_VERSION === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2'),
  maxVersion: choice(versions, DEFAULT_MAX_VERSION === 'TLSv1.2' ? 'TLSv1.2' : 'TLSv1.3'),
  ecdhCurve: checked((name, value: string | undefined) => (value === 'auto' ? '' : listText(name, value))),
  dhparam: optional(pemBytes),
  ticketKeys: optional(ticketKeyBytes),
} satisfies OptionTable<Omit<ServerTlsIdentity, keyof TlsFileOptions>>;

export const setTlsTable = { ...tlsIdentityTable, ...tlsFileTable } satisfies OptionTable<ServerTlsIdentity>;

export const serverTlsOptionTable = {
  ...setTlsTable,
  allowPlain: boolean(false),
  handshakeTimeoutMs: timeout(10_000),
  maxHandshakes: integer(1024, 1, 1 << 20),
} satisfies OptionTable<ServerTlsOptions>;

/** @throws TypeError or RangeError that names the option; it never quotes a value that may be secret. */
export function checkedServerTls(options: ServerTlsOptions, alpn: readonly string[]): ServerTlsSettings {
  checkIsObject(options);
  const checkedTls = checkedOptions('tls', options, serverTlsOptionTable, 'tls.');
  const { allowPlain, handshakeTimeoutMs, maxHandshakes } = checkedTls;
  return {
    ...madeOf(checkedTls, allowPlain, alpn),
    allowPlain,
    handshakeTimeoutMs,
    maxHandshakes,
  };
}

/**
 * @param current the settings that are replaced.
 * @param allowPlain the option of the server.
 * @throws TypeError that names the option; it never quotes a value that may be secret.
 */
export function checkedTlsIdentity(
  options: ServerTlsIdentity,
  current: ServerTlsContext,
  allowPlain: boolean,
  alpn: readonly string[],
): ServerTlsContext {
  checkIsObject(options);
  const checkedTls = checkedOptions('setTls()', options, setTlsTable, 'tls.');
  const made = madeOf(checkedTls, allowPlain, alpn);
  const isGiven = (name: string) => givenOption(options, name) !== undefined;
  checkNotWeakened(
    current.rules,
    made.rules,
    (name) => isGiven(name) || (name === 'crl' && isGiven('crlFile')),
  );
  return made;
}

/** @param allowPlain clients without TLS, and so without a certificate, are allowed. */
function madeOf(
  options: CheckedOptions<typeof setTlsTable>,
  allowPlain: boolean,
  alpn: readonly string[],
): ServerTlsContext {
  return madeWithFiles<typeof options, ServerTlsContext>(options, (complete, files) => ({
    ...contextOf(contextSettings(complete, alpn), allowPlain),
    files,
  }));
}

function contextOf(settings: TlsContextSettings, allowPlain: boolean): Omit<ServerTlsContext, 'files'> {
  if (allowPlain && settings.requestCert && settings.rejectUnauthorized)
    throw new TypeError(
      'tls.allowPlain lets clients in without a certificate: it goes with tls.requestCert only if tls.rejectUnauthorized: false says so',
    );
  return { context: nativeTlsContext(settings), rules: rulesOf(settings) };
}

function contextSettings(
  options: CheckedOptions<typeof tlsIdentityTable>,
  alpn: readonly string[],
): TlsContextSettings {
  const settings = identitySettings(options);
  const demands = clientDemands(options);
  if (settings.keys.length === 0 && settings.pfx.length === 0)
    throw new TypeError('tls needs key and cert, or pfx');
  return {
    client: false,
    ...settings,
    authorities: options.ca ?? [],
    opensslAuthorities: false,
    ...demands,
    alpn,
  };
}

/** The settings that servers and channels have in common. */
export function identitySettings(
  options: Omit<CheckedOptions<typeof tlsIdentityTable>, 'ca' | 'requestCert' | 'rejectUnauthorized'>,
): Omit<
  TlsContextSettings,
  'client' | 'authorities' | 'opensslAuthorities' | 'requestCert' | 'rejectUnauthorized' | 'alpn'
> {
  const { key, cert, pfx, passphrase, crl, ticketKeys, dhparam } = options;
  const { ciphers, minVersion, maxVersion, ecdhCurve } = options;
  const keys = key === undefined ? [] : keyList('tls.key', key, passphrase);
  const files = pfx === undefined ? [] : pfxList('tls.pfx', pfx, passphrase);
  if ((key === undefined) !== (cert === undefined))
    throw new TypeError(`tls.${key === undefined ? 'cert needs tls.key' : 'key needs tls.cert'}`);
  if (minVersion > maxVersion) throw new TypeError(`tls.minVersion ${minVersion} is above tls.maxVersion`);
  return {
    keys,
    certificates: cert ?? [],
    pfx: files,
    revocations: crl ?? [],
    ciphers,
    minVersion,
    maxVersion,
    ecdhCurve,
    dhparam: dhparam ?? new Uint8Array(),
    ticketKeys: ticketKeys ?? new Uint8Array(),
  };
}

/**
 * Options that have a meaning only together are refused alone: clients must not go unchecked because one of them is
 * missing.
 */
function clientDemands(options: CheckedOptions<typeof tlsIdentityTable>): {
  requestCert: boolean;
  rejectUnauthorized: boolean;
} {
  const { ca } = options;
  const crl = options.crl?.length === 0 ? undefined : options.crl;
  const requestCert = flag('tls.requestCert', options.requestCert);
  const rejectUnauthorized = flag('tls.rejectUnauthorized', options.rejectUnauthorized);
  if (requestCert !== true) {
    const useless = ca !== undefined ? 'ca' : crl !== undefined ? 'crl' : undefined;
    if (useless !== undefined)
      throw new TypeError(
        `tls.${useless} is what clients' certificates are checked with: it needs tls.requestCert: true`,
      );
    if (rejectUnauthorized !== undefined)
      throw new TypeError('tls.rejectUnauthorized has no effect without tls.requestCert: true');
  } else if (ca === undefined && rejectUnauthorized !== false) {
    throw new TypeError('tls.requestCert needs tls.ca: the authorities that certificates must come from');
  }
  if (crl !== undefined && ca === undefined) throw new TypeError('tls.crl needs tls.ca');
  return { requestCert: requestCert === true, rejectUnauthorized: rejectUnauthorized !== false };
}

/** `'none'` is an empty list. */
function revocationLists(name: string, value: unknown): readonly Uint8Array[] {
  return value === 'none' ? [] : pemList(name, value);
}

function ticketKeyBytes(name: string, value: unknown): Uint8Array {
  const bytes = binary(name, value);
  if (bytes.length !== 48) throw new TypeError(`${name} must have 48 bytes, not ${bytes.length}`);
  return bytes;
}

function checkIsObject(options: unknown): void {
  const isOptions = typeof options === 'object' && options !== null && !Array.isArray(options);
  if (!isOptions || options instanceof Uint8Array)
    throw new TypeError(`tls takes an object of options, not ${shapeOf(options)}`);
}

function flag(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new TypeError(`${name} must be true or false, not ${shapeOf(value)}`);
}

/** An empty string: not given. */
function listText(name: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || value.trim() === '')
    throw new TypeError(
      `${name} must be a list of names, not ${value === '' ? 'an empty string' : shapeOf(value)}`,
    );
  return value;
}

function optional<Given, Checked>(
  check: (name: string, value: unknown) => Checked,
): OptionRule<Given, Checked | undefined> {
  return checked((name, value) => (value === undefined ? undefined : check(name, value)));
}
