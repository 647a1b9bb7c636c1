import { X509Certificate } from 'node:crypto';
import type { PeerCertificate as NodeCertificate } from 'node:tls';
import { isThenable } from '../contract/user-code.ts';
import { kindOf, messageOf } from '../contract/value-text.ts';

/**
 * Like `checkServerIdentity` of node:tls: returns undefined if the certificate belongs to the host, otherwise the
 * reason why not.
 */
export type CheckServerIdentity = (hostname: string, cert: NodeCertificate) => Error | undefined;

const longestReason = 500;

/**
 * The function that the core calls with the certificate of each connection's server. Only undefined accepts it: any
 * other result or exception of the user's function refuses it. Never throws.
 */
export function serverJudge(check: CheckServerIdentity): (hostname: string, der: Buffer) => string {
  return (hostname, der) => {
    let reason: string;
    try {
      const verdict: unknown = check(hostname, new X509Certificate(der).toLegacyObject());
      if (verdict === undefined) return '';
      reason = verdict instanceof Error ? messageOf(verdict) : notAVerdict(verdict);
    } catch (thrown) {
      reason = messageOf(thrown);
    }
    return `tls.checkServerIdentity refuses the certificate: ${reason.slice(0, longestReason)}`;
  };
}

function notAVerdict(value: unknown): string {
  const rule = 'it must return undefined or an Error';
  if (!isThenable(value)) return `${rule}, not ${kindOf(value)}`;
  // The promise is ignored, so its rejection must be handled here.
  Promise.resolve(value).catch(() => undefined);
  return `${rule}, not a promise: the handshake does not wait for one`;
}
