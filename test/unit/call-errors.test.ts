import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';

const refusing = () => {
  throw new RpcError('NOT_FOUND', 'no such order');
};

async function failed(call: Promise<unknown>): Promise<RpcError> {
  const outcome = await call.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(RpcError);
  return outcome as RpcError;
}

async function caught(call: () => Promise<unknown>): Promise<RpcError> {
  try {
    await call();
  } catch (error) {
    return error as RpcError;
  }
  throw new Error('the call did not fail');
}

describe('the error of a call', () => {
  it('names its method, target and endpoint, also when printed', async () => {
    const { open, address } = await memoryOrders(refusing);
    const { orders } = open();
    const error = await failed(orders.makeOrder({}));
    const names = { method: 'Order.makeOrder', target: address, endpoint: address };
    expect(error).toMatchObject({ message: 'no such order', code: 'NOT_FOUND', ...names });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'RpcError',
      code: 'NOT_FOUND',
      message: 'no such order',
      wireCode: 20000005,
      requestWritten: true,
      ...names,
    });
    expect(inspect(error)).toMatch(/method: 'Order\.makeOrder'.*target:.*endpoint:/s);
  });

  it('names them also when no endpoint had the call', async () => {
    const { open, address } = await memoryOrders();
    const { channel, orders } = open();
    const aborted = await failed(orders.makeOrder({}, { signal: AbortSignal.abort() }));
    await channel.close();
    for (const error of [aborted, await failed(orders.makeOrder({}))]) {
      expect(error).toMatchObject({ code: 'CANCELLED', method: 'Order.makeOrder', target: address });
      expect('endpoint' in error).toBe(false);
    }
  });

  it('names the endpoint that had the call when it was given up', async () => {
    const { open, address } = await memoryOrders(() => new Promise(() => undefined));
    const controller = new AbortController();
    const call = open().orders.makeOrder({}, { signal: controller.signal });
    controller.abort();
    expect(await failed(call)).toMatchObject({ code: 'CANCELLED', endpoint: address });
  });

  it('of the application’s own has none of them', () => {
    expect(inspect(new RpcError('NOT_FOUND', 'x'))).not.toMatch(/method|target|endpoint/);
  });
});

describe('the stack of a call that failed', () => {
  const ways: [string, (call: () => Promise<unknown>) => Promise<unknown>][] = [
    ['awaited', async (call) => await call()],
    ['returned', async (call) => call()],
    ['one of Promise.all', async (call) => await Promise.all([call(), call()])],
    ['one of Promise.race', async (call) => await Promise.race([call()])],
    ['finally', async (call) => await call().finally(() => undefined)],
    ['then', async (call) => await call().then((reply) => reply)],
  ];

  it.each(ways)('leads to who awaits it: %s', async (_, way) => {
    const { open } = await memoryOrders(refusing);
    const { orders } = open();
    async function callerOfTheCall() {
      const reply = await way(() => orders.makeOrder({}));
      return reply;
    }
    const error = await caught(callerOfTheCall);
    expect(error.stack).toMatch(
      /^RpcError: no such order\n[\s\S]*at (async )?callerOfTheCall .*call-errors\.test/,
    );
    expect(error.stack).not.toMatch(/lib\/rpc/);
  });

  it('leads there through interceptors, and names those that wait', async () => {
    const { open } = await memoryOrders(refusing);
    const { orders } = open({
      interceptors: [
        async function theInterceptor(call, next) {
          return await next(call);
        },
        (call, next) => next(call),
      ],
    });
    async function callerOfTheCall() {
      await orders.makeOrder({});
    }
    const { stack } = await caught(callerOfTheCall);
    expect(stack).toMatch(/at (async )?theInterceptor [\s\S]*at (async )?callerOfTheCall /);
  });

  it.each([
    ['a closed channel', undefined],
    ['an aborted signal', AbortSignal.abort()],
  ])('leads there when the call could not begin: %s', async (_, signal) => {
    const { open } = await memoryOrders();
    const { channel, orders } = open();
    if (signal === undefined) await channel.close();
    async function callerOfTheCall() {
      await orders.makeOrder({}, { signal });
    }
    expect((await caught(callerOfTheCall)).stack).toMatch(/callerOfTheCall/);
  });

  it('leads there when the request does not fit', async () => {
    const { open } = await memoryOrders();
    const { orders } = open();
    async function callerOfTheCall() {
      await orders.makeOrder({ price: 'dear' } as never);
    }
    const error = await caught(callerOfTheCall);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.stack).toMatch(/callerOfTheCall/);
  });

  it('leads there, and to the culprit, when a getter of the request throws far down', async () => {
    const { open } = await memoryOrders();
    const { orders } = open();
    const down = (depth: number): never => {
      if (depth > 0) return down(depth - 1);
      throw new Error('from a getter');
    };
    const request = {
      get goods() {
        return down(12);
      },
    };
    async function callerOfTheCall() {
      await orders.makeOrder(request);
    }
    const error = await caught(callerOfTheCall);
    expect(error.message).toBe('from a getter');
    expect(error.stack).toMatch(/at down [\s\S]*callerOfTheCall/);
  });

  it.each([
    ['frozen', () => Object.freeze(new RpcError('ABORTED', 'mine'))],
    ['a Proxy that throws', () => new Proxy(new Error('mine'), { get: throwing, getPrototypeOf: throwing })],
    ['null', () => null],
    ['a string', () => 'mine'],
  ])('is left alone on what a getter throws: %s', async (_, make) => {
    const thrown = make();
    const { open } = await memoryOrders();
    const request = {
      get goods(): string {
        throw thrown;
      },
    };
    const outcome = await open()
      .orders.makeOrder(request)
      .then(
        () => 'no error',
        (error: unknown) => ({ same: error === thrown }),
      );
    expect(outcome).toEqual({ same: true });
  });
});

function throwing(): never {
  throw new Error('a trap');
}
