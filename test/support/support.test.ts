import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { laneHighWaterBytes, resetSocket } from './fault-lane.ts';
import { startFaultProxy, type Target } from './fault-proxy.ts';
import { connectRaw } from './raw-client.ts';
import { type OnRequest, type RawServerOptions, replyTo, startRawServer } from './raw-server.ts';
import { encodeFrame, FrameError } from './tinypb.ts';
import { DeadlineError, settled, until, withDeadline } from './waits.ts';

const deadlineMs = 2000;
const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const echo: OnRequest = (frame, connection) => connection.reply(frame, { body: frame.body });
const silent: OnRequest = () => undefined;

function request(msgId: string, body = Buffer.from('body')): Buffer {
  return encodeFrame({ msgId, method: 'Order.makeOrder', errCode: 0, errInfo: '', body, checksum: 'none' });
}

async function serve(onRequest: OnRequest, options?: RawServerOptions) {
  const server = await startRawServer(onRequest, options);
  cleanups.push(() => server.close());
  return server;
}

async function dial(port: number) {
  const client = await connectRaw(port);
  cleanups.push(() => client.destroy());
  return client;
}

async function front(target: Target) {
  const proxy = await startFaultProxy(target);
  cleanups.push(() => proxy.close());
  return proxy;
}

async function chain(onRequest: OnRequest) {
  const server = await serve(onRequest);
  const proxy = await front(server);
  const client = await dial(proxy.port);
  await until(() => server.connections.length === 1, { deadlineMs, what: 'the proxied connection' });
  return { server, proxy, client, connection: server.connections[0] ?? expect.fail('no connection') };
}

/** The reset may come before the client has noticed that it was connected. */
async function expectReset(port: number): Promise<void> {
  const outcome = await settled(
    dial(port).then((client) => client.waitClosed(deadlineMs)),
    deadlineMs,
  );
  if (outcome.status === 'fulfilled') expect(outcome.value).toBe('reset');
  else expect(outcome.reason).toMatchObject({ code: 'ECONNRESET' });
}

describe('waits', () => {
  it('until sees a condition that comes true later, and names what it waited for in vain', async () => {
    let turns = 0;
    await until(() => ++turns === 5, { deadlineMs, what: 'five turns' });
    await until(async () => ++turns === 8, { deadlineMs, what: 'eight turns' });
    const late = until(() => false, { deadlineMs: 10, what: () => `the moon (${turns})` });
    await expect(late).rejects.toThrow(new DeadlineError('waited 10 ms for the moon (8)'));
    const hanging = until(() => new Promise(() => undefined), { deadlineMs: 10, what: 'an answer' });
    await expect(hanging).rejects.toThrow(DeadlineError);
  });

  it('settled distinguishes both endings and rejects if there is none', async () => {
    expect(await settled(Promise.resolve(1), deadlineMs)).toEqual({ status: 'fulfilled', value: 1 });
    const reason = new Error('no');
    expect(await settled(Promise.reject(reason), deadlineMs)).toEqual({ status: 'rejected', reason });
    await expect(settled(new Promise(() => undefined), 10)).rejects.toThrow(DeadlineError);
  });
});

