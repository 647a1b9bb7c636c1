/**
 * Holds idle HTTP/2 connections, with `--tls` in TLS: `--port P --idle N [--tls]`. Prints "connected N" once each has exchanged settings with the
 * server, holds them until its stdin ends, then prints "closed".
 */
import http2 from 'node:http2';
import { parseArgs } from 'node:util';
import { tlsSuite } from '../lib/identity.ts';

const option = { type: 'string' } as const;
const { values } = parseArgs({ options: { port: option, idle: option, tls: { type: 'boolean' } } });
const scheme = values.tls ? 'https' : 'http';
const tlsOptions = { rejectUnauthorized: false, ciphers: tlsSuite.cipher, ecdhCurve: tlsSuite.group };
/** As many at a time as a server's backlog surely takes. */
const batch = 100;
const sessions: http2.ClientHttp2Session[] = [];

function connected(): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`${scheme}://127.0.0.1:${values.port}`, tlsOptions);
    sessions.push(session);
    session.on('error', reject);
    session.once('remoteSettings', () => resolve());
  });
}

for (let left = Number(values.idle); left > 0; left -= batch) {
  await Promise.all(Array.from({ length: Math.min(batch, left) }, connected));
}
console.log(`connected ${sessions.length}`);
process.stdin.resume().on('end', () => {
  const open = sessions.filter(({ closed, destroyed }) => !closed && !destroyed).length;
  console.log(open === sessions.length ? 'closed' : `dropped ${sessions.length - open}`);
  for (const session of sessions) session.destroy();
});
