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
 * Checks that renewing a certificate does not admit clients that the server has refused so far: an option of the server
 * that is stricter than its default must be given again, or revoked by name. (Other options need no check:
 * `rejectUnauthorized` is strict by default, `ca` is required with `requestCert`, and leaving out `maxVersion`,
 * `dhparam` or `ticketKeys` weakens no check.)
 *
 * @param isGiven whether the new options include one of that name.
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
