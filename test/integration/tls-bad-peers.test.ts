/** Peers that begin TLS and then do what no peer should; the others are served, and what is said names the reason. */
import { createCipheriv, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { RpcError, type ServerTlsOptions } from '../../lib/index.ts';
import { openOrders, orderFrame, startOrderServer } from '../support/loopback.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { rawOverTls } from '../support/tls-clients.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const { key, cert } = authority.issue('localhost');
const ca = authority.cert;
const deadlineMs = 10_000;

afterAll(() => authority.remove());

/** What node:tls sends first. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1', servername: 'localhost' }).on(
    'error',
    () => undefined,
  );
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(
    socket.on('error', () => undefined),
    'data',
  )) as [Buffer];
  client.destroy();
  socket.destroy();
  return hello;
}

const record = (type: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from([type, 3, 3, bytes.length >> 8, bytes.length & 255]), bytes]);

function records(type: number, bytes: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16_384) parts.push(record(type, bytes.subarray(at, at + 16_384)));
  return Buffer.concat(parts);
}

/** The same with a padding extension of so many bytes. */
function padded(hello: Buffer, bytes: number): Buffer {
  const body = Buffer.from(hello.subarray(9));
  const session = 34;
  const suites = session + 1 + body[session]!;
  const compressions = suites + 2 + body.readUInt16BE(suites);
  const extensions = compressions + 1 + body[compressions]!;
  body.writeUInt16BE(body.readUInt16BE(extensions) + 4 + bytes, extensions);
  const head = Buffer.from([0, 21, bytes >> 8, bytes & 255]);
  const whole = Buffer.concat([body, head, Buffer.alloc(bytes)]);
  const length = Buffer.from([1, whole.length >> 16, (whole.length >> 8) & 255, whole.length & 255]);
  return records(22, Buffer.concat([length, whole]));
}

async function serve(tls: ServerTlsOptions = {}) {
  const started = await startOrderServer(undefined, { tls: { key, cert, ...tls } });
  const raw = async () => {
    const socket = connectTcp(started.port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => {
      socket.destroy();
    });
    await once(socket, 'connect');
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    const isClosed = () => until(() => closed, { deadlineMs, what: 'the end of the connection' });
    return { socket, isClosed };
  };
  const othersAreServed = async () => {
    const peer = await rawOverTls(started.port, { ca });
    peer.send(orderFrame('1'));
    expect((await peer.nextFrame(deadlineMs)).msgId).toBe('1');
  };
  return { ...started, raw, othersAreServed };
}

describe('a client that', () => {
  it('stops within its first message, or after it, is closed in time', async () => {
    const hello = await clientHello();
    for (const begun of [hello.subarray(0, 1), hello.subarray(0, 50), hello]) {
      const { raw, logs, server, othersAreServed } = await serve({ handshakeTimeoutMs: 200 });
      const { socket, isClosed } = await raw();
      socket.resume().write(begun);
      await othersAreServed();
      await isClosed();
      await logs('no TLS handshake within');
      expect(server.stats().connectionsClosed['tls_timeout']).toBe(1);
    }
  });

  it('sends a byte now and then is closed in time', async () => {
    const hello = await clientHello();
    const { raw, server, othersAreServed } = await serve({ handshakeTimeoutMs: 300 });
    const { socket, isClosed } = await raw();
    let sent = 0;
    const timer = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 10);
    onTestFinished(() => clearInterval(timer));
    await othersAreServed();
    await isClosed();
    expect(sent).toBeLessThan(hello.length);
    expect(server.stats().connectionsClosed['tls_timeout']).toBe(1);
  });

  it('begins with 64 KiB is answered', async () => {
    const { raw, othersAreServed } = await serve();
    const { socket } = await raw();
    socket.write(padded(await clientHello(), 60_000));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer[0]).toBe(22);
    expect(answer[5]).toBe(2); // ServerHello
    await othersAreServed();
  });

  it.each<[string, Buffer]>([
    [
      'announces a first message of 16 MiB',
      record(22, Buffer.from([1, 255, 255, 255, ...Buffer.alloc(500)])),
    ],
    ['begins with a message that comes later', record(22, Buffer.from([20, 0, 0, 12, ...Buffer.alloc(12)]))],
    ['begins with bytes of an application', record(23, Buffer.alloc(100))],
    ['begins with an alert', record(21, Buffer.from([2, 40]))],
    ['sends a record that is too long', Buffer.from([22, 3, 3, 255, 255, ...Buffer.alloc(2000)])],
    ['sends an empty record', record(22, Buffer.alloc(0))],
    [
      'sends many empty records',
      Buffer.concat(Array.from({ length: 5000 }, () => record(22, Buffer.alloc(0)))),
    ],
  ])('%s is closed, and logged', async (_what, bytes) => {
    const { raw, logs, server, othersAreServed } = await serve({ handshakeTimeoutMs: 500 });
    const { socket, isClosed } = await raw();
    socket.resume().write(bytes);
    await isClosed();
    await logs('TLS');
    await othersAreServed();
    const { tls = 0, tls_timeout = 0, bad_start_byte = 0 } = server.stats().connectionsClosed;
    expect(tls + tls_timeout + bad_start_byte + (server.stats().framesRejected['bad_start_byte'] ?? 0)).toBe(
      1,
    );
  });

  it('changes its mind after its first message', async () => {
    const { raw, logs, othersAreServed } = await serve();
    const { socket, isClosed } = await raw();
    socket.resume().write(Buffer.concat([await clientHello(), record(22, Buffer.alloc(300, 7))]));
    await isClosed();
    await logs('TLS: ');
    await othersAreServed();
  });

  it('ends without an end of TLS, within a frame, is no call', async () => {
    const { server, port, othersAreServed } = await serve();
    const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    const tls = connectTls({ socket, ca, servername: 'localhost', ALPNProtocols: ['tinypb'] });
    tls.on('error', () => undefined);
    await once(tls, 'secureConnect');
    const frame = orderFrame('1');
    tls.write(frame.subarray(0, frame.length - 1));
    await until(() => server.stats().connections === 1 && server.stats().handshakes === 0, {
      deadlineMs,
      what: 'a secured connection',
    });
    socket.end();
    await until(() => server.stats().connections === 0, { deadlineMs, what: 'its end' });
    expect(server.stats().callsTotal).toBe(0);
    expect(server.stats().connectionsClosed['reset']).toBe(1);
    await othersAreServed();
  });

  it('sends encrypted records without anything in them, for ever, is closed', async () => {
    const { server, port, othersAreServed } = await serve();
    const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    const tls = connectTls({
      socket,
      ca,
      servername: 'localhost',
      ciphers: 'TLS_AES_128_GCM_SHA256',
      minVersion: 'TLSv1.3',
    });
    tls.on('error', () => undefined);
    let secret: Buffer | undefined;
    tls.on('keylog', (line: Buffer) => {
      const [name, , hex] = line.toString().trim().split(' ');
      if (name === 'CLIENT_TRAFFIC_SECRET_0') secret = Buffer.from(hex!, 'hex');
    });
    await once(tls, 'secureConnect');
    await until(() => server.stats().connections === 1 && server.stats().handshakes === 0, {
      deadlineMs,
      what: 'a secured connection',
    });
    const seal = sealer(secret!);
    socket.write(Buffer.concat(Array.from({ length: 2000 }, () => seal(Buffer.alloc(0)))));
    await until(() => server.stats().connections === 0, { deadlineMs, what: 'the end of the connection' });
    expect(server.stats().connectionsClosed['tls']).toBe(1);
    await othersAreServed();
  });
});

