import { describe, expect, it } from 'vitest';
import { type CallContext, RpcError, type ServerInterceptor } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { type OrderReply, orderRequestBody } from '../support/order.ts';

const reply: OrderReply = { orderId: 'from handler' };

describe('server interceptors', () => {
  it('run in order, the first outermost, and see request and context', async () => {
    const steps: string[] = [];
    const tracing =
      (name: string): ServerInterceptor =>
      async ({ method, request, context }, next) => {
        steps.push(`${name} before ${method} ${(request as { goods: string }).goods} ${context.msgId}`);
        const result = (await next()) as OrderReply;
        steps.push(`${name} after ${result.orderId}`);
        return result;
      };
    const { request } = await memoryOrders(() => reply, { interceptors: [tracing('a'), tracing('b')] });
    await request({ body: orderRequestBody, msgId: 'm' });
    expect(steps).toEqual([
      'a before Order.makeOrder apple m',
      'b before Order.makeOrder apple m',
      'b after from handler',
      'a after from handler',
    ]);
  });

  it('may change the reply and add metadata', async () => {
    const { request } = await memoryOrders(() => reply, {
      interceptors: [
        async ({ context }, next) => {
          context.responseMetadata.set('took', '5');
          return { ...((await next()) as OrderReply), resInfo: 'changed' };
        },
      ],
    });
    const answer = await request({ timeoutMs: 100 });
    expect(answer).toMatchObject({ wireCode: 0, text: 'took=5' });
    expect(answer.body.toString('latin1')).toMatch(/changed.*from handler/s);
  });

  it('may refuse', async () => {
    let handled = 0;
    const { request, logged } = await memoryOrders(
      () => {
        handled++;
        return reply;
      },
      {
        interceptors: [
          async ({ context }, next) => {
            if (context.metadata.get('token') !== 'x') throw new RpcError('UNAUTHENTICATED', 'no token');
            return next();
          },
        ],
      },
    );
    expect(await request()).toMatchObject({ wireCode: 20000016, text: 'no token' });
    expect(await request({ metadata: 'token=x' })).toMatchObject({ wireCode: 0 });
    expect([handled, logged]).toEqual([1, []]);
  });

  it('see what the handler throws, synchronously too, and may turn it into a reply', async () => {
    const { request } = await memoryOrders(
      () => {
        throw new RpcError('NOT_FOUND', 'none');
      },
      {
        interceptors: [(_, next) => next().catch((error: RpcError) => ({ resInfo: `was ${error.code}` }))],
      },
    );
    expect((await request()).body.toString('latin1')).toContain('was NOT_FOUND');
  });

  it('that throw a plain Error give INTERNAL', async () => {
    const bug: ServerInterceptor = () => {
      throw new Error('secret');
    };
    const { request, logged, server } = await memoryOrders(() => reply, { interceptors: [bug] });
    expect(await request()).toMatchObject({ wireCode: 20000013, text: 'internal error' });
    expect(logged).toHaveLength(1);
    expect(server.stats().handlersRunning).toBe(0);
  });

  it('are not run for requests that do not parse', async () => {
    const contexts: CallContext[] = [];
    const { request } = await memoryOrders(() => reply, {
      interceptors: [
        ({ context }, next) => {
          contexts.push(context);
          return next();
        },
      ],
    });
    expect(await request({ body: Buffer.from('12ff', 'hex') })).toMatchObject({ wireCode: 10000003 });
    expect(contexts).toEqual([]);
  });
});
