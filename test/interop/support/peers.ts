import { existsSync } from 'node:fs';
import path from 'node:path';

const built = path.resolve(import.meta.dirname, '../../../build/peers');
/** Debian puts proxies where only root's PATH looks. */
const commandFolders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];

/** Peers that scripts/setup-peers.sh builds, under build/peers. */
const ownFiles = {
  'grpc-go-client': 'bin/grpc-go-client',
  'grpc-go-server': 'bin/grpc-go-server',
  'grpc-go-order-server': 'bin/grpc-go-order-server',
  'grpc-java-client': 'bin/grpc-java-client',
  'grpc-java-server': 'bin/grpc-java-server',
  'grpc-java-certs': 'java-certs',
  'grpc-cpp-order-server': 'bin/grpc-cpp-order-server',
  'troubled-server': 'bin/troubled-server',
  'tonic-order-server': 'bin/tonic-order-server',
  'tonic-test-client': 'bin/tonic-test-client',
  'tonic-test-server': 'bin/tonic-test-server',
  h2spec: 'bin/h2spec',
  grpcurl: 'bin/grpcurl',
  ghz: 'bin/ghz',
  grpcio: 'python/bin/python',
} as const;

/** Peers that it installs from Debian. */
const commands = ['curl', 'h2load', 'nghttpd', 'nginx', 'haproxy', 'caddy', 'protoc'] as const;

export type PeerName = keyof typeof ownFiles | (typeof commands)[number];

/** Where a peer is; undefined when it is not installed. */
export function findPeer(name: PeerName): string | undefined {
  const candidates = isCommand(name)
    ? commandFolders.map((folder) => path.join(folder, name))
    : [path.join(built, ownFiles[name])];
  return candidates.find((file) => existsSync(file));
}

/** @throws Error that says how to install the peer. */
export function peerPath(name: PeerName): string {
  const file = findPeer(name);
  if (file === undefined) throw new Error(`${name} is not installed; scripts/setup-peers.sh installs it`);
  return file;
}

/** For `describe.skipIf`: tests of a peer that is not installed are skipped, and fail where CI runs. */
export function peersAreMissing(...names: readonly PeerName[]): boolean {
  const missing = names.filter((name) => findPeer(name) === undefined);
  if (missing.length === 0) return false;
  const what = `not installed: ${missing.join(', ')} (scripts/setup-peers.sh installs them)`;
  if (process.env['CI'] !== undefined) throw new Error(what);
  console.warn(`${what}: their tests are skipped`);
  return true;
}

function isCommand(name: PeerName): name is (typeof commands)[number] {
  return commands.some((command) => command === name);
}
