/** A server that refuses streams before it has begun with them. */
import { constants, createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { ChannelOptions } from '../../lib/index.ts';
import { frame } from '../support/grpc-frames.ts';
import { openKinds } from '../support/kinds-server.ts';

/** Refuses so many streams. */
async function refusing(most: number, options: ChannelOptions) {
  const sessions = new Set<ServerHttp2Session>();
  let streams = 0;
  const server = createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    if (++streams <= most) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(Buffer.alloc(0)));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { ...openKinds(`grpc://127.0.0.1:${port}`, options), streams: () => streams };
}

it('serves a call that it has refused time and again', async () => {
  const { client, channel, streams } = await refusing(8, {});
  expect(await client.one({ text: '' })).toMatchObject({ text: '' });
  expect(streams()).toBe(9);
  expect(channel.stats()).toMatchObject({ moves: 8, retries: 0, retriesRefused: 0 });
});

it('that serves nobody is not asked again and again', async () => {
  const { client, channel, streams } = await refusing(Number.POSITIVE_INFINITY, {
    retryBudget: { ratio: 0, perSecond: 3 },
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => client.one({ text: '' })));
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', safeToRepeat: true },
    });
  // Five times without the budget, which has some more for those that come first.
  expect(streams()).toBeGreaterThan(300);
  expect(streams()).toBeLessThan(350);
  expect(channel.stats().retriesRefused).toBeGreaterThan(40);
});
