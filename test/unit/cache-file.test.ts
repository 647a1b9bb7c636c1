import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CacheFile } from '../../lib/discovery/etcd/cache-file.ts';

const endpoint = (name: string) => ({ name, addresses: [name] });

function fixture() {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const errors: string[] = [];
  const open = (service = 'Order', cluster = '10.0.0.1:2379 /rocket/') =>
    new CacheFile(folder, cluster, service, (error) => errors.push(error.message));
  return { folder, errors, open };
}

describe('the file of the last known instances', () => {
  it('gives back what was written, and nothing at first', async () => {
    const { errors, open } = fixture();
    expect(open().read()).toEqual([]);
    const file = open();
    file.write([endpoint('10.0.0.1:80'), endpoint('[::1]:80')]);
    await file.close();
    expect(open().read()).toEqual([endpoint('10.0.0.1:80'), endpoint('[::1]:80')]);
    expect(errors).toEqual([]);
  });

  it('is one for each service of each cluster, however long the name is', async () => {
    const { errors, open } = fixture();
    const long = '订'.repeat(85);
    const at = [
      open('Order'),
      open('Order', '10.0.0.2:2379 /rocket/'),
      open('Order', '10.0.0.1:2379 /other/'),
      open(long),
      open(`${long.slice(1)}单`),
    ];
    for (const [i, file] of at.entries()) file.write([endpoint(`10.0.0.1:${i + 1}`)]);
    await Promise.all(at.map((file) => file.close()));
    expect(at.map((file) => file.read()[0]?.name)).toEqual([1, 2, 3, 4, 5].map((i) => `10.0.0.1:${i}`));
    expect(errors).toEqual([]);
  });

  it('is whole whoever writes it at the same time, and nothing is left behind', async () => {
    const { folder, errors, open } = fixture();
    const writers = Array.from({ length: 20 }, () => open());
    for (const [i, file] of writers.entries())
      file.write(Array.from({ length: 50 * (20 - i) }, (_, n) => endpoint(`10.0.0.1:${n + 1}`)));
    await Promise.all(writers.map((file) => file.close()));
    expect([errors, readdirSync(folder)]).toEqual([[], [expect.stringMatching(/^Order-.*\.json$/)]]);
    expect(open().read().length % 50).toBe(0);
  });

  it('reports a folder that cannot be written to, and leaves nothing there', async () => {
    const { folder, errors, open } = fixture();
    const file = open();
    file.write([endpoint('10.0.0.1:80')]);
    await file.close();
    const [name] = readdirSync(folder);
    rmSync(path.join(folder, name!));
    mkdirSync(path.join(folder, name!));
    file.write([endpoint('10.0.0.1:80')]);
    await file.close();
    expect(errors).toEqual([expect.stringContaining('option cacheDirectory')]);
    expect(readdirSync(folder)).toEqual([name]);
  });

  it('passes over entries that nobody can connect to', async () => {
    const { folder, open } = fixture();
    const file = open();
    file.write([endpoint('10.0.0.1:80')]);
    await file.close();
    const [name] = readdirSync(folder);
    const bad = ['300.1.1.1:80', '[::::1]:80', 'host:80', ''].map(endpoint);
    const endpoints = [...bad, { name: 'none', addresses: [] }, { name: 'x' }, null, endpoint('10.0.0.2:80')];
    writeFileSync(path.join(folder, name!), JSON.stringify({ endpoints }));
    expect(open().read()).toEqual([endpoint('10.0.0.2:80')]);
  });
});
