import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, in PEM, and the files they are in. */
export interface TestIdentity {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

interface IssueOptions {
  /** Subject alternative names, as OpenSSL writes them. Default: localhost and its addresses. */
  readonly names?: string;
  readonly expired?: boolean;
  /** Days from now from which and until which it is valid. Default: 2 days from now on. */
  readonly days?: readonly [from: number, until: number];
  /** Of an authority. */
  readonly ca?: boolean;
  /** As `openssl req -newkey` takes it, with its `-pkeyopt`. Default: `ec`, P-256. */
  readonly newkey?: readonly [algorithm: string, ...options: string[]];
  /** A DNS name that may hold anything, commas too, besides `names`. */
  readonly trickyName?: string;
}

const p256 = ['ec', 'ec_paramgen_curve:P-256'] as const;

const localNames = 'DNS:localhost,IP:127.0.0.1,IP:::1';

/** An authority of `openssl ca`, in a folder of its own. */
export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), 'rocket-ca-'));
  readonly cert: string;
  readonly key: string;
  readonly certFile = join(this.folder, 'ca.pem');
  #issued = 0;

  /** @param issuer of the authority's own certificate; otherwise it has signed it itself. */
  constructor(name = 'test authority', issuer?: TestAuthority) {
    const config = `
[ca]
default_ca = it
[it]
dir = ${this.folder}
database = $dir/index
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir/issued
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = names
[names]
`;
    mkdirSync(join(this.folder, 'issued'));
    writeFileSync(join(this.folder, 'config'), config);
    writeFileSync(join(this.folder, 'index'), '');
    writeFileSync(join(this.folder, 'serial'), '01\n');
    writeFileSync(join(this.folder, 'crlnumber'), '01\n');
    if (issuer !== undefined) {
      const { certFile, keyFile } = issuer.issue(name, { ca: true });
      copyFileSync(certFile, this.certFile);
      copyFileSync(keyFile, join(this.folder, 'ca.key'));
      this.cert = readFileSync(this.certFile, 'utf8');
      this.key = readFileSync(keyFile, 'utf8');
      return;
    }
    this.#openssl(
      ...['req', '-x509', '-days', '2', '-subj', `/CN=${name}`, '-keyout', 'ca.key', '-out', 'ca.pem'],
      ...['-config', 'config', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'subjectKeyIdentifier=hash'],
    );
    this.cert = readFileSync(this.certFile, 'utf8');
    this.key = readFileSync(join(this.folder, 'ca.key'), 'utf8');
  }

  issue(
    name: string,
    { names = localNames, expired = false, days, ca = false, newkey = p256, trickyName }: IssueOptions = {},
  ): TestIdentity {
    this.#issued++;
    const base = `${this.#issued}`;
    const extensions = ['-addext', `subjectAltName=${names}`];
    if (ca) extensions.push('-addext', 'basicConstraints=critical,CA:TRUE');
    if (trickyName !== undefined) {
      const sections = `[tricky]\nsubjectAltName = @tricky_names\n[tricky_names]\nDNS.1 = ${trickyName}\n`;
      writeFileSync(join(this.folder, 'tricky'), `[req]\ndistinguished_name = names\n[names]\n${sections}`);
      extensions.splice(0, 2, '-config', 'tricky', '-reqexts', 'tricky');
    }
    const [algorithm, ...keyOptions] = newkey;
    this.#openssl(
      ...['req', '-new', '-subj', `/CN=${name}`, '-keyout', `${base}.key`, '-out', `${base}.csr`],
      ...['-config', 'config', '-newkey', algorithm, '-nodes'],
      ...keyOptions.flatMap((option) => ['-pkeyopt', option]),
      ...extensions,
    );
    const at = (day: number): string =>
      `${new Date(Date.now() + day * 86_400_000).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`;
    const [from, until] = expired ? ['20200101000000Z', '20200201000000Z'] : (days ?? []).map(at);
    const dates = from === undefined || until === undefined ? [] : ['-startdate', from, '-enddate', until];
    this.#openssl(
      ...['ca', '-batch', '-notext', '-config', 'config', '-in', `${base}.csr`, '-out', `${base}.pem`],
      ...dates,
    );
    const certFile = join(this.folder, `${base}.pem`);
    const keyFile = join(this.folder, `${base}.key`);
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
  }

  revoke({ certFile }: TestIdentity): void {
    this.#openssl('ca', '-config', 'config', '-revoke', certFile);
  }

  /** The list of what is revoked by now. */
  revocations(): string {
    this.#openssl('ca', '-config', 'config', '-gencrl', '-out', 'crl.pem');
    return readFileSync(join(this.folder, 'crl.pem'), 'utf8');
  }

  /** The identity in a PKCS#12 file, with other certificates, in PEM. */
  pfx({ certFile, keyFile }: TestIdentity, passphrase: string, others = '', ...more: string[]): Buffer {
    const pass = ['-passout', `pass:${passphrase}`, ...more];
    writeFileSync(join(this.folder, 'others.pem'), others);
    if (others !== '') pass.push('-certfile', 'others.pem');
    this.#openssl('pkcs12', '-export', '-in', certFile, '-inkey', keyFile, '-out', 'it.p12', ...pass);
    return readFileSync(join(this.folder, 'it.p12'));
  }

  /** The key, encrypted. */
  encrypted({ keyFile }: TestIdentity, passphrase: string): string {
    return this.#openssl('pkcs8', '-topk8', '-in', keyFile, '-passout', `pass:${passphrase}`);
  }

  /** The key as older tools write it, `-----BEGIN EC PRIVATE KEY-----`; encrypted if there is a passphrase. */
  traditional({ keyFile }: TestIdentity, passphrase?: string): string {
    const encrypted = passphrase === undefined ? [] : ['-aes128', '-passout', `pass:${passphrase}`];
    return this.#openssl('pkey', '-traditional', '-in', keyFile, ...encrypted);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...args: string[]): string {
    return execFileSync('openssl', args, { cwd: this.folder, encoding: 'utf8', stdio: 'pipe' });
  }
}
