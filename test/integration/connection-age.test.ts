import { type ClientHttp2Session, connect } from 'node:http2';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServerOptions } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { Order, type OrderReply, type OrderRequest } from '../support/order.ts';
import { Changes } from '../support/waits.ts';

const { request, response } = Order.methods.makeOrder;
const soonMs = 8000;

function encoded(value: OrderRequest): Buffer {
  const room = Buffer.alloc(1024);
  return room.subarray(0, request.encodeInto(value, room, 0));
}

function grpcCaller(address: string): (goods: string) => Promise<string | undefined> {
  const client = new Client(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return (goods) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        '/Order/makeOrder',
        encoded,
        (bytes: Buffer): OrderReply => response.decode(bytes, 0, bytes.length),
        { goods },
        new Metadata(),
        { deadline: Date.now() + soonMs },
        (error, reply) => (error === null ? resolve(reply?.orderId) : reject(error)),
      );
    });
}

/** Calls from several loops until `enough`; what went wrong. */
async function callUntil(
  enough: () => boolean,
  call: (goods: string) => Promise<string | undefined>,
): Promise<unknown[]> {
  const wrong: unknown[] = [];
  let calls = 0;
  const loop = async () => {
    while (!enough() && calls < 2_000_000) {
      const goods = `g${calls++}`;
      try {
        const reply = await call(goods);
        if (reply !== goods) wrong.push(`${goods} was answered ${reply}`);
      } catch (error) {
        wrong.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, loop));
  return wrong;
}

/** Of a client of node:http2: the last stream of each GOAWAY that came. */
function goawaysOf(session: ClientHttp2Session) {
  const changes = new Changes();
  const lastStreams: (number | undefined)[] = [];
  let closed = false;
  session.on('goaway', (_code, lastStream) => {
    lastStreams.push(lastStream);
    changes.notify();
  });
  session.on('close', () => {
    closed = true;
    changes.notify();
  });
  onTestFinished(() => session.destroy());
  const until = (what: string, holds: () => boolean) =>
    changes.until(() => holds() || undefined, {
      deadlineMs: soonMs,
      what: () => `${what}; ${JSON.stringify({ lastStreams, closed })}`,
    });
  return { lastStreams, until, isClosed: () => closed };
}

describe('connections that end by age', () => {
  it('lose no call of grpc-js', async () => {
    const { server, address } = await startOrderServer(undefined, { maxConnectionAgeMs: 100 });
    const ended = () => server.stats().connectionsClosed.max_age ?? 0;
    expect(await callUntil(() => ended() >= 10, grpcCaller(address))).toEqual([]);
    expect(server.stats().connectionsClosed).toMatchObject({ bad_input: 0, reset: 0 });
  });

  it('lose no call of a channel', async () => {
    const { server, address } = await startOrderServer(undefined, { maxConnectionAgeMs: 20 });
    const { orders } = openOrders(address, { connections: 1 });
    const started = performance.now();
    // Busy for longer than the quiet second, and the age.
    const wrong = await callUntil(
      () => performance.now() - started > 1500,
      async (goods) => (await orders.makeOrder({ goods })).orderId,
    );
    expect(wrong).toEqual([]);
    expect(server.stats().connectionsTotal).toBe(1);
  });

  const inBothWays: [string, ServerOptions][] = [
    ['too old', { maxConnectionAgeMs: 50 }],
    ['without calls', { maxConnectionIdleMs: 50 }],
  ];
  it.each(inBothWays)('%s: node:http2 is told twice, while JavaScript is blocked', async (_way, options) => {
    const child = await startChild('blocked-server.mjs', ['3000', JSON.stringify(options)]);
    const port = Number(await child.said('listening', soonMs));
    child.tell('block');
    await child.said('blocked', soonMs);
    const goaways = goawaysOf(connect(`http://127.0.0.1:${port}`));
    await goaways.until('two GOAWAYs and the end', goaways.isClosed);
    // A session of Node.js whose streams have ended may close with the first.
    expect(goaways.lastStreams[0]).toBe(2 ** 31 - 1);
    expect(child.output).not.toContain('unblocked');
  });

  it('PINGs of the server are answered by node:http2, and its connection lives', async () => {
    const { server, address } = await startOrderServer(undefined, {
      keepaliveTimeMs: 10,
      keepaliveTimeoutMs: 5000,
    });
    const session = connect(`http://${address}`);
    const goaways = goawaysOf(session);
    let pings = 0;
    session.on('ping', () => {
      pings++;
    });
    session.on('ping', () => {
      if (pings === 5) session.close();
    });
    await goaways.until('five PINGs', goaways.isClosed);
    expect(pings).toBe(5);
    expect(server.stats().connectionsClosed.silent).toBe(0);
  });

  it('a client of node:http2 that sends too many PINGs is told so', async () => {
    const { address } = await startOrderServer();
    const session = connect(`http://${address}`);
    const told = new Promise<[number, string]>((resolve) => {
      session.on('goaway', (code, _last, text) => resolve([code, String(text)]));
    });
    session.on('error', () => {});
    session.on('connect', () => {
      for (let i = 0; i < 4; i++) session.ping(() => {});
    });
    onTestFinished(() => session.destroy());
    expect(await told).toEqual([11, 'too_many_pings']);
  });
});
