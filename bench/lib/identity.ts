import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The cipher suite and the group of every connection that the benches make with TLS. */
export const tlsSuite = { cipher: 'TLS_AES_128_GCM_SHA256', group: 'P-256' } as const;

/** A certificate for 127.0.0.1, signed by its own key, which is of P-256, and lies in files. */
export class Identity {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rocket-bench-tls-'));
  readonly certFile = join(this.#folder, 'cert.pem');
  readonly keyFile = join(this.#folder, 'key.pem');

  /** Throws when openssl is not installed. */
  constructor() {
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      this.keyFile,
    ];
    const names = ['-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, ...names, '-out', this.certFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  /** What tells a server of the benches to speak TLS. */
  get env(): { readonly TLS_CERT: string; readonly TLS_KEY: string } {
    return { TLS_CERT: this.certFile, TLS_KEY: this.keyFile };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** In a server: what its environment tells it; undefined: it is to speak without TLS. */
export function identityFromEnvironment(): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  const { TLS_CERT: cert, TLS_KEY: key } = process.env;
  if (cert === undefined || key === undefined) return undefined;
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
