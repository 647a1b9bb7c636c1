import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CacheFile } from '../../lib/discovery/etcd/cache-file.ts';

const endpoint = (name: string) => ({ name, addresses: [name] });

function fixture() {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const errors: string[] = [];
  const open = (service = 'Order') => new CacheFile(folder, service, (error) => errors.push(error.message));
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
