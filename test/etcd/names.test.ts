import { describe, expect, it, onTestFinished } from 'vitest';
import { startClock } from '../support/clock.ts';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';

const a = '127.0.0.1:9001';
const b = '127.0.0.1:9002';

describe.skipIf(etcdIsMissing())('names and values in etcd', () => {
  it('does not mistake OrderAdmin, or what lies below Order, for Order', async () => {
    const { hosts } = await EtcdServer.start();
    const made = discovery({ hosts });
    await made.register('OrderAdmin', b);
    const client = plainClient({ hosts });
    const lease = await client.grant(600);
    await client.put('/rocket/service/Order/deep/127.0.0.1:7', '127.0.0.1:7', lease);
    const order = follow(made, 'Order');
    await order.sees([], 3000);
    await made.register('Order', a);
    await order.sees([a], 1000);
    await follow(made, 'OrderAdmin').sees([b], 3000);
  });

  it('takes spaces and UTF-8, and refuses a slash', async () => {
    const { hosts } = await EtcdServer.start();
    const made = discovery({ hosts });
    for (const name of ['two words', '订单服务', 'shop.v1.Order', 'a;b=c']) {
      await made.register(name, a);
      await follow(made, name).sees([a], 3000);
    }
    expect(() => made.resolver('a/b')).toThrow(TypeError);
    await expect(made.register('a/b', a)).rejects.toThrow(TypeError);
  });

  it('reads what C++ rocket writes, writes what C++ rocket reads, and passes over nonsense', async () => {
    const { hosts } = await EtcdServer.start();
    const made = discovery({ hosts });
    const client = plainClient({ hosts });
    const lease = await client.grant(600);
    const put = (key: string, value: string) => client.put(`/rocket/service/Order/${key}`, value, lease);
    await put('10.0.0.1:12345', '10.0.0.1:12345');
    await put('10.0.0.2:1', '10.0.0.2:1;weight=7;zone=b');
    await put('10.0.0.3:1', '10.0.0.3:1;weight=-4;;=;nonsense');
    await put('rubbish', 'rubbish');
    for (const each of ['10.0.0.4:99999', '300.1.1.1:80', '[::::1]:80']) await put(each, each);
    await made.register('Order', a, { metadata: { zone: 'c' } });
    const seen = follow(made, 'Order');
    await seen.sees(['10.0.0.1:12345', '10.0.0.2:1', '10.0.0.3:1', a], 3000);
    expect(seen.endpoints.map(({ name, weight }) => `${name} ${weight}`).sort()).toEqual([
      '10.0.0.1:12345 1',
      '10.0.0.2:1 7',
      '10.0.0.3:1 1',
      `${a} 1`,
    ]);
    const entry = await client.get(`/rocket/service/Order/${a}`);
    expect(entry?.value).toBe(`${a};zone=c`);
  });

  it('lists 10,000 instances of one service in under a second', async () => {
    const { hosts } = await EtcdServer.start();
    const client = plainClient({ hosts });
    const lease = await client.grant(600);
    const at = (n: number) => `10.1.${n >> 8}.${n & 255}:1000`;
    const { Etcd3 } = await import('etcd3');
    const plain = new Etcd3({ hosts });
    onTestFinished(() => plain.close());
    for (let n = 0; n < 10_000; n += 100) {
      const puts = Array.from({ length: 100 }, (_, i) => at(n + i)).map((each) => {
        const key = Buffer.from(`/rocket/service/Many/${each}`);
        return { request_put: { key, value: Buffer.from(each), lease } };
      });
      await plain.kv.txn({ compare: [], success: puts, failure: [] });
    }
    // The library and the connection are there already when a service is looked up later.
    const made = discovery({ hosts });
    await follow(made, 'Other').sees([], 3000);
    const clock = startClock();
    const seen = follow(made, 'Many');
    const ms = await seen.sees(
      Array.from({ length: 10_000 }, (_, n) => at(n)),
      10_000,
    );
    expect(ms).toBeLessThan(clock.latestMs(1000));
  });
});
