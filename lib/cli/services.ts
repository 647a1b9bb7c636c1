import { createPrivateKey } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { type EtcdOptions, type EtcdTls, etcd, type RegisteredInstance } from '../index.ts';
import { documentPath } from './document-path.ts';
import { openInsecureTunnel } from './insecure-tunnel.ts';
import { addTlsFlags, byTlsFlag, type TlsFlags, tlsOf, warnIfInsecure } from './tls-flags.ts';
import { complainInOneLine } from './wrong-arguments.ts';

const help = `
Examples:
  rocket services                                      all services of the etcd at 127.0.0.1:2379
  rocket services Order --watch                        one service, painted anew every two seconds
  rocket services --etcd 10.0.0.1:2379,10.0.0.2:2379
  ETCD_PASSWORD=... rocket services --user reader --cacert ca.crt
  rocket services --json | jq                          for machines

"left" is how long the entry will last without a sign of life of its server.

How services find each other: ${documentPath('discovery.md')}

Exit codes: 0 shown (also when there is none), 1 etcd could not be asked, 2 wrong arguments`;

interface ServicesOptions extends TlsFlags {
  readonly etcd?: string;
  readonly user?: string;
  readonly prefix?: string;
  readonly watch?: true;
  readonly interval: number;
  readonly json?: true;
}

/** `rocket services`. */
export function servicesCommand(): Command {
  const command = new Command('services')
    .description('shows what is registered in etcd, with the remaining time of the leases')
    .argument('[service]', 'only this one')
    .option(
      '--etcd <hosts>',
      'host:port, several with commas (default: $ETCDCTL_ENDPOINTS, or 127.0.0.1:2379)',
    )
    .option('--user <name>', 'user of an etcd with authentication; its password is read from $ETCD_PASSWORD')
    .option('--prefix <text>', 'prefix of the keys (default: /rocket/service/)')
    .option('-w, --watch', 'continues until Ctrl-C')
    .option('--interval <seconds>', 'how often with --watch', seconds, 2)
    .option('--json', 'as JSON, a line each time')
    .addHelpText('after', help);
  addTlsFlags(command, 'etcd');
  return complainInOneLine(command, 'rocket services').action(
    async (service: string | undefined, options: ServicesOptions) => {
      try {
        process.exitCode = await showServices(service, options);
      } catch (error) {
        // Only wrong arguments throw.
        command.error(byFlag((error as Error).message));
      }
    },
  );
}

async function showServices(service: string | undefined, options: ServicesOptions): Promise<number> {
  const registry = etcd(await etcdOptions(options));
  warnIfInsecure('rocket services', options);
  let painted = false;
  for (;;) {
    let text: string;
    let failed = false;
    try {
      const instances = await registry.instances(service);
      text = options.json === true ? JSON.stringify(instances) : tableOf(instances, service);
    } catch (error) {
      if (error instanceof TypeError) throw error;
      text = `rocket services: ${byTlsFlag((error as Error).message)}`;
      failed = true;
    }
    if (failed && options.watch !== true) {
      console.error(text);
      return 1;
    }
    const clear = painted && process.stdout.isTTY && options.json !== true ? '\x1b[H\x1b[2J' : '';
    process.stdout.write(`${clear}${text}\n`);
    painted = true;
    if (options.watch !== true) return 0;
    await pause(options.interval * 1000);
  }
}

async function etcdOptions(options: ServicesOptions): Promise<EtcdOptions> {
  if (options.insecure !== true) return checkedOptions(options);
  tlsOf(options);
  if (options.cert !== undefined)
    throw new TypeError(
      '--cert and --key cannot be used with --insecure: for so long, everybody on this machine could ask etcd in your ' +
        'name. Give --cacert instead, with --servername if the certificate is for another name',
    );
  const { hosts = defaultHosts(), ...others } = checkedOptions({ ...options, ...withoutTls });
  etcd({ ...others, hosts });
  const given = typeof hosts === 'string' ? hosts.split(',') : hosts;
  const tunnels = await Promise.all(given.map((host) => openInsecureTunnel(host.trim(), options.servername)));
  return { ...others, hosts: tunnels };
}

const withoutTls = {
  tls: undefined,
  cacert: undefined,
  cert: undefined,
  key: undefined,
  servername: undefined,
};

function defaultHosts(): string {
  return process.env['ETCDCTL_ENDPOINTS'] ?? '127.0.0.1:2379';
}

function checkedOptions(options: ServicesOptions): EtcdOptions {
  const { user, prefix } = options;
  const password = process.env['ETCD_PASSWORD'];
  if (user !== undefined && password === undefined)
    throw new TypeError('--user needs the password in the environment variable ETCD_PASSWORD');
  const tls = etcdTls(options);
  return {
    logger: false,
    ...(options.etcd === undefined ? {} : { hosts: options.etcd }),
    ...(user === undefined || password === undefined ? {} : { auth: { username: user, password } }),
    ...(tls === undefined ? {} : { tls }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

/** etcd's client takes keys decrypted. */
function etcdTls(options: ServicesOptions): true | EtcdTls | undefined {
  const { passphrase, ca, cert, key, servername } = tlsOf(options) ?? {};
  const pem = (given: unknown): Buffer | undefined =>
    given instanceof Uint8Array ? Buffer.from(given) : undefined;
  const own = pem(key);
  const tls = {
    ...optional('ca', pem(ca)),
    ...optional('cert', pem(cert)),
    ...optional('key', own === undefined || passphrase === undefined ? own : decrypted(own, passphrase)),
    ...optional('servername', servername),
  };
  if (Object.keys(tls).length > 0) return tls;
  return options.tls === true ? true : undefined;
}

function decrypted(key: Buffer, passphrase: string): Buffer {
  try {
    return Buffer.from(createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' }));
  } catch {
    throw new TypeError('--key cannot be decrypted with $ROCKET_KEY_PASSPHRASE');
  }
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value });
}

const flags: Readonly<Record<string, string>> = {
  hosts: '--etcd (or ETCDCTL_ENDPOINTS)',
  prefix: '--prefix',
  tls: '--tls',
  auth: '--user',
};

/** An error of etcd() about one of its options, with the name of the flag. */
function byFlag(message: string): string {
  return byTlsFlag(message).replace(/^option (\w+)/, (whole, name: string) => flags[name] ?? whole);
}

function tableOf(instances: readonly RegisteredInstance[], service: string | undefined): string {
  if (instances.length === 0)
    return service === undefined ? 'nothing is registered' : `no instance of ${service} is registered`;
  const table = new Table({
    head: ['service', 'address', 'weight', 'left', 'metadata'],
    colAligns: ['left', 'left', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  let previous: string | undefined;
  for (const { service: name, address, weight, lease, metadata } of instances) {
    const fields = Object.entries(metadata).map(([key, value]) => `${key}=${value}`);
    const left = lease === undefined ? 'for ever' : `${Math.max(0, lease.left)} of ${lease.granted} s`;
    table.push([name === previous ? '' : name, address, weight, left, fields.join(' ')]);
    previous = name;
  }
  return table.toString();
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0.1 && value <= 3600) return value;
  throw new InvalidArgumentError('It must be a number from 0.1 to 3600.');
}
