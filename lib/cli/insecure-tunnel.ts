import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { connect } from 'node:tls';

/**
 * For clients that always check certificates, as that of etcd. `target`: `host:port`, or `https://` and that. Returns the
 * `127.0.0.1:port` where what is written goes there over TLS, and no certificate is checked. Whoever is on this machine
 * can connect to it, so it shows the server no certificate of its own.
 */
export async function openInsecureTunnel(target: string, servername: string | undefined): Promise<string> {
  const { hostname, port } = new URL(target.includes('://') ? target : `https://${target}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  const server: Server = createServer((near) => {
    const far = connect({
      servername,
      host,
      port: Number(port || 443),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    });
    // Whichever ends takes the other with it; the client says that its connection has ended.
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    // Only the client keeps the process.
    for (const socket of [near, far]) socket.unref();
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
