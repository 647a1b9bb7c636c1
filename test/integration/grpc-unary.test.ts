import { Client, credentials, Metadata as GrpcMetadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CallContext, RpcError } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { gate, openOrders, startOrderServer } from '../support/loopback.ts';
import { Order, type OrderReply, type OrderRequest } from '../support/order.ts';
import { until } from '../support/waits.ts';

const { request, response } = Order.methods.makeOrder;
const soonMs = 8000;

function encoded(value: OrderRequest): Buffer {
  const room = Buffer.alloc(5 << 20);
  return room.subarray(0, request.encodeInto(value, room, 0));
}

interface Answer {
  error?: ServiceError;
  reply?: OrderReply;
  headers?: GrpcMetadata;
  trailers?: GrpcMetadata;
}

/** A client of grpc-js, closed when the test ends. */
function grpcTo(address: string) {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  onTestFinished(() => client.close());
  return (
    value: OrderRequest,
    options: { metadata?: GrpcMetadata; deadlineMs?: number; path?: string; signal?: AbortSignal } = {},
  ): Promise<Answer> =>
    new Promise((resolve) => {
      const answer: Answer = {};
      const call = client.makeUnaryRequest(
        options.path ?? '/Order/makeOrder',
        encoded,
        (bytes: Buffer) => response.decode(bytes, 0, bytes.length),
        value,
        options.metadata ?? new GrpcMetadata(),
        { deadline: Date.now() + (options.deadlineMs ?? soonMs) },
        (error, reply) => {
          if (error !== null) answer.error = error;
          if (reply !== undefined) answer.reply = reply;
        },
      );
      call.on('metadata', (headers: GrpcMetadata) => {
        answer.headers = headers;
      });
      call.on('status', (end) => {
        answer.trailers = end.metadata;
        setImmediate(() => resolve(answer));
      });
      options.signal?.addEventListener('abort', () => call.cancel());
    });
}

