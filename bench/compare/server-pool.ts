import { atRest } from '../lib/at-rest.ts';
import { measureH2load } from '../lib/h2load.ts';
import { type Load, measureLoad, type ServerLoad } from '../lib/load.ts';
import { callGrpc, callTinypb } from '../lib/one-call.ts';
import { MissedWindowError } from '../lib/server-cpu.ts';
import { BenchServer } from '../lib/servers.ts';
import { measureStreams, type ServerStreams, type StreamLoad } from '../lib/stream-load.ts';
import {
  type Contender,
  type ContenderName,
  contenders,
  type Protocol,
  type ServerProgram,
} from './contenders.ts';
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
}

/** A new server of the contender. */
export async function startServer(
  { server }: Contender,
  setup: Setup,
  nodeOptions?: readonly string[],
): Promise<BenchServer> {
  return await startProgram(server, setup, nodeOptions);
}

async function startProgram(
  server: ServerProgram,
  { compiled, serverCpu: cpu }: Setup,
  nodeOptions: readonly string[] = ['--expose-gc'],
): Promise<BenchServer> {
  if (server.kind === 'native') return await BenchServer.launch([server.file()], { cpu, env: server.env });
  return await BenchServer.launch([process.execPath, ...nodeOptions, compiled(server.script)], { cpu });
}

/** One call on a connection of its own; rejects when the reply is wrong. */
export async function callOnce(protocol: Protocol, port: number): Promise<void> {
  await (protocol === 'h2' ? callGrpc(port) : callTinypb(port));
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
  readonly #streamServers = new Map<ContenderName, BenchServer>();
  #nghttpd: Nghttpd | undefined;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** The contender's server, found to answer rightly and warmed up. */
  async get(name: ContenderName): Promise<BenchServer> {
    const running = this.#servers.get(name);
    if (running !== undefined) return running;
    const contender = contenders[name];
    const server = await startServer(contender, this.#setup);
    this.#servers.set(name, server);
    await callOnce(contender.protocol, server.port);
    await measureServer(contender.protocol, server, {
      connections: 50,
      inflight: 1,
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
    const servers = [...this.#servers.values(), ...this.#streamServers.values()];
    await Promise.all(servers.map((server) => server.stop()));
    await this.#nghttpd?.stop();
  }
}
