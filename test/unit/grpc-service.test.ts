import path from 'node:path';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { toServiceDefinition } from '../../lib/codec/grpc.ts';
import { Channel, createClient, type GrpcServiceDefinition, type Handlers, Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';

const protos = path.resolve(import.meta.dirname, '../support/protos');
const definitions = loadSync(path.join(protos, 'shop.proto'), {
  includeDirs: [protos],
  longs: String,
  bytes: Buffer,
});
const shop = definitions['shop.v1.Shop'] as unknown as GrpcServiceDefinition;

type Loose = Record<string, (request: unknown) => Promise<Record<string, unknown>>>;

async function connected(service: GrpcServiceDefinition, handlers: object) {
  const network = new MemoryNetwork();
  const server = new Server({ transport: network.serverTransport, logger: false });
  server.addService(service, handlers as Handlers<GrpcServiceDefinition>);
  const { address } = await server.listen('10.0.0.1:0');
  const channel = new Channel(address, { transport: network.clientTransport });
  return { client: createClient(service, channel) as unknown as Loose, network };
}

describe('a grpc-js ServiceDefinition', () => {
  it('of proto-loader can be served and called', async () => {
    const seen: unknown[] = [];
    const { client, network } = await connected(shop, {
      echo: (request: Record<string, unknown>) => {
        seen.push(request);
        return request;
      },
      chain: ({ name }: { name: string }) => ({ name: `${name}!` }),
    });
    const reply = await client['echo']!({
      small: 5,
      signed: '-9223372036854775808',
      raw: Buffer.alloc(300, 'b'),
    });
    expect(reply).toMatchObject({ small: 5, signed: '-9223372036854775808' });
    expect(String(reply['raw'])).toBe('b'.repeat(300));
    expect(String((seen[0] as { raw: Buffer }).raw)).toBe('b'.repeat(300));
    expect(await client['chain']!({ name: 'a' })).toMatchObject({ name: 'a!' });
    expect(network.started.map(({ method }) => method)).toEqual(['shop.v1.Shop.Echo', 'shop.v1.Shop.chain']);
    const watched = client['watch']!({}) as unknown as AsyncIterable<unknown>;
    await expect(watched[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
  });

  it('of a client constructor works too', () => {
    const loaded = loadPackageDefinition(definitions) as unknown as {
      shop: { v1: { Admin: ServiceClientConstructor } };
    };
    const admin = loaded.shop.v1.Admin.service as unknown as GrpcServiceDefinition;
    expect(toServiceDefinition(admin)).toMatchObject({
      name: 'shop.v1.Admin',
      methods: { reset: { name: 'Reset' } },
    });
  });

  it('is converted once, so that a method has one number on a channel', () => {
    expect(toServiceDefinition(shop)).toBe(toServiceDefinition(shop));
  });

  it('whose path is no path is refused', () => {
    const method = { ...shop['Echo']!, path: 'Echo' };
    expect(() => toServiceDefinition({ Echo: method })).toThrow('not a gRPC method path');
  });

  it('whose serializer throws rejects the call', async () => {
    const broken = {
      Echo: {
        ...shop['Echo']!,
        requestSerialize: () => {
          throw new Error('cannot');
        },
      },
    };
    const { client } = await connected(broken, { echo: () => ({}) });
    await expect(client['echo']!({})).rejects.toThrow('cannot');
  });
});
