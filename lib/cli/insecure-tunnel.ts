import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { connect } from 'node:tls';

/**
 * For clients that always check certificates, such as that of etcd. `target`: `host:port`, or `https://host:port`.
 * Returns a `127.0.0.1:port` from which bytes are forwarded to the target over TLS without checking its certificate.
 * Any process on this machine can connect to it, so it presents no client certificate to the server.
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
    // If one of the two sockets ends, the other is closed, so the client notices that its connection has ended.
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    // The tunnel does not keep the process alive; only the client does.
    for (const socket of [near, far]) socket.unref();
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