describe('raw client and server', () => {
  it('exchange frames, also in 1-byte segments and many in one', async () => {
    const server = await serve(echo);
    const client = await dial(server.port);
    await client.sendSplit(request('slow'), 1);
    expect(await client.nextFrame(deadlineMs)).toMatchObject({ msgId: 'slow', body: Buffer.from('body') });
    const ids = Array.from({ length: 200 }, (_, index) => `${index}`);
    client.send(Buffer.concat(ids.map((id) => request(id))));
    expect((await client.frames(200, deadlineMs)).map((frame) => frame.msgId)).toEqual(ids);
    expect(server.connections[0]?.requests).toBe(201);
  });

  it('keep the frames that came when fewer than asked for did', async () => {
    const server = await serve(echo);
    const client = await dial(server.port);
    client.send(request('1'));
    await until(() => client.framesWaiting === 1, { deadlineMs, what: 'the reply' });
    await expect(client.frames(2, 10)).rejects.toThrow(/waited 10 ms for 2 frames, got 1 /);
    expect((await client.nextFrame(deadlineMs)).msgId).toBe('1');
  });

  it('tell a reset from an end, and a frame that will not come', async () => {
    const server = await serve((frame, connection) =>
      frame.msgId === 'rst' ? connection.reset() : connection.end(),
    );
    const reset = await dial(server.port);
    const waiting = settled(reset.nextFrame(deadlineMs), deadlineMs);
    reset.send(request('rst'));
    expect(await reset.waitClosed(deadlineMs)).toBe('reset');
    expect(await waiting).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/reset/) },
    });
    const ended = await dial(server.port);
    ended.send(request('fin'));
    expect(await ended.waitClosed(deadlineMs)).toBe('end');
    await expect(ended.nextFrame(deadlineMs)).rejects.toThrow(/no more frames will come.*connection: end/);
  });

  it('a half-closed server still gets requests, a half-closed client still gets replies', async () => {
    const server = await serve(echo, { onConnection: (connection) => connection.end() });
    const client = await dial(server.port);
    await client.waitClosed(deadlineMs);
    client.send(request('1'));
    await until(() => server.connections[0]?.requests === 1, { deadlineMs, what: 'the request' });
    const replying = await serve(echo);
    const halfClosed = await dial(replying.port);
    halfClosed.send(request('2'));
    halfClosed.end();
    expect((await halfClosed.nextFrame(deadlineMs)).msgId).toBe('2');
    expect(await replying.connections[0]?.waitClosed(deadlineMs)).toBe('end');
  });

  it('a paused client holds the server up and gets everything after resuming', async () => {
    const body = Buffer.alloc(1024 * 1024);
    const server = await serve((frame, connection) => {
      for (let n = 0; n < 16; n++) connection.reply(frame, { body, checksum: 'none' });
    });
    const client = await dial(server.port);
    client.pauseReading();
    client.send(request('1'));
    const unsent = () => (server.connections[0]?.bytesUnsent ?? 0) > body.length;
    await until(unsent, { deadlineMs, what: 'the server to be held up' });
    expect(client.framesWaiting).toBe(0);
    client.resumeReading();
    expect(await client.frames(16, deadlineMs)).toHaveLength(16);
  });

  it('returns the frames before a malformed one, then throws the reason', async () => {
    const server = await serve((frame, connection) => {
      connection.send(Buffer.concat([replyTo(frame), Buffer.from('030200000000', 'hex')]));
    });
    const client = await dial(server.port);
    client.send(request('1'));
    expect((await client.nextFrame(deadlineMs)).msgId).toBe('1');
    const broken = await settled(client.nextFrame(deadlineMs), deadlineMs);
    expect(broken).toMatchObject({ status: 'rejected', reason: expect.any(FrameError) });
    expect(broken).toMatchObject({ reason: { reason: 'bad_start_byte' } });
  });

  it('every wait names its deadline, and ends when this side closes', async () => {
    const server = await serve(silent);
    const client = await dial(server.port);
    await expect(client.nextFrame(10)).rejects.toThrow(/waited 10 ms for a frame \(connection: open/);
    await expect(client.waitClosed(10)).rejects.toThrow(/waited 10 ms for the peer to close/);
    const waiting = settled(client.waitClosed(deadlineMs), deadlineMs);
    client.reset();
    expect(await waiting).toMatchObject({ status: 'rejected', reason: expect.any(Error) });
    expect(await server.connections[0]?.waitClosed(deadlineMs)).toBe('reset');
  });
});

