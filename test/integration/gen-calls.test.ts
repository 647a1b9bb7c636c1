import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServiceDefinition, Unary } from '../../lib/contract/service.ts';
import { Channel, createClient, loadProto, Server } from '../../lib/index.ts';
import { catalogProto, generated, importGenerated, protos } from '../support/generated.ts';
import { orderProto } from '../support/order.ts';

type Fields = Record<string, unknown>;

/** What the .d.ts declares is of no use here: these tests are about bytes, gen-types.test.ts is about types. */
type Catalog = ServiceDefinition;

async function catalog(options: Parameters<typeof generated>[1] = {}): Promise<Catalog> {
  const module = await importGenerated(generated(catalogProto, options), 'catalog/v1/catalog.js');
  return module['Catalog'] as Catalog;
}

/** A server of the catalog that returns what is put, and a client of `definition`, both closed at the test's end. */
async function open(served: Catalog, called: ServiceDefinition = served) {
  const requests: Fields[] = [];
  const server = new Server({ logger: false });
  onTestFinished(() => server.close({ drainMs: 0 }));
  server.addService(served, {
    getArticle: (request: unknown) => {
      requests.push(request as Fields);
      return { name: 'found' };
    },
    putArticle: (request: unknown) => {
      requests.push(request as Fields);
      return request;
    },
    ping: () => ({}),
  });
  const { address } = await server.listen('127.0.0.1:0');
  const channel = new Channel(address);
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const client = createClient(called, channel) as Readonly<
    Record<string, (request: Fields) => Promise<Fields>>
  >;
  return { client, requests };
}

const at = new Date('2024-02-29T12:00:00.123Z');

describe('calls with generated code', () => {
  it.each(['bigint', 'string', 'number'] as const)(
    'carry every kind of field, 64-bit as %s',
    async (int64) => {
      const long = (value: number) => ({ bigint: BigInt(value), string: `${value}`, number: value })[int64];
      const { client, requests } = await open(await catalog({ int64, dates: true }));
      const article = {
        articleId: long(-5),
        name: 'Äpfel',
        labels: ['a', 'b'],
        state: 1,
        package: { kind: 2, weightGrams: long(2 ** 40) },
        packagesByName: { big: { weightGrams: long(7) } },
        stock: { 5: long(-1) },
        states: { true: -1 },
        rank: 0,
        picture: Buffer.from([1, 2]),
        price: { minorUnits: long(-3), currency: 'EUR' },
        createdAt: at,
        soldAt: [at, new Date(0)],
        seenAt: { here: at },
        rating: 0.5,
        successor: { articleId: long(6) },
        expectedAt: at,
      };
      expect(await client['putArticle']!({ ...article, state: 'STATE_ON_SALE' })).toMatchObject(article);
      expect(requests[0]).toMatchObject({ ...article, place: 'expectedAt' });
      expect(await client['ping']!({})).toEqual({});
    },
  );

  it('reach a server that reads the .proto itself, and the other way round', async () => {
    const loaded = loadProto<{ Catalog: { putArticle: Unary<Fields, Fields> } }>(catalogProto, {
      includeDirs: [protos],
    }).Catalog;
    const made = await catalog();
    for (const [served, called] of [
      [made, loaded],
      [loaded as unknown as Catalog, made],
    ] as const) {
      const { client } = await open(served, called as ServiceDefinition);
      expect(await client['putArticle']!({ shelf: 5n, labels: ['a'] })).toMatchObject({
        place: 'shelf',
        shelf: 5n,
      });
    }
  });

  it('are refused with the field when they are wrong', async () => {
    const { client } = await open(await catalog());
    await expect(client['getArticle']!({ articleId: 'x' })).rejects.toThrow('articleId');
    expect(await client['getArticle']!({ articleId: 5 })).toMatchObject({ name: 'found' });
  });

  it('work for a .proto without a package', async () => {
    const module = await importGenerated(generated(orderProto, { include: [] }), 'order.js');
    const Order = module['Order'] as Catalog;
    expect(Order).toMatchObject({ name: 'Order' });
    expect(Order.methods['makeOrder']).toMatchObject({
      name: 'makeOrder',
      wireName: 'Order.makeOrder',
      kind: 'unary',
    });
  });
});
