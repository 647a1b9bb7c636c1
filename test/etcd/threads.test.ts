import { describe, expect, it, onTestFinished } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { startClock } from '../support/clock.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { until } from '../support/waits.ts';

const services = 200;
const changes = 1000;
const rounds = 15;
let question = 0;

async function ask(child: Child, command: string): Promise<string> {
  child.tell(`${++question} ${command}`);
  return child.said(`answer-${question}`, 20_000);
}

describe.skipIf(etcdIsMissing())('eight worker threads that follow 200 services', () => {
  it('share one watch of each, see every change, and continue when the leading one is terminated', {
    timeout: 120_000,
  }, async () => {
    const server = await EtcdServer.start();
    const { Etcd3 } = await import('etcd3');
    const client = new Etcd3({ hosts: server.hosts });
    onTestFinished(() => client.close());
    const put = (service: number, version: string) => {
      const key = `/rocket/service/service-${service}/127.0.0.1:9000`;
      return client.put(key).value(`127.0.0.1:9000;version=${version}`).exec();
    };
    const putAll = async (version: string) => {
      for (let i = 0; i < services; i++) await put(i, version);
    };
    await putAll('first');
    const child = await startChild('discovery-threads.mjs', [server.hosts[0]!, String(services)]);
    await child.said('ready', 20_000);
    const allSee = (version: string, workers: number) =>
      until(async () => (await ask(child, `count ${version}`)) === String(workers), {
        deadlineMs: 20_000,
        what: () => `${workers} workers to see ${version}: ${child.describe()}`,
      });
    await allSee('first', 8);
    // One watch for a service and process, not one for each of the eight threads. The lists came before the watches.
    const watches = () => server.metric('etcd_debugging_mvcc_watcher_total');
    await until(async () => (await watches()) >= services, { deadlineMs: 5000, what: 'the watches' });
    expect(await watches()).toBe(services);

    // All the time one writer changes the others, and service-0 is what is measured.
    const writer = (async () => {
      for (let i = 0; i < changes - services; i++) await put(1 + (i % (services - 1)), `v${i}`);
    })();
    const clock = startClock();
    const delays: number[] = [];
    for (let round = 0; round < rounds; round++) {
      // The clock of the wall, since the workers are in another process.
      const writtenAt = Date.now();
      await put(0, `version-${round}`);
      let last = 'incomplete';
      const complete = async () => {
        last = await ask(child, `last version-${round}`);
        return last !== 'incomplete';
      };
      await until(complete, { deadlineMs: 5000, what: 'all workers to see one change' });
      delays.push(Number(last) - writtenAt);
    }
    await writer;
    // From the write to the last of the eight. The median, since they share two cores with etcd and this process.
    delays.sort((a, b) => a - b);
    expect(delays[rounds >> 1]).toBeLessThan(clock.latestMs(0));
    expect(delays.at(-1)).toBeLessThan(clock.latestMs(1000));
    await putAll('second');
    await allSee('second', 8);

    expect(await ask(child, 'terminate')).toBe('7');
    await putAll('third');
    await allSee('third', 7);
    await until(async () => (await watches()) === services, {
      deadlineMs: 5000,
      what: 'one watch of each service',
    });
    expect(await ask(child, 'close')).toBe('0,0,0,0,0,0,0');
    expect(await child.exit(10_000)).toEqual({ code: 0, signal: null });
    expect(child.errors).toBe('');
  });
});
