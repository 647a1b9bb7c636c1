import { describe, expect, it, onTestFinished } from 'vitest';
import { rocketDestination } from '../../lib/index.ts';
import { setCallSource } from '../../lib/log/current-call.ts';
import { logFolder, logLines, logObjects, openLog } from '../support/log-folder.ts';
import { openOrders, rawTo, startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const soonMs = 8000;

describe('in a handler', () => {
  it('ctx.log has the msg_id and the method of its own call, also after an await beside others', async () => {
    const { log, directory } = openLog();
    const { address } = await startOrderServer(
      async ({ goods }, ctx) => {
        ctx.log.info(`begin ${goods}`);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        ctx.log.info(`end ${goods} of ${ctx.msgId}`);
        return {};
      },
      { logger: log },
    );
    const { orders } = openOrders(address);
    await Promise.all(Array.from({ length: 50 }, (_, i) => orders.makeOrder({ goods: `${i}` })));
    await log.flush();
    const said = logLines(directory).map((line) => line.split('\t'));
    expect(said).toHaveLength(100);
    const begun = new Map(said.map(([, , , id, , , message]) => [message!, id!]));
    for (const [, , , id, method, , message] of said) {
      expect(method).toBe('[Order.makeOrder]');
      const end = /^end (\d+) of (.+)$/.exec(message!);
      if (end === null) continue;
      expect(id).toBe(`[${end[2]}]`);
      expect(begun.get(`begin ${end[1]}`)).toBe(id);
    }
  });

  it('with asyncContext any logger knows the call', async () => {
    const { log, directory } = openLog();
    const deep = async (goods: string) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      log.info(goods);
    };
    const { address } = await startOrderServer(
      async ({ goods = '' }) => {
        await deep(goods);
        return {};
      },
      { logger: false, asyncContext: true },
    );
    const { orders } = openOrders(address);
    await Promise.all(['a', 'b', 'c'].map((goods) => orders.makeOrder({ goods })));
    log.info('outside');
    await log.flush();
    const said = logLines(directory).map((line) => line.split('\t'));
    expect(new Set(said.slice(0, 3).map(([, , , id]) => id)).size).toBe(3);
    expect(said[3]![3]).toBe('[-]');
  });

  it('ctx.log falls back to the lines of a plain logger', async () => {
    const { address, logged } = await startOrderServer((_request, ctx) => {
      ctx.log.info('not this');
      ctx.log.warn('this');
      return {};
    });
    await openOrders(address).orders.makeOrder({});
    expect(logged).toEqual([expect.stringMatching(/^\[.+\] \[Order\.makeOrder\] this$/)]);
  });

  it('the framework’s own lines go through it', async () => {
    const { log, directory } = openLog();
    const { address } = await startOrderServer(
      () => {
        throw new Error('secret');
      },
      { logger: log },
    );
    await openOrders(address)
      .orders.makeOrder({})
      .catch(() => undefined);
    await log.flush();
    expect(logLines(directory)[0]).toMatch(/^\[ERROR\].*the handler of Order\.makeOrder failed \{"err":\{/);
  });
});

it('a line has the method of its own call also where peers give calls the same id', async () => {
  const { log, directory } = openLog();
  let method = 'A.a';
  setCallSource(() => ({ msgId: '123456789', method }));
  onTestFinished(() => setCallSource(() => undefined));
  log.info('in a');
  method = 'B.b';
  log.info('in b');
  await log.flush();
  expect(logLines(directory).map((line) => line.split('\t').slice(4))).toEqual([
    ['[A.a]', '[-]', 'in a'],
    ['[B.b]', '[-]', 'in b'],
  ]);
});

describe('lines of io threads', () => {
  it('are written while JavaScript is blocked, at the level of the logger', async () => {
    const { log, directory } = openLog({ gatherMs: 10 });
    const { port } = await startOrderServer(undefined, { logger: log, ioThreads: 1 });
    const nonsense = Buffer.from('nonsense');
    const raw = await rawTo(port);
    raw.send(nonsense);
    const written = () => logLines(directory).filter((line) => /127\.0\.0\.1:\d+.*bad_start_byte/.test(line));
    // Nothing of this thread's event loop turns until the line is in the file.
    const deadline = performance.now() + soonMs;
    while (written().length === 0 && performance.now() < deadline);
    expect(written()).toEqual([expect.stringMatching(/^\[WARN\]\t/)]);
    log.level = 'error';
    const again = await rawTo(port);
    again.send(nonsense);
    await again.waitClosed(soonMs);
    await log.flush();
    expect(written()).toHaveLength(1);
  });

  it('tell why a channel has no connection, and when it has again', async () => {
    const { log, directory } = openLog();
    const { address, server } = await startOrderServer();
    const { channel, orders } = openOrders(address, { logger: log, backoff: { minMs: 10 }, connections: 1 });
    await orders.makeOrder({});
    await server.close({ drainMs: 0 });
    const said = async (pattern: RegExp) => {
      await log.flush();
      return logLines(directory).some((line) => pattern.test(line));
    };
    channel.connect();
    await until(() => said(/no connection to 127\.0\.0\.1:\d+: .*refused/i), {
      deadlineMs: soonMs,
      what: 'the loss to be told',
    });
    await startOrderServer(undefined, {}, address);
    await until(() => said(/connected to 127\.0\.0\.1:\d+ again/), {
      deadlineMs: soonMs,
      what: 'the return to be told',
    });
  });
});

describe('as the destination of pino', () => {
  it('takes pino’s own lines', async () => {
    const { default: pino } = await import('pino');
    const directory = logFolder();
    const destination = rocketDestination({ directory, flushOnSignals: false });
    onTestFinished(() => destination.end());
    const log = pino(destination);
    log.info({ a: 1 }, 'hello');
    log.child({ b: 2 }).error(new Error('bad'));
    await new Promise<void>((resolve, reject) => log.flush((error) => (error ? reject(error) : resolve())));
    const [first, second] = logObjects(directory);
    expect(first).toMatchObject({ level: 30, a: 1, msg: 'hello' });
    expect(second).toMatchObject({ level: 50, b: 2, err: { message: 'bad' } });
  });
});
