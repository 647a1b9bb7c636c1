import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * Ports nobody listens on now, for a program that must be told its port; so there is a moment in which another could
 * take one.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
