import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { freePorts } from './free-ports.ts';
import { freezeProcess } from './frozen-process.ts';
import { until } from './waits.ts';

const isInstalled = spawnSync('etcd', ['--version']).status === 0;

/** For `describe.skipIf`: without etcd its tests are skipped, and fail where CI runs. */
export function etcdIsMissing(): boolean {
  if (isInstalled) return false;
  if (process.env['CI'] !== undefined)
    throw new Error('etcd is not installed; scripts/setup.sh installs etcd-server');
  console.warn('etcd is not installed (scripts/setup.sh installs etcd-server): its tests are skipped');
  return true;
}

export interface EtcdTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Ask clients for a certificate of the same authority. */
  readonly clientCerts: boolean;
}

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** Plain HTTP, whatever clients speak: /health and /metrics. */
  readonly metricsPort: number;
  process: ChildProcess | undefined;
  log: string;
}

/** A real etcd of one or several members on loopback, with data of its own; gone when the test ends. */
export class EtcdServer {
  readonly #root = mkdtempSync(path.join(tmpdir(), 'rocket-etcd-'));
  readonly #tls: EtcdTlsFiles | undefined;
  readonly #members: Member[] = [];
  /** Counts wipes: the data directories are of this generation. */
  #generation = 0;

  private constructor(tls: EtcdTlsFiles | undefined) {
    this.#tls = tls;
  }

  static async start(members = 1, tls?: EtcdTlsFiles): Promise<EtcdServer> {
    const server = new EtcdServer(tls);
    onTestFinished(() => server.#remove());
    const ports = await freePorts(3 * members);
    for (let i = 0; i < members; i++) {
      const [clientPort, peerPort, metricsPort] = ports.splice(0, 3) as [number, number, number];
      server.#members.push({
        name: `m${i}`,
        clientPort,
        peerPort,
        metricsPort,
        process: undefined,
        log: '',
      });
    }
    await server.startAll();
    return server;
  }

  get hosts(): string[] {
    return this.#members.map(({ clientPort }) => `127.0.0.1:${clientPort}`);
  }

  get port(): number {
    return this.#member(0).clientPort;
  }

  async startAll(): Promise<void> {
    for (const member of this.#members) if (member.process === undefined) this.#spawn(member);
    await this.ready();
  }

  /** Starts a member without waiting for it, since without a quorum it does not get well. */
  launch(member = 0): void {
    this.#spawn(this.#member(member));
  }

  /** Until every running member is well. */
  async ready(): Promise<void> {
    for (const member of this.#members) {
      if (member.process === undefined) continue;
      await until(() => this.#isWell(member), {
        deadlineMs: 20_000,
        what: () => `etcd ${member.name} to be well: ${member.log.slice(-2000)}`,
      });
    }
  }

  async kill(member = 0): Promise<void> {
    const found = this.#member(member);
    const { process } = found;
    found.process = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const exit = once(process, 'exit');
    process.kill('SIGKILL');
    await exit;
  }

  async freeze(member = 0): Promise<void> {
    const pid = this.#member(member).process?.pid;
    if (pid !== undefined) await freezeProcess(pid);
  }

  thaw(member = 0): void {
    this.#member(member).process?.kill('SIGCONT');
  }

  /** Kills all members and starts them empty: another cluster on the same ports. */
  async wipe(): Promise<void> {
    for (let i = 0; i < this.#members.length; i++) await this.kill(i);
    this.#generation++;
    await this.startAll();
  }

  /** The number of the member that leads now. */
  async leader(): Promise<number> {
    for (let i = 0; i < this.#members.length; i++) {
      if (this.#member(i).process === undefined) continue;
      if ((await this.metric('etcd_server_is_leader', i)) === 1) return i;
    }
    throw new Error('etcd has no leader');
  }

  /** A figure of etcd's own metrics; `name` is a regular expression. */
  async metric(name: string, member = 0): Promise<number> {
    const text = await this.#http(this.#member(member), '/metrics');
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
    if (found === null) throw new Error(`etcd has no metric ${name}`);
    return Number(found[1]);
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (member === undefined) throw new RangeError(`etcd has no member ${index}`);
    return member;
  }

  #spawn(member: Member): void {
    const scheme = this.#tls === undefined ? 'http' : 'https';
    const peers = this.#members.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`);
    const clients = `${scheme}://127.0.0.1:${member.clientPort}`;
    const peer = `http://127.0.0.1:${member.peerPort}`;
    const flags = {
      name: member.name,
      'data-dir': path.join(this.#root, `${member.name}-${this.#generation}`),
      'listen-client-urls': clients,
      'advertise-client-urls': clients,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': peers.join(','),
      'initial-cluster-token': `generation-${this.#generation}-${this.port}`,
      'listen-metrics-urls': `http://127.0.0.1:${member.metricsPort}`,
      'log-level': 'warn',
    };
    const { ca, cert, key, clientCerts = false } = this.#tls ?? {};
    const tls = this.#tls === undefined ? [] : [`--cert-file=${cert}`, `--key-file=${key}`];
    if (clientCerts) tls.push('--client-cert-auth', `--trusted-ca-file=${ca}`);
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const child = spawn('etcd', [...args, ...tls], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        member.log = (member.log + text).slice(-10_000);
      });
    }
    member.process = child;
  }

  async #isWell(member: Member): Promise<boolean> {
    if (member.process?.exitCode != null) throw new Error(`etcd ended: ${member.log.slice(-3000)}`);
    const text = await this.#http(member, '/health').catch(() => '');
    return text.includes('"true"');
  }

  async #http(member: Member, url: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${member.metricsPort}${url}`, {
      signal: AbortSignal.timeout(2000),
    });
    return answer.text();
  }

  async #remove(): Promise<void> {
    for (let i = 0; i < this.#members.length; i++) {
      this.thaw(i);
      await this.kill(i);
    }
    rmSync(this.#root, { recursive: true, force: true });
  }
}
