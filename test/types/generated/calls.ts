/** Compiled by test/integration/gen-types.test.ts beside generated code, never run: what must and must not type-check. */

import { type Channel, type Client, createClient, type Handlers, type Server } from 'rocket-rpc';
import type { UnknownEnumValue } from 'rocket-rpc/gen';
import type { Article as DatedArticle, ArticleInit as DatedArticleInit } from './dated/catalog/v1/catalog.js';
import {
  type Article,
  Article_Package_Kind,
  type ArticleInit,
  Catalog,
  type CatalogClient,
  type CatalogHandlers,
  Feed,
  type Nothing,
  State,
} from './gen/catalog/v1/catalog.js';
import type { Operation } from './google/google/longrunning/operations.js';
import type { ValueInit } from './google/google/protobuf/struct.js';
import type { Publisher } from './google/google/pubsub/v1/pubsub.js';
import type { Date as CalendarDate } from './google/google/type/date.js';
import { Health, HealthCheckResponse_ServingStatus } from './grpc/health.js';
import { ServerReflection, type ServerReflectionResponse } from './grpc/reflection.js';

export async function calls(channel: Channel): Promise<void> {
  const catalog: CatalogClient = createClient(Catalog, channel);
  const client: Client<typeof Catalog> = catalog;
  const article: Article = await client.getArticle({ articleId: 5n }, { timeoutMs: 5 });
  await catalog.getArticle({ articleId: '5' });
  await catalog.getArticle({ articleId: 5 });
  await catalog.getArticle({});
  await catalog.putArticle(article);
  await catalog.ping({});

  // @ts-expect-error a field of another type
  await catalog.getArticle({ articleId: true });
  // @ts-expect-error a field there is not
  await catalog.getArticle({ article: 5n });
  // @ts-expect-error a field by its name in the .proto
  await catalog.getArticle({ article_id: 5n });
  // @ts-expect-error no request
  await catalog.getArticle();
  // @ts-expect-error a method there is not
  await catalog.getArticles({});
  // @ts-expect-error a method by its name in the .proto
  await catalog.GetArticle({});
  for await (const { articleId } of catalog.watchArticles({ articleId: 5n })) articleId satisfies bigint;
  // @ts-expect-error its replies stream
  (await catalog.watchArticles({})).articleId;
  // @ts-expect-error a field where there are none
  await catalog.ping({ articleId: 5n });
  // @ts-expect-error no message
  await catalog.ping('now');
  // @ts-expect-error an option there is not
  await catalog.ping({}, { timeout: 5 });
  // @ts-expect-error a service of which nothing can be called
  await createClient(Feed, channel).follow({});

  const pong: Nothing = await createClient(Catalog, channel).ping({});
  void pong;
}

export function received(article: Article): void {
  const id: bigint = article.articleId;
  const weight: bigint | undefined = article.package?.weightGrams;
  const rank: number | null = article.rank;
  const stock: bigint | undefined = article.stock['5'];
  const state: State = article.state;
  const seconds: bigint | undefined = article.createdAt?.seconds;
  const picture: Buffer = article.picture;
  const first: string | undefined = article.labels[0];
  void [id, weight, rank, stock, state, seconds, picture, first];
  switch (article.place) {
    case 'shelf': {
      const shelf: bigint = article.shelf;
      const warehouse: null = article.warehouse;
      void [shelf, warehouse];
      break;
    }
    case 'inside':
      void article.inside.kind;
      // @ts-expect-error another one is set
      void article.warehouse.length;
      break;
    case undefined: {
      const nothing: null = article.gone;
      void nothing;
      break;
    }
    // @ts-expect-error a member there is not
    case 'elsewhere':
      break;
  }
  switch (article.state) {
    case State.STATE_ON_SALE:
    case State.STATE_SOLD_OUT:
    case State.STATE_UNSPECIFIED:
      break;
    default: {
      // One that only a newer peer knows.
      const unknown: UnknownEnumValue = article.state;
      // @ts-expect-error so a switch over those that are known does not end here
      const never: never = article.state;
      void [unknown, never];
    }
  }

  // @ts-expect-error it may be missing
  void article.package.kind;
  // @ts-expect-error it may be missing
  void article.rank.toFixed();
  // @ts-expect-error a 64-bit integer is a bigint
  const number: number = article.articleId;
  // @ts-expect-error one of them may be set
  void article.shelf.toString();
  // @ts-expect-error a field there is not
  void article.shelves;
  // What a newer peer has may be asked for.
  if (article.state === 7) return;
  void number;
}

