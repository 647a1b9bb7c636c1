import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePorts } from '../../support/free-ports.ts';
import { Spawned } from '../../support/spawned.ts';
import { until } from '../../support/waits.ts';
import type { CaseName } from './cases.ts';
import type { Running } from './peer-process.ts';
import { type PeerName, peerPath } from './peers.ts';

const startDeadlineMs = 10_000;
const stopDeadlineMs = 5000;

/** A proxy that takes HTTP/2 without TLS and passes it on as HTTP/2 over connections that it keeps. */
export interface ProxyPeer {
  readonly name: PeerName;
  /** Cases that do not get through it, whatever the client. */
  readonly lacks: readonly CaseName[];
  start(backendPort: number): Promise<Running>;
}

export const nginx: ProxyPeer = {
  name: 'nginx',
  lacks: [],
  start: (backendPort) => startProxy('nginx', nginxConfiguration, nginxArguments, backendPort),
};

/**
 * HAProxy 2.6 reads nothing from a connection while one of its streams has a full buffer. Many long requests and long
 * replies at once wait for each other so: ours are stuck, and those of grpc-js and connect-node come cut off.
 */
export const haproxy: ProxyPeer = {
  name: 'haproxy',
  lacks: ['concurrent_large_unary'],
  start: (backendPort) => startProxy('haproxy', haproxyConfiguration, haproxyArguments, backendPort),
};

/** On Go's own HTTP/2. It passes on what it reads, and its connections' windows are shared by all of their streams. */
export const caddy: ProxyPeer = {
  name: 'caddy',
  lacks: [],
  start: (backendPort) => startProxy('caddy', caddyConfiguration, caddyArguments, backendPort),
};

type Configuration = (folder: string, port: number, backendPort: number) => string;

function nginxArguments(folder: string, file: string): string[] {
  return ['-p', folder, '-c', file, '-e', 'stderr'];
}

function nginxConfiguration(folder: string, port: number, backendPort: number): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream backend {
    server 127.0.0.1:${backendPort};
    keepalive 8;
  }
  server {
    listen 127.0.0.1:${port} http2;
    client_max_body_size 0;
    location / { grpc_pass grpc://backend; }
  }
}
`;
}

function haproxyArguments(_folder: string, file: string): string[] {
  return ['-db', '-f', file];
}

function haproxyConfiguration(_folder: string, port: number, backendPort: number): string {
  return `
global
  maxconn 512
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend grpc
  bind 127.0.0.1:${port} proto h2
  default_backend servers
backend servers
  server one 127.0.0.1:${backendPort} proto h2
`;
}

function caddyArguments(_folder: string, file: string): string[] {
  return ['run', '--adapter', 'caddyfile', '--config', file];
}

function caddyConfiguration(_folder: string, port: number, backendPort: number): string {
  return `
{
  admin off
  auto_https off
  servers {
    protocols h1 h2 h2c
  }
}
http://127.0.0.1:${port} {
  reverse_proxy h2c://127.0.0.1:${backendPort}
}
`;
}

async function startProxy(
  name: PeerName,
  configuration: Configuration,
  argumentsOf: (folder: string, file: string) => string[],
  backendPort: number,
): Promise<Running> {
  const folder = mkdtempSync(path.join(tmpdir(), `rocket-${name}-`));
  const [port = 0] = await freePorts(1);
  const file = path.join(folder, 'configuration');
  writeFileSync(file, configuration(folder, port, backendPort));
  // Where Caddy keeps what nobody needs here.
  const env = { XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  const proxy = new Spawned([peerPath(name), ...argumentsOf(folder, file)], env);
  const stop = async (): Promise<void> => {
    // Killed, nginx would leave its worker behind.
    proxy.kill('SIGTERM');
    await proxy.exit(stopDeadlineMs);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(() => accepts(port, proxy), {
      deadlineMs: startDeadlineMs,
      what: () => `${name} to listen: ${proxy.describe()}`,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

async function accepts(port: number, proxy: Spawned): Promise<boolean> {
  if (!proxy.running) throw new Error(`a proxy ended at once: ${proxy.describe()}`);
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