describe('a server that grpc-js calls', () => {
  it('answers both protocols on one port with the same handler', async () => {
    const { server, address } = await startOrderServer();
    const call = grpcTo(address);
    const { orders } = openOrders(address);
    const [byGrpc, byTinypb] = await Promise.all([
      call({ goods: 'apple' }),
      orders.makeOrder({ goods: 'pear' }),
    ]);
    expect(byGrpc.reply).toMatchObject({ orderId: 'apple' });
    expect(byTinypb).toMatchObject({ orderId: 'pear' });
    const many = await Promise.all(
      Array.from({ length: 200 }, (_, n) => call({ goods: `g${n}` }).then(({ reply }) => reply?.orderId)),
    );
    expect(many).toEqual(Array.from({ length: 200 }, (_, n) => `g${n}`));
    expect(server.stats().foreignConnections).toEqual({ http1: 0, http2: 0, tls: 0, plain: 0 });
  });

  it('carries metadata both ways, with several values and bytes', async () => {
    let seen: [string, string | Uint8Array][] = [];
    const { address } = await startOrderServer((_request, context) => {
      seen = [...context.metadata];
      context.responseMetadata
        .append('a', '1')
        .append('a', '2')
        .set('h-bin', new Uint8Array([0, 255]));
      context.trailers.set('t', 'end').set('t-bin', new Uint8Array([1]));
      return {};
    });
    const metadata = new GrpcMetadata();
    metadata.add('key', 'one');
    metadata.add('key', 'two');
    metadata.add('b-bin', Buffer.from([0, 1, 254, 255]));
    const { headers, trailers } = await grpcTo(address)({}, { metadata });
    expect(seen.filter(([key]) => key !== 'user-agent')).toEqual([
      ['key', 'one'],
      ['key', 'two'],
      ['b-bin', new Uint8Array([0, 1, 254, 255])],
    ]);
    // They leave as two fields; Node's HTTP/2 client joins them before grpc-js sees them.
    expect(headers?.get('a')).toEqual(['1, 2']);
    expect(headers?.get('h-bin')).toEqual([Buffer.from([0, 255])]);
    expect(trailers?.get('t')).toEqual(['end']);
    expect(trailers?.get('t-bin')).toEqual([Buffer.from([1])]);
  });

  it('sends trailers by TinyPB with the other metadata', async () => {
    const { address } = await startOrderServer((_request, context) => {
      context.responseMetadata.set('a', '1');
      context.trailers.set('t', 'end');
      return {};
    });
    const { orders } = openOrders(address);
    let received: unknown;
    await orders.makeOrder(
      {},
      {
        onMetadata: (metadata) => {
          received = [...metadata];
        },
      },
    );
    expect(received).toEqual([
      ['a', '1'],
      ['t', 'end'],
    ]);
  });

  it('fails a reply whose metadata gRPC cannot carry', async () => {
    const { address, logged } = await startOrderServer((_request, context) => {
      context.responseMetadata.set('a', 'h\u00e9');
      return {};
    });
    const { error } = await grpcTo(address)({});
    expect(error?.code).toBe(status.INTERNAL);
    expect(logged.join()).toMatch(/failed/);
  });

  it.each([
    ['NOT_FOUND', 'no such order'],
    ['RESOURCE_EXHAUSTED', 'slow down: 100%'],
    ['DATA_LOSS', '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n'],
  ] as const)('sends %s with its message', async (code, text) => {
    const { address } = await startOrderServer(() => {
      throw new RpcError(code, text);
    });
    const { error } = await grpcTo(address)({});
    expect(error).toMatchObject({ code: status[code], details: text });
  });

  it('says no more than INTERNAL of an error that is no RpcError', async () => {
    const { address } = await startOrderServer(() => {
      throw new Error('secret');
    });
    const { error } = await grpcTo(address)({});
    expect(error).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
  });

  it('carries large messages up to the limit, and names the option past it', async () => {
    const { address } = await startOrderServer(undefined, { maxMessageBytes: 1 << 20 });
    const call = grpcTo(address);
    const goods = 'x'.repeat((1 << 20) - 8);
    expect((await call({ goods })).reply?.orderId).toHaveLength(goods.length);
    const { error } = await call({ goods: `${goods}12345678` });
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error?.details).toContain('maxMessageBytes');
  });

  it('answers an unknown method and an unknown service UNIMPLEMENTED', async () => {
    const { address } = await startOrderServer();
    const call = grpcTo(address);
    for (const path of ['/Order/nothing', '/Nobody/makeOrder']) {
      const { error } = await call({}, { path });
      expect(error?.code).toBe(status.UNIMPLEMENTED);
    }
  });

  it('aborts the signal when the caller cancels, or its deadline passes', async () => {
    const started = gate<CallContext>();
    const { server, address } = await startOrderServer(async (_request, context) => {
      started.resolve(context);
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      return {};
    });
    const stop = new AbortController();
    const call = grpcTo(address);
    const answer = call({}, { signal: stop.signal });
    const context = await started.promise;
    stop.abort();
    expect((await answer).error?.code).toBe(status.CANCELLED);
    await until(() => context.signal.aborted, { deadlineMs: soonMs, what: 'the abort' });
    const { error } = await call({}, { deadlineMs: 50 });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => server.stats().callsInFlight === 0, { deadlineMs: soonMs, what: 'the call to end' });
  });

  it('finishes what runs when the server closes', async () => {
    const answer = gate<OrderReply>();
    const { server, address } = await startOrderServer(() => answer.promise);
    const begun = grpcTo(address)({});
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the call' });
    const closed = server.close({ drainMs: soonMs });
    answer.resolve({ orderId: 'late' });
    expect((await begun).reply).toMatchObject({ orderId: 'late' });
    await closed;
  });

  it('speaks only what it is told to', async () => {
    const tinypb = await startOrderServer(undefined, { protocols: ['tinypb'] });
    expect((await grpcTo(tinypb.address)({}, { deadlineMs: 500 })).error).toBeDefined();
    expect(tinypb.server.stats().foreignConnections['http2']).toBeGreaterThan(0);
    const grpc = await startOrderServer(undefined, { protocols: ['grpc'] });
    expect((await grpcTo(grpc.address)({ goods: 'x' })).reply).toMatchObject({ orderId: 'x' });
    const { orders } = openOrders(grpc.address, { timeoutMs: 500 });
    await expect(orders.makeOrder({})).rejects.toThrow(RpcError);
  });
});

it('keeps deadlines and answers health while JavaScript is blocked', async () => {
  const child = await startChild('blocked-server.mjs', ['2500']);
  const address = `127.0.0.1:${await child.said('listening', soonMs)}`;
  const call = grpcTo(address);
  const health = new Client(address, credentials.createInsecure());
  onTestFinished(() => health.close());
  const check = () =>
    new Promise<number>((resolve, reject) => {
      const raw = (bytes: Buffer) => bytes;
      health.makeUnaryRequest('/grpc.health.v1.Health/Check', raw, raw, Buffer.alloc(0), (error, bytes) =>
        error === null ? resolve(bytes?.[1] ?? 0) : reject(error),
      );
    });
  expect(await check()).toBe(1);
  child.tell('block');
  await child.said('blocked', soonMs);
  const { error } = await call({}, { deadlineMs: 300 });
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  await until(async () => (await check()) === 2, { deadlineMs: soonMs, what: 'NOT_SERVING' });
});