describe('fault proxy', () => {
  it('forwards both ways and counts', async () => {
    const { proxy, client } = await chain(echo);
    const bytes = request('1');
    client.send(bytes);
    expect((await client.nextFrame(deadlineMs)).msgId).toBe('1');
    expect(proxy.traffic('toTarget').bytes).toBe(bytes.length);
    expect(proxy.connections).toBe(1);
    client.end();
    client.destroy();
    await until(() => proxy.heldBytes === 0, { deadlineMs, what: 'an empty proxy' });
  });

  it('passes FIN and RST on', async () => {
    const first = await chain(silent);
    first.client.end();
    expect(await first.connection.waitClosed(deadlineMs)).toBe('end');
    first.connection.end();
    expect(await first.client.waitClosed(deadlineMs)).toBe('end');
    await until(() => first.proxy.connections === 0, { deadlineMs, what: 'no connection left' });
    const second = await chain(silent);
    second.connection.reset();
    expect(await second.client.waitClosed(deadlineMs)).toBe('reset');
  });

  it('cut resets both sides', async () => {
    const { proxy, client, connection } = await chain(silent);
    proxy.cut();
    expect(await client.waitClosed(deadlineMs)).toBe('reset');
    expect(await connection.waitClosed(deadlineMs)).toBe('reset');
    await until(() => proxy.connections === 0, { deadlineMs, what: 'no connection left' });
  });

  it('cutAfter lets exactly that many bytes through, once', async () => {
    const { server, proxy, client, connection } = await chain(echo);
    proxy.cutAfter(37, 'toTarget');
    client.send(request('1'));
    expect(await client.waitClosed(deadlineMs)).toBe('reset');
    expect(await connection.waitClosed(deadlineMs)).toBe('reset');
    expect(connection.bytesReceived).toBe(37);
    const again = await dial(proxy.port);
    proxy.cutAfter(5, 'toClient');
    again.send(request('2'));
    expect(await again.waitClosed(deadlineMs)).toBe('reset');
    expect(again.bytesReceived).toBe(5);
    const third = await dial(proxy.port);
    third.send(request('3'));
    expect((await third.nextFrame(deadlineMs)).msgId).toBe('3');
    expect(server.connections).toHaveLength(3);
  });

  it('delays, and keeps order', async () => {
    const { proxy, client } = await chain(echo);
    proxy.delay(30, 'toClient');
    const started = performance.now();
    client.send(request('1'));
    client.send(request('2'));
    expect((await client.frames(2, deadlineMs)).map((frame) => frame.msgId)).toEqual(['1', '2']);
    expect(performance.now() - started).toBeGreaterThanOrEqual(30);
  });

  it('freezes one direction, holds a bounded amount, and delivers it all after thawing', async () => {
    const { proxy, client, connection } = await chain(echo);
    proxy.freeze('toTarget');
    const flood = Buffer.concat(
      Array.from({ length: 16 }, (_, n) => request(`${n}`, Buffer.alloc(1024 * 1024))),
    );
    client.send(flood);
    await until(() => proxy.heldBytes >= laneHighWaterBytes, { deadlineMs, what: 'the proxy to fill' });
    await until(() => client.bytesUnsent > 0, { deadlineMs, what: 'the client to be held up' });
    expect(connection.bytesReceived).toBe(0);
    expect(proxy.heldBytes).toBeLessThan(2 * laneHighWaterBytes);
    proxy.thaw('toTarget');
    await client.frames(16, deadlineMs);
    expect(connection.bytesReceived).toBe(flood.length);
  });

  it('accepts while frozen', async () => {
    const { server, proxy } = await chain(echo);
    proxy.freeze();
    const client = await dial(proxy.port);
    client.send(request('1'));
    await until(() => proxy.heldBytes > 0, { deadlineMs, what: 'held bytes' });
    client.end();
    proxy.thaw();
    expect((await client.nextFrame(deadlineMs)).msgId).toBe('1');
    expect(server.connections).toHaveLength(2);
  });

  it('closes a socket that is cut while its end is being sent', async () => {
    const { port } = await serve(silent);
    const socket = connect({ port, allowHalfOpen: true });
    cleanups.push(() => void socket.destroy());
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.end();
    resetSocket(socket);
    await withDeadline(closed, { deadlineMs, what: 'the end of the socket' });
  });

  it('splits into pieces, each a write of its own', async () => {
    const { proxy, client } = await chain(echo);
    proxy.split(1, 'toTarget');
    const bytes = request('1');
    client.send(bytes);
    expect((await client.nextFrame(deadlineMs)).msgId).toBe('1');
    expect(proxy.traffic('toTarget')).toEqual({ bytes: bytes.length, writes: bytes.length });
    expect(proxy.traffic('toClient').writes).toBe(1);
  });

  it('refuses new connections only, and resets when the target is gone', async () => {
    const { server, proxy, client } = await chain(echo);
    proxy.refuse(true);
    await expectReset(proxy.port);
    expect(proxy.accepted).toBe(1);
    client.send(request('1'));
    await client.nextFrame(deadlineMs);
    proxy.refuse(false);
    await server.close();
    await expectReset(proxy.port);
  });
});
