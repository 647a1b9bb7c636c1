import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as nodeTls from 'node:tls';
import type { TlsContextSettings } from '../contract/tls.ts';

type Authorities = Pick<TlsContextSettings, 'authorities' | 'opensslAuthorities'>;

// Newer than some of the versions that this runs on. It knows of --use-system-ca and setDefaultCACertificates().
const { getCACertificates } = nodeTls as {
  getCACertificates?: (type: 'default' | 'extra') => readonly string[];
};

let known: { readonly texts: readonly string[]; readonly authorities: Authorities } | undefined;

/** Whom Node.js believes when it is not told whom; the same object while they are the same. */
export function nodeAuthorities(): Authorities {
  const opensslAuthorities = believesOpenssl();
  const texts = opensslAuthorities ? none : (getCACertificates?.('default') ?? nodeTls.rootCertificates);
  if (texts !== known?.texts) {
    const isExtraAmong = getCACertificates !== undefined && !opensslAuthorities;
    const list = texts.map((pem) => Buffer.from(pem));
    const authorities = isExtraAmong ? list : [...list, ...extraAuthorities()];
    known = { texts, authorities: { authorities, opensslAuthorities } };
  }
  return known.authorities;
}

const none: readonly string[] = [];

/** By its flags, or as it was built: Debian's believes whom the system does. */
function believesOpenssl(): boolean {
  const flags = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  if (flags.includes('--use-bundled-ca')) return false;
  const { target_defaults: built } = process.config as { target_defaults?: { defines?: readonly unknown[] } };
  return flags.includes('--use-openssl-ca') || built?.defines?.includes('NODE_OPENSSL_CERT_STORE') === true;
}

/** As with Node.js itself, which warns of it, a file that cannot be used adds nobody. */
function extraAuthorities(): readonly Uint8Array[] {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  if (file === undefined || file === '') return [];
  try {
    const text = readFileSync(file, 'latin1');
    const found = text.match(/^-----BEGIN CERTIFICATE-----$[^-]*^-----END CERTIFICATE-----$/gm) ?? [];
    return found.map((pem) => Buffer.from(new X509Certificate(pem).toString()));
  } catch {
    return [];
  }
}