/** Seals records of TLS_AES_128_GCM_SHA256, the first of its traffic secret and so on (RFC 8446, 7.3 and 5.2). */
function sealer(secret: Buffer): (content: Buffer) => Buffer {
  const expand = (label: string, length: number): Buffer => {
    const name = Buffer.from(`tls13 ${label}`);
    const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])]);
    return createHmac('sha256', secret).update(info).digest().subarray(0, length);
  };
  const writeKey = expand('key', 16);
  const iv = expand('iv', 12);
  let sequence = 0;
  return (content) => {
    const nonce = Buffer.from(iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence++) >>> 0, 8);
    const head = Buffer.from([23, 3, 3, 0, content.length + 17]);
    const cipher = createCipheriv('aes-128-gcm', writeKey, nonce).setAAD(head);
    const sealed = [cipher.update(Buffer.concat([content, Buffer.from([23])])), cipher.final()];
    return Buffer.concat([head, ...sealed, cipher.getAuthTag()]);
  };
}

describe('a server that', () => {
  const failureWith = async (behave: (socket: Socket) => void): Promise<string> => {
    const server = createServer((socket) => behave(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { orders } = openOrders(`tls://localhost:${port}`, {
      tls: { ca },
      retry: false,
      connectTimeoutMs: 300,
      connections: 1,
      backoff: { minMs: 10_000, maxMs: 10_000 },
    });
    const error: unknown = await orders.makeOrder({ goods: 'x' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).code).toBe('UNAVAILABLE');
    return (error as RpcError).message;
  };
  const onHello = (answer: (socket: Socket) => void) => (socket: Socket) => {
    socket.once('data', () => answer(socket));
  };
  /** Once more whenever the client has taken it. */
  const forEver = (bytes: Buffer) => (socket: Socket) => {
    const go = (): void => {
      while (!socket.destroyed && socket.write(bytes));
    };
    socket.on('drain', go);
    go();
  };

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['closes at once', (socket) => socket.end(), /without an end of TLS|connection was lost/],
    ['resets', onHello((socket) => socket.resetAndDestroy()), /without an end of TLS|connection was lost/],
    ['closes after the first message', onHello((socket) => socket.end()), /without an end of TLS/],
    [
      'answers without TLS',
      onHello((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      /wrong version number|packet/,
    ],
    ['answers with garbage', onHello((socket) => socket.end(Buffer.alloc(5000, 22))), /wrong version number/],
    ['logs nothing', () => undefined, /timed out \(option connectTimeoutMs\)/],
    [
      'sends a byte now and then',
      onHello((socket) => {
        const timer = setInterval(() => socket.write(Buffer.from([22])), 20);
        socket.on('close', () => clearInterval(timer));
      }),
      /timed out \(option connectTimeoutMs\)|wrong version number/,
    ],
    [
      'begins a message that never ends',
      onHello(forEver(records(22, Buffer.concat([Buffer.from([2, 255, 255, 255]), Buffer.alloc(1 << 20)])))),
      /excessive message size/,
    ],
    [
      'sends empty records for ever',
      onHello(forEver(record(22, Buffer.alloc(0)))),
      /TLS with localhost: (?!timed)/,
    ],
    ['warns for ever', onHello(forEver(record(21, Buffer.from([1, 90])))), /TLS with localhost: (?!timed)/],
    [
      'refuses',
      onHello((socket) => socket.end(record(21, Buffer.from([2, 40])))),
      /alert handshake failure.*tls\.ciphers/,
    ],
  ])('%s', async (_what, behave, text) => {
    expect(await failureWith(behave)).toMatch(text);
  });
});
