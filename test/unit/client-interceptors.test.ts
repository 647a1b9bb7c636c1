import { describe, expect, it } from 'vitest';
import { type ClientInterceptor, Metadata, RpcError } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import type { OrderReply, OrderRequest } from '../support/order.ts';

describe('client interceptors', () => {
  it('run in order, the first outermost, and see the call', async () => {
    const steps: unknown[] = [];
    const tracing =
      (name: string): ClientInterceptor =>
      async (call, next) => {
        steps.push(`${name} before ${call.method} ${(call.request as OrderRequest).goods} ${call.timeoutMs}`);
        const reply = await next(call);
        steps.push(`${name} after ${(reply as OrderReply).orderId}`);
        return reply;
      };
    const { open } = await memoryOrders();
    const { orders } = open({ interceptors: [tracing('a'), tracing('b')], timeoutMs: 700 });
    await orders.makeOrder({ goods: 'g' });
    expect(steps).toEqual([
      'a before Order.makeOrder g 700',
      'b before Order.makeOrder g 700',
      'b after g',
      'a after g',
    ]);
  });

  it('may change request, metadata, timeout, readiness and reply', async () => {
    const { open, network } = await memoryOrders(({ goods }, { metadata }) => ({
      orderId: `${goods} ${metadata.get('who')}`,
    }));
    const { orders } = open({
      interceptors: [
        async (call, next) => {
          const metadata = new Metadata(call.metadata).set('who', 'me');
          const reply = await next({
            ...call,
            request: { goods: 'changed' },
            metadata,
            timeoutMs: 3_600_000,
            waitForReady: true,
          });
          return { ...(reply as OrderReply), resInfo: 'added' };
        },
      ],
    });
    const seen: Metadata[] = [];
    const reply = await orders.makeOrder(
      { goods: 'g' },
      { metadata: { a: '1' }, onMetadata: (each) => seen.push(each) },
    );
    expect({ ...reply }).toEqual({ orderId: 'changed me', resInfo: 'added' });
    expect(network.started).toMatchObject([{ metadata: 'a=1&who=me' }]);
    // What is left of it; the default is 30 s.
    expect(network.started[0]?.timeoutMs).toBeGreaterThan(30_000);
    expect(seen).toHaveLength(1);
  });

  it('may call again', async () => {
    let calls = 0;
    const { open, network } = await memoryOrders(() => {
      if (++calls < 3) throw new RpcError('UNAVAILABLE', 'not yet');
      return { orderId: `${calls}` };
    });
    const retry: ClientInterceptor = async (call, next) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await next(call);
        } catch (error) {
          if (!(error instanceof RpcError) || error.code !== 'UNAVAILABLE' || attempt === 5) throw error;
        }
      }
    };
    const { channel, orders } = open({ interceptors: [retry] });
    expect(await orders.makeOrder({})).toMatchObject({ orderId: '3' });
    expect(network.started).toHaveLength(3);
    expect(channel.stats().callsPending).toBe(0);
  });

  it('may answer or refuse without a call, and may throw', async () => {
    const { open, network } = await memoryOrders();
    const cached = open({ interceptors: [async () => ({ orderId: 'cached' })] });
    expect(await cached.orders.makeOrder({})).toEqual({ orderId: 'cached' });
    const refused = open({
      interceptors: [() => Promise.reject(new RpcError('UNAUTHENTICATED', 'no token'))],
    });
    await expect(refused.orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    const broken = open({
      interceptors: [
        () => {
          throw new Error('bug');
        },
      ],
    });
    await expect(broken.orders.makeOrder({})).rejects.toThrow('bug');
    expect(network.started).toEqual([]);
  });

  it('see the errors of a call, also of one that cannot be made', async () => {
    const errors: unknown[] = [];
    const { open } = await memoryOrders();
    const { channel, orders } = open({
      interceptors: [
        async (call, next) => {
          try {
            return await next(call);
          } catch (error) {
            errors.push((error as Error).message);
            throw error;
          }
        },
      ],
    });
    await expect(orders.makeOrder({ price: 'x' } as unknown as OrderRequest)).rejects.toThrow(TypeError);
    await expect(orders.makeOrder({}, { timeoutMs: 0 })).rejects.toThrow(RangeError);
    await channel.close();
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(errors).toHaveLength(3);
  });
});
