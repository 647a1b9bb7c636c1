import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../lib/index.ts';
import { hostileValues } from '../support/hostile-values.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import type { OrderReply } from '../support/order.ts';
import { settled } from '../support/waits.ts';
import { hostileThenables, hostileErrors as namedErrors } from '../support/wrong-values.ts';

const internal = 20000013;

const hostileErrors = [...namedErrors, ...Object.entries(hostileValues())];

/** One request to a server whose handler does this; it must be answered, and nothing may be left. */
async function answerOf(handler: () => unknown, options: ServerOptions = {}) {
  const { memory, request, server, logged } = await memoryOrders(handler as () => OrderReply, options);
  const outcome = await settled(request(), 5000, 'an answer');
  if (outcome.status === 'rejected') throw outcome.reason;
  expect(typeof outcome.value.text).toBe('string');
  expect(server.stats()).toMatchObject({ handlersRunning: 0, callsInFlight: 0 });
  expect(memory.callsHeld).toBe(0);
  await settled(server.close({ drainMs: 0 }), 5000, 'the server to close');
  return { ...outcome.value, logged };
}

const ways: [name: string, way: (make: () => unknown) => () => unknown][] = [
  [
    'thrown',
    (make) => () => {
      throw make();
    },
  ],
  ['the reason of a rejection', (make) => () => Promise.reject(make())],
  [
    'the reason of a late rejection',
    (make) => async () => {
      await null;
      throw make();
    },
  ],
];

describe.each(ways)('%s', (_, way) => {
  describe.each([false, true])('(exposeErrors: %s)', (exposeErrors) => {
    it.each(exposeErrors ? hostileErrors : namedErrors)(
      '%s is an error for the caller',
      async (_name, make) => {
        const { wireCode } = await answerOf(way(make), { exposeErrors });
        expect(wireCode).not.toBe(0);
        expect(Number.isInteger(wireCode)).toBe(true);
      },
    );
  });

  it.each(namedErrors)('%s by an interceptor is an error for the caller', async (_name, make) => {
    const interceptors = [async () => way(make)()];
    expect((await answerOf(() => ({}), { interceptors })).wireCode).not.toBe(0);
  });
});

it.each(namedErrors)('%s is told to a logger, whatever that does', async (_name, make) => {
  const logger = {
    warn: () => undefined,
    error: async (_line: string, error: unknown) => {
      throw error;
    },
  };
  const answer = await answerOf(
    () => {
      throw make();
    },
    { logger },
  );
  expect(answer.wireCode).not.toBe(0);
});

describe('what a handler returns', () => {
  it.each([...hostileErrors, ...hostileThenables])('%s: one answer comes', async (_name, make) => {
    await answerOf(() => make());
  });

  it.each(hostileThenables)('%s from an async function: one answer comes', async (_name, make) => {
    await answerOf(async () => make());
  });

  it('that throws when it is encoded is INTERNAL', async () => {
    const { wireCode } = await answerOf(() => ({
      get orderId() {
        throw Object.create(null);
      },
    }));
    expect(wireCode).toBe(internal);
  });

  it('a Promise subclass that waits for then() is waited for', async () => {
    class Lazy extends Promise<OrderReply> {
      // biome-ignore lint/suspicious/noThenProperty: as query builders have it.
      override then<A, B>(
        yes?: ((value: OrderReply) => A | PromiseLike<A>) | null,
        no?: ((error: unknown) => B | PromiseLike<B>) | null,
      ): Promise<A | B> {
        return Promise.resolve({ orderId: 'lazy' }).then(yes, no);
      }
    }
    const { wireCode, body } = await answerOf(() => new Lazy(() => undefined));
    expect([wireCode, body.toString()]).toEqual([0, expect.stringContaining('lazy')]);
  });
});

it('an interceptor may drop the promise of next() whose handler fails', async () => {
  const interceptors: ServerOptions['interceptors'] = [
    async (_call, next) => {
      void next();
      return { orderId: 'own' };
    },
  ];
  const fails = () => {
    throw new Error('nobody waits for this');
  };
  expect((await answerOf(fails, { interceptors })).wireCode).toBe(0);
});
