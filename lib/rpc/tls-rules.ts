import type { ServerTlsRules, TlsContextSettings } from '../contract/tls.ts';

export function rulesOf({
  requestCert,
  revocations,
  minVersion,
  ciphers,
  ecdhCurve,
}: TlsContextSettings): ServerTlsRules {
  return { requestCert, revokes: revocations.length > 0, minVersion, ciphers, ecdhCurve };
}

/**
 * Who only renews a certificate must not by it let in whom the server refuses: options whose default is less than what
 * the server has are said again, or taken back by name. (Of the others, `rejectUnauthorized` is more by default, `ca` is
 * needed with `requestCert`, and without `maxVersion`, `dhparam` or `ticketKeys` nothing is checked less.)
 *
 * @param isGiven whether the new options have one of that name.
 * @throws TypeError that names the option.
 */
export function checkNotWeakened(
  now: ServerTlsRules,
  next: ServerTlsRules,
  isGiven: (name: string) => boolean,
): void {
  const refuse = (name: string, what: string): never => {
    throw new TypeError(`setTls() must say tls.${name}${what}`);
  };
  if (now.requestCert && !isGiven('requestCert'))
    refuse('requestCert', ': true (with tls.ca), or false to stop asking');
  if (now.revokes && next.requestCert && !isGiven('crl'))
    refuse('crl', " again, or 'none' to take revoked certificates from now on");
  if (now.minVersion > next.minVersion && !isGiven('minVersion'))
    refuse('minVersion', `: the server has ${now.minVersion}, and without it would take ${next.minVersion}`);
  if (now.ciphers !== next.ciphers && !isGiven('ciphers'))
    refuse('ciphers', ' again, or tls.DEFAULT_CIPHERS of node:tls for the default');
  if (now.ecdhCurve !== next.ecdhCurve && !isGiven('ecdhCurve'))
    refuse('ecdhCurve', " again, or 'auto' for the default");
}
