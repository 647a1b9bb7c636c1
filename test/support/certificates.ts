import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate authority of its own, and a certificate for 127.0.0.1, made by openssl; gone when the test ends. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20_000 });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  openssl('req', ...key, '-keyout', at('etcd.key'), '-out', at('etcd.csr'), '-subj', '/CN=127.0.0.1');
  writeFileSync(
    at('extensions'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  const signing = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
  openssl(
    'x509',
    '-req',
    '-in',
    at('etcd.csr'),
    ...signing,
    '-extfile',
    at('extensions'),
    '-out',
    at('etcd.crt'),
  );
  return {
    caFile: at('ca.crt'),
    certFile: at('etcd.crt'),
    keyFile: at('etcd.key'),
    ca: readFileSync(at('ca.crt')),
    cert: readFileSync(at('etcd.crt')),
    key: readFileSync(at('etcd.key')),
  };
}
