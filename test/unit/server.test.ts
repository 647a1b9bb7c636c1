import { describe, expect, it } from 'vitest';
import { type CallContext, RpcError, Server } from '../../lib/index.ts';
import { gate } from '../support/loopback.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import {
  Order,
  type OrderReply,
  type OrderRequest,
  orderReplyBody,
  orderRequestBody,
} from '../support/order.ts';

const internal = { wireCode: 20000013, text: 'internal error' };

describe('a handler', () => {
  it('may answer at once or later', async () => {
    const now = await memoryOrders(() => ({ orderId: '20230514' }));
    expect((await now.request()).body).toEqual(orderReplyBody);
    const answer = gate<OrderReply>();
    const later = await memoryOrders(() => answer.promise);
    const reply = later.request();
    expect(later.server.stats().handlersRunning).toBe(1);
    answer.resolve({ orderId: '20230514' });
    expect(await reply).toEqual({ wireCode: 0, body: orderReplyBody, text: '' });
    expect(later.server.stats()).toMatchObject({ handlersRunning: 0, callsInFlight: 0 });
  });

  it('gets the request decoded, and `this` is the object it was given in', async () => {
    const network = new MemoryNetwork();
    const server = new Server({ transport: network.serverTransport });
    class Handlers {
      readonly #prefix = 'p-';

      makeOrder(request: OrderRequest): OrderReply {
        return { orderId: `${this.#prefix}${request.goods}-${request.price}` };
      }
    }
    server.addService(Order, new Handlers());
    const { address } = await server.listen('10.0.0.1:1');
    const fields = {
      method: 'Order.makeOrder',
      body: orderRequestBody,
      timeoutMs: 0,
      metadata: '',
      msgId: '',
    };
    const reply = await network.servers.get(address)!.request(fields);
    expect(reply.body.toString('latin1')).toContain('p-apple-100');
  });

  it.each([
    [
      'throws',
      () => {
        throw new RpcError('NOT_FOUND', 'no order');
      },
    ],
    ['rejects', () => Promise.reject(new RpcError('NOT_FOUND', 'no order'))],
  ])('%s an RpcError: it is passed on', async (_, handler) => {
    const { request, logged } = await memoryOrders(handler);
    expect(await request()).toMatchObject({ wireCode: 20000005, text: 'no order' });
    expect(logged).toEqual([]);
  });

  it.each([1, 4711, -5, 10000007, 2 ** 31 - 1, -(2 ** 31)])(
    'may choose the wire code %i',
    async (wireCode) => {
      const { request } = await memoryOrders(() => {
        throw new RpcError('UNKNOWN', 'mine', { wireCode });
      });
      expect(await request()).toMatchObject({ wireCode, text: 'mine' });
    },
  );

  it.each([
    ['an Error', new Error('secret')],
    ['a string', 'secret'],
    ['undefined', undefined],
    ['a symbol', Symbol('secret')],
    ['an object without a prototype', Object.create(null) as object],
  ])('that throws %s is INTERNAL and says no more', async (_, thrown) => {
    for (const options of [{}, { exposeErrors: false }]) {
      const sync = await memoryOrders(() => {
        throw thrown;
      }, options);
      expect(await sync.request()).toMatchObject(internal);
      const late = await memoryOrders(() => Promise.reject(thrown), options);
      expect(await late.request()).toMatchObject(internal);
      expect([...sync.logged, ...late.logged]).toHaveLength(2);
      expect(sync.server.stats().handlersRunning + late.server.stats().handlersRunning).toBe(0);
    }
  });

  it.each([
    ['an Error', new Error('the reason'), /^the reason$/],
    ['a string', 'the reason', /^the reason$/],
    ['undefined', undefined, /undefined/],
    ['a symbol', Symbol('the reason'), /the reason/],
    ['an object without a prototype', Object.create(null) as object, /./],
  ])('that throws %s with exposeErrors says why', async (_, thrown, text) => {
    const { request } = await memoryOrders(
      () => {
        throw thrown;
      },
      { exposeErrors: true },
    );
    expect(await request()).toMatchObject({ wireCode: 20000013, text: expect.stringMatching(text) });
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 5],
    ['a field of another type', { orderId: 5 }],
    ['an odd field', { retCode: 'five' }],
  ])('that returns %s is INTERNAL, and the server goes on', async (_, value) => {
    const { request, server, logged } = await memoryOrders(({ goods }) =>
      goods === 'apple' ? { orderId: 'fine' } : (value as OrderReply),
    );
    expect(await request()).toMatchObject(internal);
    expect(logged).toEqual(['the handler of Order.makeOrder failed']);
    expect(await request({ body: orderRequestBody })).toMatchObject({ wireCode: 0 });
    expect(server.stats().handlersRunning).toBe(0);
  });

  it.each([
    [
      'throws when awaited',
      {
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        then: () => {
          throw new Error('bad thenable');
        },
      },
    ],
    [
      'has a getter that throws',
      {
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        get then() {
          throw new Error('bad getter');
        },
      },
    ],
  ])('that returns something that %s is INTERNAL', async (_, value) => {
    const { request, server } = await memoryOrders(() => value as unknown as OrderReply);
    expect(await request()).toMatchObject(internal);
    expect(server.stats().handlersRunning).toBe(0);
  });

  it('may return any thenable', async () => {
    // biome-ignore lint/suspicious/noThenProperty: what is tested
    const thenable = { then: (yes: (value: OrderReply) => void) => yes({ orderId: '20230514' }) };
    const { request } = await memoryOrders(() => thenable as unknown as Promise<OrderReply>);
    expect((await request()).body).toEqual(orderReplyBody);
  });
});

describe('a request', () => {
  it('that cannot be parsed is answered 10000003 without a handler', async () => {
    let calls = 0;
    const { request, server } = await memoryOrders(() => ({ orderId: `${++calls}` }));
    const answer = await request({ body: Buffer.from('12ff', 'hex') });
    expect(answer).toMatchObject({ wireCode: 10000003, text: expect.stringContaining('cannot be parsed') });
    expect([calls, server.stats().handlersRunning]).toEqual([0, 0]);
  });

  it('that has expired in the queue is ended without a handler', async () => {
    const { request, memory, server } = await memoryOrders(() => ({}));
    // A clock that wrapped: 2^31 ms after a deadline looks like far before it.
    expect(await request({ timeoutMs: 2 ** 31 })).toMatchObject({ wireCode: 10000007 });
    expect([memory.ended, server.stats().handlersRunning]).toEqual([1, 0]);
  });

  it('has a deadline across the wrap of the 32-bit clock', async () => {
    let context: CallContext | undefined;
    const { request, network } = await memoryOrders((_, given) => {
      context = given;
      return {};
    });
    network.clock.advance(2 ** 31 - 1000 - 500);
    await request({ timeoutMs: 2000 });
    expect(context?.timeRemainingMs).toBe(2000);
    network.clock.advance(1500);
    expect(context?.timeRemainingMs).toBe(500);
    expect(context!.deadline.getTime() - Date.now()).toBeGreaterThan(450);
    network.clock.advance(600);
    expect(context?.timeRemainingMs).toBe(0);
  });
});

it('a logger that throws harms nobody', async () => {
  const broken = () => {
    throw new Error('disk full');
  };
  const { request, memory } = await memoryOrders(
    () => {
      throw new Error('x');
    },
    { logger: { warn: broken, error: broken } },
  );
  expect(await request()).toMatchObject(internal);
  memory.log('a line');
});
