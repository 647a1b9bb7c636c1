import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { messageOf } from '../contract/value-text.ts';
import type { ClientTlsOptions } from '../index.ts';

/** The TLS flags that were given. */
export interface TlsFlags {
  readonly tls?: true | undefined;
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  readonly insecure?: true | undefined;
}

/**
 * The environment variable with the passphrase of --key. Every process of the machine could read it among the
 * arguments.
 */
const passphraseVariable = 'ROCKET_KEY_PASSPHRASE';

/** Adds the options to a command that connects to `peer`. */
export function addTlsFlags(command: Command, peer: string): Command {
  return command
    .option('--tls', `TLS to ${peer}; the other options of TLS mean it too`)
    .option('--cacert <file>', 'authorities to believe, PEM (default: those that Node.js trusts)')
    .option('--cert <file>', 'own certificate with its chain, PEM; with --key')
    .option('--key <file>', `key of --cert, PEM; what decrypts it is read from $${passphraseVariable}`)
    .option('--servername <name>', `name that the certificate of ${peer} must be for (default: its host)`)
    .option('--insecure', 'believe any certificate: TLS then protects from nobody in between');
}

/**
 * Undefined: no flag asks for TLS. @throws TypeError that names the flag and never quotes a key, even if a key was
 * given instead of its file.
 */
export function tlsOf(flags: TlsFlags): ClientTlsOptions | undefined {
  const { tls, cacert, cert, key, servername, insecure } = flags;
  if ([tls, cacert, cert, key, servername, insecure].every((flag) => flag === undefined)) return undefined;
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('--cert and --key go together');
  if (insecure === true && cacert !== undefined)
    throw new TypeError('--cacert has no effect with --insecure; leave one of them out');
  const passphrase = process.env[passphraseVariable];
  return {
    ...(cacert === undefined ? {} : { ca: pemOf('--cacert', cacert) }),
    ...(cert === undefined ? {} : { cert: pemOf('--cert', cert) }),
    ...(key === undefined ? {} : { key: pemOf('--key', key) }),
    ...(key === undefined || passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

/** Warns on stderr of what --insecure means. */
export function warnIfInsecure(name: string, { insecure }: TlsFlags): void {
  if (insecure === true)
    console.error(
      `${name}: --insecure: the certificate is not checked, so whoever is in between can read and change everything`,
    );
}

const flagOf: Readonly<Record<string, string>> = {
  ca: '--cacert',
  cert: '--cert',
  key: '--key',
  servername: '--servername',
  passphrase: `$${passphraseVariable}`,
  rejectUnauthorized: '--insecure',
};

/** A text of the library about TLS options, with the names of the flags. */
export function byTlsFlag(text: string): string {
  return text
    .replaceAll(/(?:option )?\btls\.(\w+)(?:\[\d+\])?/g, (whole, name: string) => flagOf[name] ?? whole)
    .replaceAll(/options (--cacert), tls\.crl/g, 'option $1');
}

/** The argument may be the key itself: it is quoted only if it looks like a path, and for --key never. */
function pemOf(flag: string, file: string): Buffer {
  if (file.includes('\n') || file.includes('-----'))
    throw new TypeError(`${flag} takes the name of a file, not what is in it`);
  try {
    const pem = readFileSync(file);
    if (pem.length > 0) return pem;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const shown = flag === '--key' || file.length > 1024 ? '' : ` ${JSON.stringify(file)}`;
    throw new TypeError(`${flag}: the file${shown} cannot be read: ${code ?? messageOf(error)}`);
  }
  throw new TypeError(`${flag}: the file is empty`);
}
