import { atRest } from '../lib/at-rest.ts';
import { measureH2load } from '../lib/h2load.ts';
import type { Identity } from '../lib/identity.ts';
import { type Load, measureLoad, type ServerLoad } from '../lib/load.ts';
import { callGrpc, callTinypb } from '../lib/one-call.ts';
import { MissedWindowError } from '../lib/server-cpu.ts';
import { BenchServer } from '../lib/servers.ts';
import { measureStreams, type ServerStreams, type StreamLoad } from '../lib/stream-load.ts';
import { type Contender, type ContenderName, contenders, type Program, type Protocol } from './contenders.ts';
import { Nghttpd } from './nghttpd.ts';

const attempts = 3;

/** How servers are started. */
export interface Setup {
  /** What has become of a TypeScript source, see compileBenches(). */
  readonly compiled: (source: string) => string;
  readonly serverCpu: number | undefined;
  readonly loadCpu: number | undefined;
  /** Load on a new server before anything is measured, so that its code is compiled. */
  readonly primeSeconds: Readonly<Record<Protocol, number>>;
  /** Of servers that speak TLS; undefined when there are none. */
  readonly identity: Identity | undefined;
}

/** How a server is started that is not the pool's. */
export interface StartOptions {
  readonly tls?: boolean;
  /** Of Node; default: those that let a bench ask for a garbage collection. */
  readonly nodeOptions?: readonly string[];
}

/** A new server of the contender. */
export async function startServer(
  { server }: Contender,
  setup: Setup,
  options?: StartOptions,
): Promise<BenchServer> {
  return await startProgram(server, setup, options);
}

async function startProgram(
  server: Program,
  { compiled, serverCpu: cpu, identity }: Setup,
  { tls = false, nodeOptions = ['--expose-gc'] }: StartOptions = {},
): Promise<BenchServer> {
  if (tls && identity === undefined) throw new Error('no certificate was made');
  const tlsEnv = tls ? identity?.env : {};
  if (server.kind === 'native')
    return await BenchServer.launch([server.file()], { cpu, env: { ...server.env, ...tlsEnv } });
  const command = [process.execPath, ...nodeOptions, compiled(server.script)];
  return await BenchServer.launch(command, { cpu, env: { ...tlsEnv } });
}

/** One call on a connection of its own; rejects when the reply is wrong. `tls` is of gRPC only. */
export async function callOnce(protocol: Protocol, port: number, { tls = false } = {}): Promise<void> {
  await (protocol === 'h2' ? callGrpc(port, { tls }) : callTinypb(port));
}

/** The load generator of the protocol, or ours for both; a window that was missed is measured again. */
export async function measureServer(
  protocol: Protocol,
  server: BenchServer,
  load: Omit<Load, 'port'>,
): Promise<ServerLoad> {
  const measure = protocol === 'h2' && load.grpc !== true ? measureH2load : measureLoad;
  const measured = await again(() => measure(server.pid, { ...load, port: server.port }));
  await atRest(server.pid);
  return measured;
}

/** Streams on the server; a window that was missed is measured again. */
export async function measureServerStreams(
  server: BenchServer,
  load: Omit<StreamLoad, 'port'>,
): Promise<ServerStreams> {
  const measured = await again(() => measureStreams(server.pid, { ...load, port: server.port }));
  await atRest(server.pid);
  return measured;
}

/** Up to three attempts when the machine was too busy to see the window. */
export async function again<T>(measure: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await measure();
    } catch (error) {
      if (!(error instanceof MissedWindowError) || attempt === attempts) throw error;
    }
  }
}

/** The servers of one round, each started when it is first needed. */
export class ServerPool {
  readonly #setup: Setup;
  readonly #servers = new Map<ContenderName, BenchServer>();
  readonly #tlsServers = new Map<ContenderName, BenchServer>();
  readonly #streamServers = new Map<ContenderName, BenchServer>();
  #nghttpd: Nghttpd | undefined;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** The contender's server, found to answer rightly and warmed up. */
  async get(name: ContenderName, { tls = false } = {}): Promise<BenchServer> {
    const servers = tls ? this.#tlsServers : this.#servers;
    const running = servers.get(name);
    if (running !== undefined) return running;
    const contender = contenders[name];
    const server = await startServer(contender, this.#setup, { tls });
    servers.set(name, server);
    await callOnce(contender.protocol, server.port, { tls });
    await measureServer(contender.protocol, server, {
      connections: 50,
      inflight: 1,
      tls,
      warmupSeconds: this.#setup.primeSeconds[contender.protocol],
      seconds: 0.2,
      cpu: this.#setup.loadCpu,
    });
    return server;
  }

  /** The contender's server of streams, warmed up by streams of this kind when it is new. */
  async streams(name: ContenderName, method: StreamLoad['method']): Promise<BenchServer> {
    const running = this.#streamServers.get(name);
    if (running !== undefined) return running;
    const { streams, protocol } = contenders[name];
    if (streams === undefined) throw new RangeError(`${name} serves no streams`);
    const server = await startProgram(streams, this.#setup);
    this.#streamServers.set(name, server);
    await measureServerStreams(server, {
      method,
      connections: 50,
      streamsPerConnection: 1,
      warmupSeconds: this.#setup.primeSeconds[protocol],
      seconds: 0.2,
      cpu: this.#setup.loadCpu,
    });
    return server;
  }

  /** The server that clients of this protocol wait for least. */
  async fastest(protocol: Protocol): Promise<BenchServer> {
    if (protocol === 'tinypb') return await this.get('native');
    if (!Nghttpd.isInstalled()) return await this.get('grpc-js');
    this.#nghttpd ??= await Nghttpd.start(this.#setup.serverCpu);
    return this.#nghttpd.server;
  }

  async stop(): Promise<void> {
    const pools = [this.#servers, this.#tlsServers, this.#streamServers];
    const servers = pools.flatMap((pool) => [...pool.values()]);
    await Promise.all(servers.map((server) => server.stop()));
    await this.#nghttpd?.stop();
  }
}
