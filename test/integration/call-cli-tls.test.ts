/** `rocket call` over TLS. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../lib/index.ts';
import { builtPackage } from '../support/child.ts';
import { startOrderServer } from '../support/loopback.ts';
import { orderProto } from '../support/order.ts';
import { Spawned } from '../support/spawned.ts';
import { TestAuthority } from '../support/test-authority.ts';

const soonMs = 15_000;
const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const { key, cert } = authority.issue('localhost');
const client = authority.issue('client');
const passphrase = 'correct horse battery';
const encryptedFile = path.join(authority.folder, 'encrypted.key');

beforeAll(async () => {
  writeFileSync(encryptedFile, authority.encrypted(client, passphrase));
  await builtPackage();
}, 60_000);
afterAll(() => {
  authority.remove();
  other.remove();
});

async function outcomeOf(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = new Spawned([process.execPath, 'dist/lib/cli/main.js', 'call', ...args], env);
  const { code } = await child.exit(soonMs);
  return { code, output: child.output, errors: child.errors };
}

const start = (options: ServerOptions = {}) =>
  startOrderServer(undefined, { tls: { key, cert }, reflection: true, ...options });
const mutual: ServerOptions = { tls: { key, cert, ca: authority.cert, requestCert: true } };
const order = ['Order/makeOrder', '-d', '{"goods":"apple"}'];
const ca = ['--cacert', authority.certFile];
const answered = { code: 0, output: '{"orderId":"apple"}\n', errors: '' };

describe('rocket call', () => {
  it.each([
    ['localhost', ca],
    ['localhost', ['--tls', ...ca]],
    ['tls://localhost', ca],
    ['grpcs://localhost', ca],
    ['grpcs:///dns:localhost', ca],
    ['127.0.0.1', [...ca, '--servername', 'localhost']],
  ])('calls %s with %j', async (host, flags) => {
    const { port } = await start();
    expect(await outcomeOf([`${host}:${port}`, ...order, ...flags])).toEqual(answered);
  });

  it.each(['grpc', 'tinypb'])('calls by %s', async (protocol) => {
    const { port } = await start();
    expect(await outcomeOf([`localhost:${port}`, ...order, ...ca, '--protocol', protocol])).toEqual(answered);
  });

  it('finds out that a server speaks TinyPB', async () => {
    const { port } = await start({ reflection: false, protocols: ['tinypb'] });
    expect(await outcomeOf([`localhost:${port}`, ...order, ...ca, '--proto', orderProto])).toEqual(answered);
  });

  it('shows its certificate, also with an encrypted key', async () => {
    const { port } = await start(mutual);
    const at = [`localhost:${port}`, ...order, ...ca, '--cert', client.certFile, '--key'];
    expect(await outcomeOf([...at, client.keyFile])).toEqual(answered);
    expect(await outcomeOf([...at, encryptedFile], { ROCKET_KEY_PASSPHRASE: passphrase })).toEqual(answered);
  });

  it('is refused without a certificate where one is due', async () => {
    const { port } = await start(mutual);
    const { code, errors } = await outcomeOf([`localhost:${port}`, ...order, ...ca]);
    expect(errors).toMatch(/^rocket call: UNAVAILABLE: .*certificate required.*--cert/);
    expect(code).toBe(78);
  });

  it.each([
    ['of another authority', ['--cacert', other.certFile], /UNAVAILABLE: .*\(option --cacert\)/],
    ['of none that Node.js trusts', ['--tls'], /UNAVAILABLE: .*--cacert/],
    ['for another name', [...ca, '--servername', 'example.com'], /UNAVAILABLE: .*example\.com.*--servername/],
  ])('refuses a certificate %s', async (_what, flags, said) => {
    const { port } = await start();
    const { code, errors, output } = await outcomeOf([`localhost:${port}`, ...order, ...flags]);
    expect(errors).toMatch(said);
    expect({ code, output }).toEqual({ code: 78, output: '' });
  });

  it('believes anything with --insecure, and says so', async () => {
    const { port } = await start();
    const { code, output, errors } = await outcomeOf([`localhost:${port}`, ...order, '--insecure']);
    expect({ code, output }).toEqual({ code: 0, output: answered.output });
    expect(errors).toMatch(/^rocket call: --insecure: the certificate is not checked/);
  });

  it('says so where one side speaks TLS and the other does not', async () => {
    const plain = await startOrderServer(undefined, { reflection: true });
    expect((await outcomeOf([plain.address, ...order, '--tls'])).code).toBe(78);
    const { address } = await start();
    expect((await outcomeOf([address, ...order])).code).toBe(78);
  });

  it.each([
    ['the wrong passphrase', [encryptedFile], { ROCKET_KEY_PASSPHRASE: 'wrong horse' }],
    ['no passphrase', [encryptedFile], {}],
    ['the key of another certificate', [other.certFile], {}],
    ['the key itself', [client.key], {}],
    ['what is in the key', [client.key.split('\n').slice(1, 3).join('')], {}],
  ])('shows nothing of a key in errors: %s', async (_what, [given = ''], env) => {
    const flags = [...ca, '--cert', client.certFile, '--key', given];
    const { code, output, errors } = await outcomeOf(['localhost:1', ...order, ...flags], env);
    expect(errors).toMatch(/^rocket call: (--key|\$ROCKET_KEY_PASSPHRASE)/);
    for (const secret of [...client.key.split('\n').filter((line) => line.length > 10), 'horse'])
      expect(errors).not.toContain(secret);
    expect({ code, output }).toEqual({ code: 2, output: '' });
  });
});

describe('rocket bench', () => {
  async function benchOf(args: readonly string[]) {
    const load = ['bench', '-n', '100', '-c', '10', '--threads', '2'];
    const child = new Spawned([process.execPath, 'dist/lib/cli/main.js', ...load, ...args]);
    const { code } = await child.exit(soonMs);
    return { code, output: child.output, errors: child.errors };
  }

  it.each(['grpc', 'tinypb'])('loads a server over TLS by %s', async (protocol) => {
    const { port } = await start(mutual);
    const own = ['--cert', client.certFile, '--key', client.keyFile];
    const at = ['--target', `localhost:${port}`, '--protocol', protocol];
    const { code, output, errors } = await benchOf([...at, ...ca, ...own]);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toMatch(/^ {2}protocol {4}(gRPC|TinyPB) over TLS$/m);
    expect(output).toMatch(/^ {2}succeeded {3}100 \(100 %\)$/m);
  });

  it('says why it cannot reach one', async () => {
    const { port } = await start();
    const at = ['--target', `localhost:${port}`, '--protocol', 'grpc'];
    const { code, errors } = await benchOf([...at, '--cacert', other.certFile]);
    expect(errors).toMatch(/cannot reach localhost:\d+: .*--cacert/i);
    expect(code).toBe(2);
    const wrong = await benchOf([...at, '--cert', client.certFile, '--key', other.certFile]);
    expect(wrong.errors).toMatch(/^rocket bench: --key/);
    expect(wrong.code).toBe(2);
  });
});
