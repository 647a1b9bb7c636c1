import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadBinary } from '../../lib/addon/binary.ts';
import { ran } from '../support/tls-clients.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** So that `npm run test:gyp` cannot test the other build and be content. */
it('is the one compiled here, or with PREBUILDS_ONLY the one that is shipped', () => {
  loadBinary();
  const [loaded] = /\S*\/rocket[^/]*\.node$/m.exec(readFileSync('/proc/self/maps', 'utf8')) ?? [];
  const file = process.env['PREBUILDS_ONLY']
    ? `prebuilds/linux-${process.arch}/rocket-rpc.glibc.node`
    : 'build/Release/rocket.node';
  expect(loaded).toBe(path.join(root, file));
});

/** A Node.js without one of these could not load the binary, although it may never be asked for what needs them. */
it('needs no function of OpenSSL or zlib to be there', async () => {
  loadBinary();
  const [loaded = ''] = /\S*\/rocket[^/]*\.node$/m.exec(readFileSync('/proc/self/maps', 'utf8')) ?? [];
  const { code, output } = await ran('nm', ['-D', '--undefined-only', loaded]);
  expect(code).toBe(0);
  const lines = output.split('\n');
  const ofOpenssl = lines.filter((line) =>
    / (ASN1|BIO|ERR|EVP|OPENSSL|OSSL|OpenSSL|PEM|PKCS12|RAND|SSL|TLS|X509|d2i)_/.test(line),
  );
  expect(ofOpenssl.length).toBeGreaterThan(50);
  const ofZlib = lines.filter((line) => / inflate(?:Init2_|Reset|End)?$/.test(line));
  expect(ofZlib).toHaveLength(4);
  expect([...ofOpenssl, ...ofZlib].filter((line) => !line.trim().startsWith('w '))).toEqual([]);
});
