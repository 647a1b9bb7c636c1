import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientGrpcProxy, type CustomTransportStrategy } from '@nestjs/microservices';
import { Channel, createClient, loadProto, type ServerStream, type Unary } from 'rocket-rpc';
import { lastValueFrom, of, take, toArray } from 'rxjs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Order, Orders } from '../../examples/nestjs/messages.ts';
import { builtPackage } from '../support/child.ts';
import { freePorts } from '../support/free-ports.ts';

const run = promisify(execFile);
const folder = path.resolve('examples/nestjs');
const protoPath = path.join(folder, 'orders.proto');

// The example imports the compiled package, as its users do.
beforeAll(() => builtPackage(), 60_000);

async function output(transport: string): Promise<string> {
  const [port] = await freePorts(1);
  const args = ['--import', 'tsx', path.join(folder, 'main.ts'), transport, `127.0.0.1:${port}`];
  const env = { ...process.env, TSX_TSCONFIG_PATH: path.join(folder, 'tsconfig.json') };
  const { stdout, stderr } = await run(process.execPath, args, { timeout: 30_000, env });
  expect(stderr).toBe('');
  return stdout;
}

/** The application in this process, until the test ends. */
async function start(): Promise<string> {
  const { OrdersModule } = await import('../../examples/nestjs/orders.module.ts');
  const { onRocket } = await import('../../examples/nestjs/transport.ts');
  const transport = onRocket('127.0.0.1:0');
  const app: INestMicroservice = await NestFactory.createMicroservice(OrdersModule, {
    ...transport,
    logger: false,
  });
  onTestFinished(() => app.close());
  await app.listen();
  const { strategy } = transport as { strategy: CustomTransportStrategy & { address?: { address: string } } };
  return strategy.address!.address;
}

describe('examples/nestjs', () => {
  it('prints the same on either transport, and ends by itself', { timeout: 60_000 }, async () => {
    const printed = await output('rocket');
    expect(printed).toBe(
      [
        "ordered: { id: '1', goods: 'apple', count: 3, state: 'NEW' }",
        'refused: 3 INVALID_ARGUMENT: how many?',
        'refused: 16 UNAUTHENTICATED: no token that we know',
        'imported: { orders: 2, items: 7 }',
        "watched: { id: '1', goods: 'apple', count: 3, state: 'NEW' }",
        "watched: { id: '3', goods: 'apple', count: 5, state: 'NEW' }",
        "quoted: { goods: 'fig', price: 21 }",
        '',
      ].join('\n'),
    );
    expect(await output('nest')).toBe(printed);
  });

  it('is called by a channel, which has no need of Nest', async () => {
    const { Orders: service } = loadProto<{
      Orders: {
        makeOrder: Unary<{ goods: string; count: number }, { id: bigint; goods: string }>;
        watchOrders: ServerStream<{ goods: string }, { id: bigint; goods: string }>;
      };
    }>(protoPath);
    // By both protocols: streams go by gRPC, on the same port.
    await using channel = new Channel(await start());
    const orders = createClient(service, channel);
    const metadata = { token: 'secret' };
    const made = await orders.makeOrder({ goods: 'apple', count: 1 }, { metadata });
    expect(made).toMatchObject({ id: 1n, goods: 'apple' });
    for await (const order of orders.watchOrders({ goods: 'apple' }, { metadata })) {
      expect(order).toMatchObject({ id: 1n });
      break;
    }
    await expect(orders.makeOrder({ goods: 'apple', count: 1 })).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'no token that we know',
    });
  });

  it('is called by a client of grpc-js', async () => {
    const { orders } = loadPackageDefinition(
      loadSync(protoPath, { longs: String, enums: String }),
    ) as never as {
      orders: { Orders: ServiceClientConstructor };
    };
    const client = new orders.Orders(await start(), credentials.createInsecure());
    onTestFinished(() => client.close());
    const metadata = new Metadata();
    metadata.set('token', 'secret');
    const made = await new Promise((resolve, reject) => {
      client['makeOrder']!({ goods: 'pear', count: 2 }, metadata, (error: Error | null, order: Order) =>
        error === null ? resolve(order) : reject(error),
      );
    });
    expect(made).toEqual({ id: '1', goods: 'pear', count: 2 });
    const watched = client['watchOrders']!({}, metadata) as ClientReadableStream<Order>;
    watched.on('error', () => undefined);
    const [order] = await new Promise<Order[]>((resolve) =>
      watched.once('data', (each: Order) => resolve([each])),
    );
    watched.cancel();
    expect(order).toMatchObject({ id: '1', goods: 'pear' });
  });

  it("is called by Nest's own client", async () => {
    const loader = { longs: String, enums: String, defaults: true };
    const client = new ClientGrpcProxy({ package: 'orders', protoPath, loader, url: await start() });
    onTestFinished(() => client.close());
    const orders = client.getService<Orders>('Orders');
    const metadata = new Metadata();
    metadata.set('token', 'secret');
    const requests = of({ goods: 'apple', count: 1 }, { goods: 'apple', count: 2 });
    expect(await lastValueFrom(orders.importOrders(requests, metadata))).toEqual({ orders: 2, items: 3 });
    const watched = orders.watchOrders({ goods: '' }, metadata).pipe(take(2), toArray());
    expect((await lastValueFrom(watched)).map(({ count }) => count)).toEqual([1, 2]);
    expect(await lastValueFrom(orders.quote(requests, metadata).pipe(toArray()))).toHaveLength(2);
    await expect(lastValueFrom(orders.makeOrder({ goods: 'a', count: 1 }))).rejects.toMatchObject({
      code: 16,
    });
  });
});
