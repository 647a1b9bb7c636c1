import { describe, expect, it } from 'vitest';
import type { CallOptions, InterceptedClientCall } from '../../lib/index.ts';
import { rightForCall } from '../support/call-option-types.ts';
import type { Text } from '../support/memory-kinds.ts';
import { openKinds, textsOf } from '../support/open-kinds.ts';
import { isTrap } from '../support/option-takers.ts';
import { settled } from '../support/waits.ts';
import { wrongTypes } from '../support/wrong-values.ts';

const kinds = ['one', 'many', 'flow', 'both'] as const;
type Kind = (typeof kinds)[number];

type Open = Awaited<ReturnType<typeof openKinds>>;

async function* requests(): AsyncGenerator<Text> {
  yield { text: 'a' };
}

function make(kind: Kind, client: Open['client'], options: CallOptions): Promise<unknown> {
  switch (kind) {
    case 'one':
      return client.one({ text: '' }, options);
    case 'many':
      return client.many(requests(), options);
    case 'flow':
      return textsOf(client.flow({ text: '' }, options));
    case 'both':
      return textsOf(client.both(requests(), options));
  }
}

const handlers = {
  one: ({ text }: Text) => ({ text }),
  many: async () => ({ text: '' }),
  flow: () => [],
  both: () => [],
};

/** Makes the call, which must be refused with nothing sent and nothing left. */
async function refused(kind: Kind, options: unknown, channelOptions = {}): Promise<Error> {
  const { client, channel, network } = await openKinds(handlers, channelOptions);
  const outcome = await settled(make(kind, client, options as CallOptions), 5000);
  expect(outcome.status).toBe('rejected');
  expect(network.started).toEqual([]);
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0, callsInFlight: 0 });
  return (outcome as PromiseRejectedResult).reason as Error;
}

const through = (call: InterceptedClientCall, next: (call: InterceptedClientCall) => Promise<unknown>) =>
  next(call);

/** By gRPC every option means something. */
const grpc = { protocol: 'grpc' } as const;

describe.each(kinds.slice(1))('a call of %s', (kind) => {
  describe.each([false, true])('(interceptors: %s)', (isIntercepted) => {
    const channelOptions = isIntercepted ? { ...grpc, interceptors: [through] } : grpc;
    const cases = Object.entries(rightForCall).flatMap(([name, right]) =>
      wrongTypes
        .filter(([type]) => type !== 'undefined' && !right.includes(type))
        .map(([type, value]) => [name, type, value] as const),
    );
    it.each(cases)('with %s being %s is refused by name', async (name, type, value) => {
      const error = await refused(kind, { [name]: value() }, channelOptions);
      if (isTrap(type)) return;
      expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
      expect(error.message).toContain(name);
    });

    it.each(wrongTypes.filter(([type]) => type !== 'undefined'))(
      'whose options are %s is refused',
      async (type, value) => {
        const error = await refused(kind, value(), channelOptions);
        if (!isTrap(type)) expect(error).toBeInstanceOf(TypeError);
      },
    );

    it.each(Object.keys(rightForCall))('with %s misspelt is refused, with its right name', async (name) => {
      const error = await refused(kind, { [`${name}s`]: undefined }, channelOptions);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(`a call has no option ${name}s; did you mean ${name}?`);
    });
  });
});

const rightForNext: Readonly<Record<Exclude<keyof InterceptedClientCall, 'request'>, readonly string[]>> = {
  method: [],
  kind: ['undefined'],
  timeoutMs: ['undefined', ...rightForCall.timeoutMs],
  metadata: ['undefined', ...rightForCall.metadata],
  signal: ['undefined'],
  waitForReady: ['undefined', ...rightForCall.waitForReady],
};

describe.each(kinds)('next() of an interceptor of %s', (kind) => {
  const cases = Object.entries(rightForNext).flatMap(([name, right]) =>
    wrongTypes.filter(([type]) => !right.includes(type)).map(([type, value]) => [name, type, value] as const),
  );
  it.each(cases)('with %s being %s fails the call', async (name, type, value) => {
    const error = await refused(
      kind,
      {},
      {
        interceptors: [
          (call: InterceptedClientCall, next: (call: InterceptedClientCall) => Promise<unknown>) =>
            next({ ...call, [name]: value() }),
        ],
      },
    );
    if (isTrap(type)) return;
    expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
    expect(error.message).toMatch(new RegExp(`${name}|next\\(\\) of an interceptor calls`));
  });
});
