import type { EtcdSettings } from './options.ts';

/** An error from etcd, or from connecting to it, with a text that says what to change. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  /** Retrying with the same options will not help. */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean, cause: unknown) {
    super(message, { cause });
    this.permanent = permanent;
  }
}

interface Explanation {
  readonly pattern: RegExp;
  readonly text: string;
  readonly permanent: boolean;
}

/** Error texts of etcd 3.4 and Node's TLS, and their meaning for users; the first match is used. */
const explanations: readonly Explanation[] = [
  {
    pattern: /authentication failed, invalid user ID or password/,
    text: 'etcd refused the user name or the password (option auth)',
    permanent: true,
  },
  {
    pattern: /user name is empty/,
    text: 'etcd wants a user name and a password (option auth)',
    permanent: true,
  },
  {
    pattern: /invalid auth token/,
    text: 'etcd does not know our token any more (option auth)',
    permanent: false,
  },
  {
    pattern: /authentication is not enabled/,
    text: 'etcd has no authentication switched on (leave the option auth out)',
    permanent: true,
  },
  {
    pattern: /permission denied/i,
    text: "etcd's user may not do this (option auth; grant it the prefix)",
    permanent: true,
  },
  {
    pattern:
      /self.signed certificate|unable to (verify|get)|issuer certificate|SELF_SIGNED|UNABLE_TO|certificate (signature|has expired|is not yet valid)/i,
    text: 'the certificate of etcd is not trusted (option tls.ca)',
    permanent: true,
  },
  {
    pattern: /does not match certificate's altnames|altnames/i,
    text: 'the certificate of etcd is for another host name (options hosts and tls.servername)',
    permanent: true,
  },
  {
    pattern: /alert (bad certificate|certificate required|unknown ca)|certificate required/i,
    text: 'etcd refused our certificate, or wants one (options tls.cert and tls.key)',
    permanent: true,
  },
  {
    pattern: /wrong version number|packet length too long|EPROTO/i,
    text: 'etcd does not speak TLS there (options hosts and tls)',
    permanent: true,
  },
];

/** A text with the hosts, what went wrong and which option to change. */
export function explained(
  error: unknown,
  { hosts, requestTimeoutMs }: Pick<EtcdSettings, 'hosts' | 'requestTimeoutMs'>,
  doing: string,
): EtcdError {
  if (error instanceof EtcdError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const found = explanations.find(({ pattern }) => pattern.test(said));
  const where = hosts.join(', ');
  if (found !== undefined)
    return new EtcdError(`${doing}: ${found.text}: ${where}: ${said}`, found.permanent, error);
  const isLate = /DEADLINE/i.test(said);
  const text =
    isLate || /UNAVAILABLE|No connection|ECONN/i.test(said)
      ? `no etcd could be reached at ${where} (option hosts)`
      : `etcd at ${where} failed`;
  const bound = isLate ? ` within ${requestTimeoutMs} ms (option requestTimeoutMs)` : '';
  return new EtcdError(`${doing}: ${text}${bound}: ${said}`, false, error);
}
