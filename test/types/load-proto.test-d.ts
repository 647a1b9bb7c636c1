/** Compiled by `npm run types`, never run: what must and must not type-check with loadProto<...>(). */
import {
  type Bidi,
  type CallContext,
  Channel,
  type Client,
  type ClientStream,
  createClient,
  type Handlers,
  loadProto,
  Metadata,
  RpcError,
  Server,
  type ServerStream,
  type Unary,
} from '../../lib/index.ts';

interface OrderRequest {
  price?: number;
  goods?: string;
}

interface OrderReply {
  orderId?: string;
}

interface Shop {
  Order: {
    makeOrder: Unary<OrderRequest, OrderReply>;
    cancel: Unary<{ orderId: string }, { done: boolean }>;
  };
  Admin: { reset: Unary<object, object> };
}

const { Order, Admin } = loadProto<Shop>('shop.proto');
const channel = new Channel('localhost:1');

async function calls(): Promise<void> {
  const orders = createClient(Order, channel);
  const reply: OrderReply = await orders.makeOrder({ price: 1, goods: 'apple' });
  const { done }: { done: boolean } = await orders.cancel({ orderId: reply.orderId ?? '' });
  await orders.makeOrder({}, { timeoutMs: 5, signal: undefined, metadata: { a: 'b' }, waitForReady: true });
  await orders.makeOrder({}, { metadata: new Metadata(), onMetadata: (metadata) => metadata.get('a') });
  const typed: Client<typeof Order> = orders;
  void [done, typed];

  // @ts-expect-error a field of another type
  await orders.makeOrder({ price: '1' });
  // @ts-expect-error a field there is not
  await orders.makeOrder({ prise: 1 });
  // @ts-expect-error a field that is needed
  await orders.cancel({});
  // @ts-expect-error no request
  await orders.makeOrder();
  // @ts-expect-error a method there is not
  await orders.makeOrders({});
  // @ts-expect-error a reply's field of another type
  const wrong: number = (await orders.makeOrder({})).orderId;
  // @ts-expect-error a reply's field there is not
  (await orders.cancel({ orderId: '' })).undone;
  // @ts-expect-error an option there is not
  await orders.makeOrder({}, { timeout: 5 });
  // @ts-expect-error an option of another type
  await orders.makeOrder({}, { timeoutMs: '5' });
  // @ts-expect-error metadata that is no text
  await orders.makeOrder({}, { metadata: { a: 5 } });
  void wrong;
}

function handlers(server: Server): void {
  server
    .addService(Order, {
      makeOrder: (request, context) => {
        const price: number | undefined = request.price;
        const ctx: CallContext = context;
        void [price, ctx];
        return { orderId: '1' };
      },
      async cancel({ orderId }, { signal, deadline, metadata, peer, msgId, responseMetadata }) {
        responseMetadata.set('a', 'b');
        const left: number = deadline.getTime();
        void [signal.aborted, metadata.get('a'), peer, msgId, left];
        return { done: orderId !== '' };
      },
    })
    .addService(Admin, { reset: () => ({}) });

  const good: Handlers<typeof Order> = {
    makeOrder: () => ({}),
    cancel: () => Promise.resolve({ done: true }),
  };
  void good;

  class Implementation {
    makeOrder({ goods }: OrderRequest): OrderReply {
      return { orderId: goods ?? '' };
    }

    async cancel(_: { orderId: string }): Promise<{ done: boolean }> {
      throw new RpcError('NOT_FOUND', 'none');
    }
  }
  server.addService(Order, new Implementation());

  // @ts-expect-error a handler that is missing
  server.addService(Order, { makeOrder: () => ({}) });
  // @ts-expect-error a reply of another type
  server.addService(Order, { makeOrder: () => ({ orderId: 5 }), cancel: () => ({ done: true }) });
  // @ts-expect-error a reply without a field that is needed
  server.addService(Order, { makeOrder: () => ({}), cancel: async () => ({}) });
  // @ts-expect-error a handler that returns nothing
  server.addService(Order, { makeOrder: () => undefined, cancel: () => ({ done: true }) });
  // @ts-expect-error a request of another type
  server.addService(Order, { makeOrder: (_: { price: string }) => ({}), cancel: () => ({ done: true }) });
  // @ts-expect-error a method there is not
  server.addService(Order, { makeOrder: () => ({}), cancel: () => ({ done: true }), more: () => ({}) });
}

interface Feed {
  Feed: {
    latest: Unary<object, { text: string }>;
    follow: ServerStream<{ topic: string }, { text: string }>;
    upload: ClientStream<{ text: string }, { count: number }>;
    chat: Bidi<{ text: string }, { text: string }>;
  };
}

