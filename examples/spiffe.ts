/**
 * Callers by their certificates: an interceptor lets in those whose SPIFFE id may call the method. Needs the program
 * openssl, which makes an authority and certificates for the example.
 *
 * `npx tsx examples/spiffe.ts`
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Channel, createClient, RpcError, Server, type ServerInterceptor } from 'rocket-rpc';
import { Greeter } from './greeter.ts';

/** Who may call what. */
const allowed: ReadonlyMap<string, readonly string[]> = new Map([
  ['greeter.Greeter.hello', ['spiffe://example.org/ns/shop/sa/web']],
]);

/** Refuses everybody who is not in the list, before the handler sees the call. */
const bySpiffeId: ServerInterceptor = ({ method, context: { peer } }, next) => {
  const id = peer.authorized ? peer.certificate?.spiffeId : undefined;
  if (id === undefined) throw new RpcError('UNAUTHENTICATED', 'the caller shows no SPIFFE id');
  if (!allowed.get(method)?.includes(id))
    throw new RpcError('PERMISSION_DENIED', `${id} may not call ${method}`);
  return next();
};

const folder = mkdtempSync(path.join(tmpdir(), 'rocket-spiffe-'));
try {
  const ca = authority();
  const server = new Server({
    tls: { ...identity('server', 'DNS:localhost'), ca, requestCert: true },
    interceptors: [bySpiffeId],
  });
  server.addService(Greeter, { hello: ({ name }) => ({ text: `hello, ${name}` }) });
  const { port } = await server.listen('127.0.0.1:0');
  for (const name of ['web', 'batch']) {
    const own = identity(name, `URI:spiffe://example.org/ns/shop/sa/${name}`);
    const channel = new Channel(`tls://localhost:${port}`, { tls: { ca, ...own } });
    try {
      const { text } = await createClient(Greeter, channel).hello({ name });
      console.log(`${name}: ${text}`);
    } catch (error) {
      console.log(
        `${name}: ${error instanceof RpcError ? `${error.code}: ${error.message}` : String(error)}`,
      );
    }
    await channel.close();
  }
  await server.close();
} finally {
  rmSync(folder, { recursive: true });
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

/** The authority's certificate, PEM. */
function authority(): string {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key'];
  openssl('req', '-x509', '-days', '1', '-subj', '/CN=example', ...key, '-out', 'ca.pem');
  return readFileSync(path.join(folder, 'ca.pem'), 'utf8');
}

/** A key, and a certificate of the authority with that alternative name. */
function identity(name: string, altName: string): { key: string; cert: string } {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const names = ['-addext', `subjectAltName=${altName}`];
  openssl('req', '-new', '-subj', `/CN=${name}`, ...key, ...names, '-out', `${name}.csr`);
  const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
  openssl('x509', '-req', '-days', '1', '-in', `${name}.csr`, ...signer, '-out', `${name}.pem`);
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
}
