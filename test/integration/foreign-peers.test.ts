import { once } from 'node:events';
import { createServer as createHttp, get, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server as NetServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServerOptions } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const deadlineMs = 8000;
/** Fatal, protocol_version. */
const protocolVersionAlert = Buffer.from([0x15, 3, 1, 0, 2, 2, 70]);

describe('a server that is talked to in another protocol', () => {
  const clients: [string, string, RegExp, (port: number) => void, ServerOptions?][] = [
    [
      'HTTP/1',
      'http1',
      /bad_start_byte \(the client speaks HTTP\/1, this server TinyPB and gRPC\)/,
      (port) => void get({ port, host: '127.0.0.1' }).on('error', () => undefined),
    ],
    [
      'HTTP/2',
      'http2',
      /the client speaks HTTP\/2/,
      (port) => {
        const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => undefined);
        onTestFinished(() => session.destroy());
      },
      { protocols: ['tinypb'] },
    ],
    [
      'TLS',
      'tls',
      /the client speaks TLS/,
      (port) => void connectTls({ port, host: '127.0.0.1' }).on('error', () => undefined),
    ],
  ];

  it.each(clients)('%s: says so, and counts it', async (_, name, line, talk, options) => {
    const { server, port, logged } = await startOrderServer(undefined, options);
    talk(port);
    await until(() => logged.length > 0, { deadlineMs, what: 'the line' });
    expect(logged[0]).toMatch(line);
    expect(server.stats()).toMatchObject({
      framesRejected: { bad_start_byte: 1 },
      foreignConnections: { http1: 0, http2: 0, tls: 0, [name]: 1 },
    });
  });

  it('HTTP/1: answers so that curl shows it', async () => {
    const { port } = await startOrderServer();
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(400);
    expect(await response.text()).toBe('This port speaks TinyPB and gRPC (rocket-rpc) only\n');
  });

  it('HTTP/1: an upgrade to h2c is not made', async () => {
    const { port } = await startOrderServer();
    const headers = {
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAAP__',
    };
    const request = get({ port, host: '127.0.0.1', headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(400);
    response.resume();
  });

  it('does not guess at what it does not know', async () => {
    const { server, port, logged } = await startOrderServer();
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write('hello\n');
    await until(() => logged.length > 0, { deadlineMs, what: 'the line' });
    expect(logged[0]).toMatch(/bad_start_byte$/);
    expect(server.stats()).toMatchObject({ foreignConnections: { http1: 0, http2: 0, tls: 0 } });
  });
});

describe('a call to a server of another protocol', () => {
  async function listening(server: NetServer): Promise<string> {
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const servers: [string, () => NetServer][] = [
    ['HTTP/1', () => createHttp()],
    ['HTTP/2', () => createHttp2()],
    // As Go and OpenSSL do; Node.js says nothing before it closes.
    [
      'TLS',
      () =>
        createServer(
          (socket) =>
            void socket.on('error', () => undefined).once('data', () => socket.end(protocolVersionAlert)),
        ),
    ],
  ];

  it.each(servers)('%s: the error says so', async (protocol, make) => {
    const server = make();
    server.on('error', () => undefined);
    const { orders } = openOrders(await listening(server), { connections: 1 });
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`the server speaks ${protocol}`) as string,
    });
  });
});