/** Methods that stream. */
async function streams(server: Server): Promise<void> {
  const definition = loadProto<Feed>('feed.proto').Feed;
  const { latest, follow, upload, chat } = definition.methods;
  const kinds: readonly ['unary', 'serverStream', 'clientStream', 'bidi'] | undefined = latest.kind &&
    follow.kind &&
    upload.kind &&
    chat.kind && [latest.kind, follow.kind, upload.kind, chat.kind];
  const client = createClient(definition, channel);
  const { text }: { text: string } = await client.latest({});
  void [kinds, text];
  const upload1 = async (requests: AsyncIterable<{ text: string }>) => {
    let count = 0;
    for await (const request of requests) count += request.text.length;
    return { count };
  };
  server.addService(definition, {
    latest: () => ({ text: '' }),
    async *follow({ topic }, { sendHeaders, trailers }) {
      void [sendHeaders, trailers];
      yield { text: topic };
    },
    upload: upload1,
    async *chat(requests) {
      for await (const { text } of requests) yield { text };
    },
  });
  const good = {
    latest: () => ({ text: '' }),
    upload: upload1,
    follow: () => [{ text: '' }],
    chat: () => [],
  };
  server.addService(definition, good);
  server.addService(definition, { ...good, follow: async () => new Set([{ text: '' }]) });

  for await (const { text } of client.follow({ topic: 'a' })) text satisfies string;
  const { count } = await client.upload([{ text: 'a' }]);
  count satisfies number;
  async function* texts() {
    yield { text: 'a' };
  }
  await client.upload(texts(), { timeoutMs: 5 });
  for await (const { text } of client.chat(texts())) text satisfies string;
  // @ts-expect-error its replies stream
  (await client.follow({ topic: 'a' })).text;
  // @ts-expect-error its requests stream
  await client.upload({ text: 'a' });
  // @ts-expect-error requests of another type
  client.chat([{ text: 5 }]);
  // @ts-expect-error its replies stream
  server.addService(definition, { ...good, follow: () => ({ text: '' }) });
  // @ts-expect-error replies of another type
  server.addService(definition, { ...good, follow: () => [{ text: 5 }] });
  // @ts-expect-error its replies do not stream
  server.addService(definition, { ...good, upload: () => [{ count: 5 }] });
  const countsOne = (request: { text: string }) => ({ count: request.text.length });
  // @ts-expect-error its requests stream
  server.addService(definition, { ...good, upload: countsOne });
  // @ts-expect-error a handler that is missing
  server.addService(definition, {});
  // @ts-expect-error a generator, of a method with one reply
  server.addService(definition, { ...good, latest: () => texts() });
  // @ts-expect-error requests are read in a loop
  server.addService(definition, { ...good, upload: (requests) => ({ count: requests.length }) });
  // @ts-expect-error an option there is not
  client.follow({ topic: 'a' }, { timeout: 5 });
  // @ts-expect-error an option of another type
  client.chat(texts(), { signal: new AbortController() });
  // @ts-expect-error a request of another type
  client.follow({ topic: 5 });
  // @ts-expect-error no request
  client.follow();
  // @ts-expect-error its requests stream
  client.chat({ text: 'a' });
  // @ts-expect-error a generator function that nobody calls
  await client.upload(texts);
  // @ts-expect-error a promise of requests
  await client.upload(Promise.resolve([{ text: 'a' }]));
  // @ts-expect-error a method there is not
  client.followed({ topic: 'a' });
  // @ts-expect-error it has one reply
  for await (const _ of client.latest({}));
  // @ts-expect-error replies are read in a loop
  client.follow({ topic: 'a' })[0];
  // @ts-expect-error metadata that is none
  new RpcError('NOT_FOUND', 'x', { metadata: { a: 5 } });
  // @ts-expect-error an option there is not
  new RpcError('NOT_FOUND', 'x', { meta: { a: '5' } });
}

function services(): void {
  // @ts-expect-error a service there is not
  loadProto<Shop>('shop.proto').Orders;
  // Told no types, every name may be there, and may be missing.
  const loose = loadProto('shop.proto');
  const maybe = loose['Order'];
  // @ts-expect-error it may be missing
  createClient(maybe, channel);
  if (maybe !== undefined) void createClient(maybe, channel)['anything']?.({ any: 1 });
}

function options(): void {
  new Server({ ioThreads: 2, logger: false });
  new Channel('a:1', { connection: 'short', balancer: 'round_robin', backoff: { minMs: 5 } });
  // @ts-expect-error an option there is not
  new Server({ ioThread: 2 });
  // @ts-expect-error an option of another type
  new Server({ ioThreads: '2' });
  // @ts-expect-error a value there is not
  new Channel('a:1', { connection: 'long' });
  // @ts-expect-error a value there is not
  new Channel('a:1', { balancer: 'random' });
  // @ts-expect-error an option there is not, inside another
  new Channel('a:1', { backoff: { min: 5 } });
  // @ts-expect-error no target
  new Channel();
  // @ts-expect-error a status there is not
  new RpcError('NOPE', 'x');
  // @ts-expect-error a value that is no text
  new Metadata({ a: 5 });
}

async function disposing(): Promise<void> {
  await using server = new Server();
  await using open = new Channel('a:1');
  const { port }: { port: number } = await server.listen('127.0.0.1:0');
  void [open, port];
}

export { calls, disposing, handlers, options, services, streams };
