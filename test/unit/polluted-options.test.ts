/** What somebody has put into all objects of the process is no option: it would switch off checks of everybody. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ejectionTable } from '../../lib/balance/ejection.ts';
import { loadProtoTable } from '../../lib/codec/load-proto.ts';
import { boolean, checkedOptions, group } from '../../lib/contract/option-table.ts';
import { etcdOptionTable } from '../../lib/discovery/etcd/options.ts';
import { registerOptionTable } from '../../lib/discovery/register-options.ts';
import { loggerTable } from '../../lib/log/log-options.ts';
import { channelOptionTable } from '../../lib/rpc/channel-options.ts';
import { clientTlsOptionTable } from '../../lib/rpc/client-tls-options.ts';
import { closeOptionTable, listenOptionTable } from '../../lib/rpc/listen-options.ts';
import { readyOptionTable } from '../../lib/rpc/ready-waiters.ts';
import { retryBudgetTable, retryOptionTable } from '../../lib/rpc/retry-options.ts';
import { healthOptionTable, serverOptionTable } from '../../lib/rpc/server-options.ts';
import { serverTlsOptionTable, tlsIdentityTable } from '../../lib/rpc/tls-options.ts';
import { polluted } from '../support/polluted.ts';

const tables: Record<string, object> = {
  ejectionTable,
  loadProtoTable,
  etcdOptionTable,
  registerOptionTable,
  loggerTable,
  channelOptionTable,
  clientTlsOptionTable,
  closeOptionTable,
  listenOptionTable,
  readyOptionTable,
  retryBudgetTable,
  retryOptionTable,
  healthOptionTable,
  serverOptionTable,
  serverTlsOptionTable,
  tlsIdentityTable,
};

const names = Object.entries(tables).flatMap(([of, table]) =>
  Object.keys(table).map((name) => [of, name, table] as const),
);

it.each(names)('%s: %s', (_of, name, table) => {
  const clean = JSON.stringify(checkedOptions('x', {}, table));
  for (const value of [false, true, 1, 'TLSv1.2', Symbol('no option')]) {
    const checked = polluted(name, value, () => checkedOptions('x', {}, table));
    expect(JSON.stringify(checked)).toBe(clean);
  }
});

describe('options', () => {
  const innerTable = { on: boolean(false) };
  const inner = group<{ on?: boolean }, typeof innerTable>(innerTable);
  const table = { on: boolean(false), inner };

  it('that are given count all the same', () => {
    class Mine {
      readonly inner = {};
      get on() {
        return true;
      }
    }
    const objects: object[] = [
      { on: true },
      new Mine(),
      new (class extends Mine {})(),
      Object.create({ on: true }) as object,
      Object.create(Object.assign(Object.create(null), { on: true })) as object,
      Object.assign(Object.create(null), { on: true }),
      runInNewContext('({ on: true })') as object,
      new Proxy({ on: true }, {}),
    ];
    for (const options of objects) {
      expect(checkedOptions('x', options, table).on).toBe(true);
      expect(polluted('on', false, () => checkedOptions('x', options, table)).on).toBe(true);
    }
  });

  it('inside others are not those of all objects', () => {
    const checked = polluted('on', true, () => checkedOptions('x', { inner: {} }, table));
    expect(checked.inner.on).toBe(false);
  });

  it('of another realm are not those of all its objects', () => {
    const options = runInNewContext('Object.prototype.on = true; ({})') as object;
    expect(checkedOptions('x', options, table).on).toBe(false);
  });

  it('are not asked for in a setter of all objects', () => {
    Object.defineProperty(Object.prototype, 'on', {
      get: () => true,
      set: () => undefined,
      configurable: true,
    });
    try {
      expect(checkedOptions('x', {}, table).on).toBe(false);
      expect(checkedOptions('x', { on: false }, table).on).toBe(false);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'on');
    }
  });

  it('are not a Map, whatever all objects have', () => {
    expect(() => polluted('on', true, () => checkedOptions('x', new Map() as object, table))).toThrow(
      TypeError,
    );
  });
});
