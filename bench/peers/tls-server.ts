/** Handshakes on node:tls and nothing else. TLS_CERT, TLS_KEY: files. Prints "listening PORT". */
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { identityFromEnvironment } from '../lib/identity.ts';

const server = tls.createServer({ ...identityFromEnvironment(), ALPNProtocols: ['h2'] }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.resume();
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${(server.address() as AddressInfo).port}`));
