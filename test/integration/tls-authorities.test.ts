/** A channel without `ca` believes whom Node.js believes, whichever way it was told. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { startOrderServer } from '../support/loopback.ts';
import { Spawned } from '../support/spawned.ts';
import { TestAuthority } from '../support/test-authority.ts';

const authority = new TestAuthority();
const { key, cert } = authority.issue('localhost');
const { certFile } = authority;
const inFile = (name: string, text: string): string => {
  const file = join(authority.folder, name);
  writeFileSync(file, text);
  return file;
};
const none = inFile('none.pem', '');
const damaged = inFile('damaged.pem', authority.cert.slice(0, 300));
const withRemarks = inFile('remarks.pem', `# ours\r\n${authority.cert.replaceAll('\n', '\r\n')}`);
const fixture = join(import.meta.dirname, 'fixtures/tls-authorities.mjs');

beforeAll(builtPackage, 90_000);
afterAll(() => authority.remove());

async function believed(flags: readonly string[], env: Readonly<Record<string, string>>, ...more: string[]) {
  const { port } = await startOrderServer(undefined, { tls: { key, cert } });
  const child = new Spawned([process.execPath, ...flags, fixture, `${port}`, ...more], {
    NODE_NO_WARNINGS: '1',
    ...env,
  });
  onTestFinished(() => child.kill('SIGKILL'));
  const { code } = await child.exit(20_000);
  expect(code, child.describe()).toBe(0);
  return child.output.trim().split('\n');
}

const openssl = ['--use-openssl-ca'];
it.each<[string, readonly string[], Readonly<Record<string, string>>, boolean]>([
  ['nobody', [], {}, false],
  ['NODE_EXTRA_CA_CERTS', [], { NODE_EXTRA_CA_CERTS: certFile }, true],
  ['NODE_EXTRA_CA_CERTS with remarks', [], { NODE_EXTRA_CA_CERTS: withRemarks }, true],
  ['NODE_EXTRA_CA_CERTS that is empty', [], { NODE_EXTRA_CA_CERTS: none }, false],
  ['NODE_EXTRA_CA_CERTS that is damaged', [], { NODE_EXTRA_CA_CERTS: damaged }, false],
  ['NODE_EXTRA_CA_CERTS that is missing', [], { NODE_EXTRA_CA_CERTS: join(authority.folder, 'no') }, false],
  ['OpenSSL, unasked', [], { SSL_CERT_FILE: certFile }, false],
  ['OpenSSL', openssl, { SSL_CERT_FILE: certFile }, true],
  ['OpenSSL, by the environment', [], { SSL_CERT_FILE: certFile, NODE_OPTIONS: '--use-openssl-ca' }, true],
  ['OpenSSL, which believes nobody', openssl, { SSL_CERT_FILE: none, SSL_CERT_DIR: authority.folder }, false],
  ['OpenSSL and NODE_EXTRA_CA_CERTS', openssl, { SSL_CERT_FILE: none, NODE_EXTRA_CA_CERTS: certFile }, true],
  ['its own', ['--use-bundled-ca'], { SSL_CERT_FILE: certFile }, false],
])('%s', async (_, flags, env, expected) => {
  expect(await believed(flags, env)).toEqual([`${expected} ${expected}`]);
});

const hasSystemCa = process.allowedNodeEnvironmentFlags.has('--use-system-ca');
it.skipIf(!hasSystemCa)('the system', async () => {
  expect(await believed(['--use-system-ca'], { SSL_CERT_FILE: certFile })).toEqual(['true true']);
  expect(await believed([], { SSL_CERT_FILE: certFile })).toEqual(['false false']);
});

it.skipIf(!('setDefaultCACertificates' in tls))('whoever is named later', async () => {
  expect(await believed([], {}, certFile)).toEqual(['false false', 'true true']);
});
