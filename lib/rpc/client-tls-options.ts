import { isIP } from 'node:net';
import { nativeTlsContext } from '../addon/tls-context.ts';
import {
  type CheckedOptions,
  callback,
  checked,
  checkedOptions,
  type OptionTable,
} from '../contract/option-table.ts';
import { certificateNameOf, hostOf, type Target } from '../contract/target.ts';
import type { ClientTlsSettings, TlsContext } from '../contract/tls.ts';
import { nodeAuthorities } from './node-authorities.ts';
import { type CheckServerIdentity, serverJudge } from './server-judge.ts';
import { madeWithFiles, type TlsFileOptions, tlsFileTable } from './tls-files.ts';
import { identitySettings, type ServerTlsOptions, tlsIdentityTable } from './tls-options.ts';
import { type Pem, shapeOf } from './tls-values.ts';

/**
 * TLS of a channel: which servers it trusts, and the certificate that it shows. Names and meanings are those of
 * node:tls.
 */
export interface ClientTlsOptions
  extends Pick<
      ServerTlsOptions,
      'key' | 'cert' | 'pfx' | 'passphrase' | 'crl' | 'ciphers' | 'minVersion' | 'maxVersion' | 'ecdhCurve'
    >,
    TlsFileOptions {
  /**
   * Certificates of the authorities that servers' certificates must come from, in PEM. Default: those that Node.js
   * trusts, with NODE_EXTRA_CA_CERTS. Endpoints from a registry or a resolver need `ca` or `servername`.
   */
  readonly ca?: Pem | readonly Pem[];
  /**
   * The name or IP address that the certificate of every server must be for, and that is sent as SNI. Default: the host
   * of the target, or that of each endpoint where a registry has found them.
   */
  readonly servername?: string;
  /**
   * Like that of node:tls, it replaces the comparison of names: it decides whether a valid certificate from one of the
   * authorities belongs to the host. Undefined accepts the certificate; an Error, and any other result or exception,
   * refuses it. Called for each connection, also for one that resumes a session; the handshake waits for it within
   * `connectTimeoutMs`.
   */
  readonly checkServerIdentity?: CheckServerIdentity;
  /** False: any server is trusted, so TLS does not protect from an attacker on the network path. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** The options that Channel.setTls() replaces. */
export type ClientTlsIdentity = Pick<
  ClientTlsOptions,
  'key' | 'cert' | 'pfx' | 'passphrase' | 'ca' | 'crl' | keyof TlsFileOptions
>;

const { key, cert, pfx, passphrase, ca, crl, ciphers } = tlsIdentityTable;
const { rejectUnauthorized, minVersion, maxVersion, ecdhCurve } = tlsIdentityTable;

export const clientTlsIdentityTable = {
  key,
  cert,
  pfx,
  passphrase,
  ca,
  crl,
  ...tlsFileTable,
} satisfies OptionTable<ClientTlsIdentity>;

export const clientTlsOptionTable = {
  ...clientTlsIdentityTable,
  ciphers,
  minVersion,
  maxVersion,
  ecdhCurve,
  servername: checked((name, value: string | undefined) => checkedName(name, value)),
  rejectUnauthorized,
  checkServerIdentity: callback<CheckServerIdentity>(),
} satisfies OptionTable<ClientTlsOptions>;

/**
 * Undefined: neither the target nor an option asks for TLS.
 *
 * @param isResolverGiven whether there is an option `resolver`.
 * @throws TypeError that names the option; it never quotes a value that may be secret.
 */
export function checkedClientTls(
  options: ClientTlsOptions | undefined,
  target: Target,
  isResolverGiven: boolean,
): ClientTlsSettings | undefined {
  if (options === undefined && target.tls !== true) return undefined;
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw new TypeError(`tls takes an object of options, not ${shapeOf(options)}`);
  const given = options ?? {};
  const checkedTls = checkedOptions('tls', given, clientTlsOptionTable, 'tls.');
  const servername = checkedTls.servername ?? nameOf(target, isResolverGiven);
  if (servername === undefined && target.endpoints.some(({ host }) => host === ''))
    throw new TypeError('tls.servername is needed: the address of a Unix socket has no name');
  const hasAuthorities = checkedTls.ca !== undefined || checkedTls.caFile !== undefined;
  if (servername === undefined && !hasAuthorities && checkedTls.rejectUnauthorized !== false) {
    if (isResolverGiven || target.scheme !== 'static')
      throw new TypeError(
        'tls.ca or tls.servername is needed: the endpoints, and with them the names of their certificates, come from a registry or a resolver',
      );
  }
  const judge = judgeOf(checkedTls);
  if (!isDefault(checkedTls)) return madeOf(checkedTls, servername, judge);
  const trusted = nodeAuthorities();
  if (theDefault?.trusted !== trusted)
    theDefault = { trusted, made: madeOf(checkedTls, undefined, undefined) };
  return { ...theDefault.made, servername };
}

/**
 * The settings of a channel that has `current` after setTls(): options that setTls() does not take stay as they are.
 *
 * @throws TypeError that names the option; it never quotes a value that may be secret.
 */
export function checkedClientTlsIdentity(
  identity: ClientTlsIdentity,
  { rules, servername, judge }: ClientTlsSettings,
): ClientTlsSettings {
  if (typeof identity !== 'object' || identity === null)
    throw new TypeError(`setTls() takes an object of options, not ${shapeOf(identity)}`);
  const checkedTls = checkedOptions('setTls()', identity, clientTlsIdentityTable, 'tls.');
  // Renewing a certificate must not make the channel trust more servers than before.
  if (rules.hasAuthorities && checkedTls.ca === undefined && checkedTls.caFile === undefined)
    throw new TypeError(
      'setTls() must say tls.ca or tls.caFile again: without it any public authority would do',
    );
  if (rules.revokes && checkedTls.crl === undefined && checkedTls.crlFile === undefined)
    throw new TypeError(
      "setTls() must say tls.crl or tls.crlFile again, or tls.crl: 'none' to believe revoked certificates",
    );
  const { ciphers, minVersion, maxVersion, ecdhCurve, rejectUnauthorized } = rules;
  return madeOf(
    { ...checkedTls, ciphers, minVersion, maxVersion, ecdhCurve, rejectUnauthorized },
    servername,
    judge,
  );
}

type Judge = ClientTlsSettings['judge'];

function judgeOf({
  checkServerIdentity,
  rejectUnauthorized,
}: CheckedOptions<typeof clientTlsOptionTable>): Judge {
  if (checkServerIdentity === undefined) return undefined;
  if (rejectUnauthorized === false)
    throw new TypeError(
      'tls.checkServerIdentity has no effect with tls.rejectUnauthorized: false: any server is believed',
    );
  return serverJudge(checkServerIdentity);
}

type Checked = Omit<CheckedOptions<typeof clientTlsOptionTable>, 'servername' | 'checkServerIdentity'>;

function madeOf(options: Checked, servername: string | undefined, judge: Judge): ClientTlsSettings {
  return madeWithFiles<Checked, ClientTlsSettings>(options, (complete, files) => {
    const { ciphers, minVersion, maxVersion, ecdhCurve, rejectUnauthorized, ca, crl } = complete;
    const context = contextOf(complete);
    const kept = { ciphers, minVersion, maxVersion, ecdhCurve, rejectUnauthorized };
    const rules = { ...kept, hasAuthorities: ca !== undefined, revokes: crl !== undefined && crl.length > 0 };
    return { context, files, servername, judge, rules };
  });
}

/**
 * The settings of channels without options, shared because parsing a hundred authorities takes long. They always verify
 * the server.
 */
let theDefault: { readonly trusted: unknown; readonly made: ClientTlsSettings } | undefined;

/** Whether no option but `servername` is given. */
function isDefault({ servername: _, ...rest }: CheckedOptions<typeof clientTlsOptionTable>): boolean {
  if (rest.rejectUnauthorized !== undefined) return false;
  const defaults: Record<string, unknown> = checkedOptions('tls', {}, clientTlsOptionTable);
  return Object.entries(rest).every(([name, value]) => value === defaults[name]);
}

function contextOf(options: Checked): TlsContext {
  const reject = options.rejectUnauthorized as unknown;
  if (reject !== undefined && typeof reject !== 'boolean')
    throw new TypeError(`tls.rejectUnauthorized must be true or false, not ${shapeOf(reject)}`);
  if (reject === false && (options.ca !== undefined || (options.crl?.length ?? 0) > 0))
    throw new TypeError('tls.ca and tls.crl have no effect with tls.rejectUnauthorized: false');
  const verifies = reject !== false;
  return nativeTlsContext({
    ...identitySettings({ ...options, dhparam: undefined, ticketKeys: undefined }),
    client: true,
    ...(options.ca === undefined && verifies
      ? nodeAuthorities()
      : { authorities: options.ca ?? [], opensslAuthorities: false }),
    requestCert: false,
    rejectUnauthorized: verifies,
    alpn: [],
  });
}

/** The host of a target such as `dns:///host:port`, which has one host whose endpoints are looked up. */
function nameOf({ scheme, path, endpoints }: Target, isResolverGiven: boolean): string | undefined {
  const [host, another] = new Set(
    scheme === 'dns' ? [hostOf(path)] : isResolverGiven ? endpoints.map((endpoint) => endpoint.host) : [],
  );
  return host === undefined || host === '' || another !== undefined ? undefined : certificateNameOf(host);
}

function checkedName(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const host = typeof value === 'string' ? certificateNameOf(value) : '';
  if (/^(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(host) || isIP(host) !== 0) return host;
  throw new TypeError(
    `${name} must be a host name or an IP address, not ${typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : shapeOf(value)}`,
  );
}
