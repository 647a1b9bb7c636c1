import { Metadata as GrpcMetadata, Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Metadata, RpcError } from '../../lib/index.ts';
import { gate, openOrders, startOrderServer } from '../support/loopback.ts';
import { Order, type OrderReply, type OrderRequest } from '../support/order.ts';

const { request, response } = Order.methods.makeOrder;

function replyBytes(value: OrderReply): Buffer {
  const room = Buffer.alloc(5 << 20);
  return room.subarray(0, response.encodeInto(value, room, 0));
}

type Answer = (
  value: OrderRequest,
  metadata: GrpcMetadata,
  reply: (error: object | null, value?: OrderReply, trailers?: GrpcMetadata) => void,
  sendMetadata: (metadata: GrpcMetadata) => void,
) => void;

/** A server of grpc-js with the one method of Order; returns its port. */
async function startGrpcJs(answer: Answer): Promise<number> {
  const server = new GrpcServer();
  server.addService(
    {
      makeOrder: {
        path: '/Order/makeOrder',
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: OrderRequest) => Buffer.from(JSON.stringify(value)),
        requestDeserialize: (bytes: Buffer) => request.decode(bytes, 0, bytes.length),
        responseSerialize: replyBytes,
        responseDeserialize: (bytes: Buffer) => response.decode(bytes, 0, bytes.length),
      },
    },
    {
      makeOrder: (
        call: {
          request: OrderRequest;
          metadata: GrpcMetadata;
          sendMetadata(metadata: GrpcMetadata): void;
        },
        done: (error: object | null, value?: OrderReply, trailers?: GrpcMetadata) => void,
      ) => answer(call.request, call.metadata, done, (metadata) => call.sendMetadata(metadata)),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  onTestFinished(() => server.forceShutdown());
  return port;
}

describe('a channel that speaks gRPC', () => {
  it('calls our own server', async () => {
    const { address } = await startOrderServer(({ price, goods }) => ({
      resInfo: goods ?? '',
      orderId: String(price),
    }));
    const { orders } = openOrders(`grpc://${address}`);
    const replies = await Promise.all(
      Array.from({ length: 500 }, (_, i) => orders.makeOrder({ price: i, goods: 'apple'.repeat(i % 7) })),
    );
    replies.forEach(({ orderId, resInfo }, i) => {
      expect(orderId).toBe(String(i));
      expect(resInfo).toBe('apple'.repeat(i % 7));
    });
  });

  it('calls a server of grpc-js, with metadata both ways', async () => {
    let heard: GrpcMetadata | undefined;
    const port = await startGrpcJs((value, metadata, reply, sendMetadata) => {
      heard = metadata;
      const headers = new GrpcMetadata();
      headers.set('begins', 'now');
      sendMetadata(headers);
      reply(null, { resInfo: value.goods ?? '', orderId: String(value.price) });
    });
    const { orders } = openOrders(`grpc://127.0.0.1:${port}`);
    const metadata = new Metadata();
    metadata.set('tenant', 'blue');
    const reply = await orders.makeOrder({ price: 7, goods: 'pear' }, { metadata, timeoutMs: 5000 });
    expect(reply).toMatchObject({ resInfo: 'pear', orderId: '7' });
    expect(heard?.get('tenant')).toEqual(['blue']);
    expect(heard?.get('user-agent')[0]).toMatch(/^rocket-rpc-node\/\d/);
  });

  it('hears the status and the message of an error', async () => {
    const port = await startGrpcJs((_value, _metadata, reply) =>
      reply({ code: status.NOT_FOUND, details: 'kein Käse' }),
    );
    const { orders } = openOrders(`grpc://127.0.0.1:${port}`);
    const error = await orders.makeOrder({ price: 1, goods: 'cheese' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).code).toBe('NOT_FOUND');
    expect((error as RpcError).message).toContain('kein Käse');
  });

  it.each(['gzip', 'deflate'] as const)('reads replies compressed by %s', async (format) => {
    const { address } = await startOrderServer(({ goods }, context) => {
      context.responseCompression = format;
      return { resInfo: goods ?? '' };
    });
    const { orders } = openOrders(`grpc://${address}`);
    const goods = 'apple '.repeat(20_000);
    const reply = await orders.makeOrder({ price: 1, goods });
    expect(reply.resInfo === goods).toBe(true);
  });

  it('carries large messages both ways', async () => {
    const { address } = await startOrderServer(({ goods }) => ({ resInfo: goods ?? '' }));
    const { orders } = openOrders(`grpc://${address}`);
    const goods = 'ünicode '.repeat(300_000);
    const reply = await orders.makeOrder({ price: 1, goods });
    expect(reply.resInfo === goods).toBe(true);
  });

  it('ends a call at its deadline and tells the server', async () => {
    const stopped = gate<string>();
    const port = await startGrpcJs(() => undefined);
    const { address } = await startOrderServer(
      (_order, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            stopped.resolve('aborted');
            resolve({});
          });
        }),
    );
    for (const target of [`127.0.0.1:${port}`, address]) {
      const { orders } = openOrders(`grpc://${target}`);
      const error = await orders
        .makeOrder({ price: 1, goods: '' }, { timeoutMs: 200 })
        .catch((caught: unknown) => caught);
      expect((error as RpcError).code).toBe('DEADLINE_EXCEEDED');
    }
    expect(await stopped.promise).toBe('aborted');
  });

  it('says what answers where no server of gRPC does', async () => {
    const { address } = await startOrderServer(undefined, { protocols: ['tinypb'] });
    const { orders } = openOrders(`grpc://${address}`);
    const error = await orders.makeOrder({ price: 1, goods: '' }).catch((caught: unknown) => caught);
    expect((error as RpcError).code).toBe('UNAVAILABLE');
    expect((error as RpcError).message).toContain('does not answer as a server of gRPC');
  });
});
