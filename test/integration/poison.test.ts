import { expect, it, onTestFinished } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { startRawServer } from '../support/raw-server.ts';

const poison = Buffer.from('030200000000', 'hex');

it('no time left makes the bytes at which a C++ server hangs', async () => {
  const requests: Buffer[] = [];
  const server = await startRawServer((request, connection) => {
    requests.push(request.raw);
    connection.reply(request);
  });
  onTestFinished(() => server.close());
  for (const checksum of [true, false]) {
    const { orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1, checksum });
    // The time that is left when the request is made may be a millisecond less.
    for (const left of [770, 66306, 197120, 50462720]) {
      for (const timeoutMs of [left, left + 1, left + 2]) {
        await orders.makeOrder({ goods: 'apple' }, { timeoutMs });
      }
    }
  }
  expect(requests.length).toBeGreaterThanOrEqual(24);
  for (const raw of requests) expect(raw.includes(poison), raw.toString('hex')).toBe(false);
});

it.each([770, 66306, 197120])('error number %i reaches a C++ client without those bytes', async (number) => {
  const { port } = await startOrderServer(() => {
    throw new RpcError('UNKNOWN', '', { wireCode: number });
  });
  const raw = await rawTo(port);
  // The later ones are sent by the JavaScript thread itself.
  for (let i = 0; i < 40; i++) {
    raw.send(orderFrame(`id ${i}`));
    const reply = await raw.nextFrame(5000);
    expect(reply).toMatchObject({ msgId: `id ${i}`, errCode: number });
    expect(reply.raw.includes(poison)).toBe(false);
  }
});