export const given: readonly ArticleInit[] = [
  {},
  { package: { kind: 'CRATE' }, packages: [{ kind: Article_Package_Kind.BOX }, { weightGrams: 5 }] },
  { stock: { 5: -1n, '6': '7' }, states: { true: 'STATE_ON_SALE', false: 1 }, packagesByName: { a: {} } },
  { rank: undefined, package: null, createdAt: { seconds: 5 }, picture: new Uint8Array(2) },
  { shelf: 5n },
  { place: 'shelf', shelf: '5' },
  { shelf: 5n, warehouse: undefined, inside: null },
  { successor: { successor: { history: ['STATE_SOLD_OUT', 0] } } },
  // @ts-expect-error two of a oneof
  { shelf: 5n, warehouse: 'north' },
  // @ts-expect-error the name of another member
  { place: 'warehouse', shelf: 5n },
  // @ts-expect-error a name that the enum has not
  { state: 'ON_SALE' },
  // @ts-expect-error a number that the enum has not
  { state: 5 },
  // @ts-expect-error a field of another type, deep inside
  { packages: [{ weightGrams: {} }] },
  // @ts-expect-error a value of another type
  { packagesByName: { a: 5 } },
  // @ts-expect-error no array
  { labels: 'a' },
  // @ts-expect-error a time in ms, which is no Date
  { createdAt: 1_700_000_000_000 },
  // @ts-expect-error keys of another type
  { packagesByName: new Map([[5, {}]]) },
  // @ts-expect-error bytes as a text
  { picture: 'aGVsbG8=' },
  // @ts-expect-error null for what cannot be missing
  { name: null },
];

export const converted: ArticleInit[] = [
  { createdAt: new Date(), packagesByName: new Map([['a', { weightGrams: 5 }]]) },
  { stock: new Map([[5n, 1n]]), states: new Map([[true, 1]]), picture: new ArrayBuffer(1) },
];

export function handlers(server: Server): void {
  const good: CatalogHandlers = {
    getArticle: ({ articleId }, { signal, peer }) => {
      const id: bigint = articleId;
      void [signal, peer];
      return { articleId: id, state: 'STATE_ON_SALE' };
    },
    putArticle: async (article) => article,
    async *watchArticles({ articleId }) {
      yield { articleId };
    },
    ping: () => ({}),
  };
  const same: Handlers<typeof Catalog> = good;
  server.addService(Catalog, good).addService(Catalog, same);

  class Implementation implements CatalogHandlers {
    readonly getArticle: CatalogHandlers['getArticle'] = () => ({});
    async putArticle(article: Article): Promise<ArticleInit> {
      return article.shelf === null ? {} : { shelf: article.shelf };
    }
    watchArticles(): ArticleInit[] {
      return [{}];
    }
    ping(): Nothing {
      return {};
    }
  }
  server.addService(Catalog, new Implementation());

  // @ts-expect-error a handler that is missing
  server.addService(Catalog, { getArticle: () => ({}), ping: () => ({}) });
  // @ts-expect-error a handler by its name in the .proto
  server.addService(Catalog, { ...good, Ping: () => ({}) });
  // @ts-expect-error a reply with a field of another type
  server.addService(Catalog, { ...good, getArticle: () => ({ articleId: true }) });
  // @ts-expect-error a reply with a field there is not
  server.addService(Catalog, { ...good, getArticle: (): ArticleInit => ({ id: 5n }) });
  // @ts-expect-error no reply
  server.addService(Catalog, { ...good, ping: () => undefined });
  // @ts-expect-error a request of another type
  server.addService(Catalog, { ...good, getArticle: (_: { articleId: string }) => ({}) });
}

export function dated(article: DatedArticle): DatedArticleInit {
  const id: number = article.articleId;
  const at: Date | null = article.createdAt;
  const all: Date[] = article.soldAt;
  if (article.place === 'expectedAt') void article.expectedAt.getTime();
  // @ts-expect-error a Timestamp where --dates was asked for
  const wrong: DatedArticleInit = { createdAt: { seconds: 5n } };
  void wrong;
  return { articleId: id, createdAt: at, soldAt: all, seenAt: { here: new Date() }, expectedAt: new Date(0) };
}

export async function others(channel: Channel, publisher: Client<typeof Publisher>): Promise<void> {
  const { messageIds }: { messageIds: string[] } = await publisher.publish({
    topic: 't',
    messages: [{ data: Buffer.from('x'), attributes: { a: 'b' } }],
  });
  const { status } = await createClient(Health, channel).check({ service: '' });
  if (status === HealthCheckResponse_ServingStatus.SERVING) void messageIds;
  const value: ValueInit = {
    structValue: {
      fields: { a: { listValue: { values: [{ nullValue: 'NULL_VALUE' }, { numberValue: 5 }] } } },
    },
  };
  const done = (operation: Operation) =>
    operation.result === 'error' ? operation.error.code : operation.done;
  const year = (date: CalendarDate): number => date.year;
  // @ts-expect-error reflection is one method that streams
  await createClient(ServerReflection, channel).serverReflectionInfo({});
  // @ts-expect-error a message of another name
  await publisher.publish({ messages: [{ payload: '' }] });
  void [value, done, year, {} as ServerReflectionResponse];
}
