import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compressed, decompressed } from '../../lib/rpc/compression.ts';
import { runZlibJob } from '../../lib/rpc/zlib-jobs.ts';
import { seededRandom } from '../support/seeded-random.ts';

const always = (): boolean => true;
const limit = (maxMessageBytes: number) => ({ what: 'request', maxMessageBytes }) as const;
const turns = () => new Promise(setImmediate);

describe.each([
  ['gzip', gzipSync, gunzipSync],
  ['deflate', deflateSync, inflateSync],
] as const)('%s', (format, pack, unpack) => {
  it.each([0, 1, 64, 4096, 65_536, 65_537, 1_000_000])(
    'opens what zlib has packed, %d bytes',
    async (size) => {
      const plain = Buffer.alloc(size, 'abcdefg');
      const opened = await decompressed(pack(plain), format, limit(Math.max(size, 1)), always);
      expect(opened?.equals(plain)).toBe(true);
      if (size < 2) return;
      const tooLong = async () => decompressed(pack(plain), format, limit(size - 1), always);
      await expect(tooLong()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    },
  );

  it('opens short ones at once, and copies long ones', async () => {
    const plain = Buffer.alloc(60_000, 'x');
    expect(decompressed(pack(plain), format, limit(1e6), always)).toBeInstanceOf(Buffer);
    const next = seededRandom(1);
    const random = Buffer.from(Array.from({ length: 20_000 }, () => next() * 256));
    const bytes = pack(random);
    const opening = decompressed(bytes, format, limit(1e6), always);
    bytes.fill(0);
    expect(opening).toBeInstanceOf(Promise);
    expect((await opening)?.equals(random)).toBe(true);
  });

  it('stops at the limit of a short one that becomes long', async () => {
    const bomb = pack(Buffer.alloc(3 << 20));
    expect(bomb.length).toBeLessThan(4096);
    await expect((async () => decompressed(bomb, format, limit(1 << 20), always))()).rejects.toThrow(
      'the request has a message that is over 1048576 bytes decompressed (option maxMessageBytes)',
    );
  });

  it('is made of what gets shorter by it', async () => {
    const plain = Buffer.alloc(3000, 'abc');
    expect(unpack(compressed(plain, format, always) as Buffer).equals(plain)).toBe(true);
    const long = Buffer.alloc(300_000, 'abc');
    expect(unpack((await compressed(long, format, always))!).equals(long)).toBe(true);
    for (const size of [0, 1, 20, 21]) {
      expect(compressed(Buffer.from('abcdefghijklmnopqrstuvwxyz').subarray(0, size), format, always)).toBe(
        undefined,
      );
    }
    const packed = pack(long.subarray(0, 5000));
    expect(await compressed(Buffer.concat([packed, packed.subarray(0, 1)]), format, always)).toBe(undefined);
  });

  it('is left alone when nobody wants it any more', async () => {
    let wanted = true;
    const jobs = Array.from({ length: 4 }, () => compressed(Buffer.alloc(100_000), format, () => wanted));
    wanted = false;
    const results = await Promise.all(jobs);
    expect(results.map((result) => result !== undefined)).toEqual([true, true, false, false]);
  });
});

describe('jobs of zlib', () => {
  it('run two at a time, in order, and go on after one that fails', async () => {
    const started: number[] = [];
    const settle: ((error: Error | null, result: number) => void)[] = [];
    const jobs = [0, 1, 2, 3, 4].map((n) =>
      runZlibJob<number>((done) => {
        started.push(n);
        if (n === 2) throw new Error('cannot start');
        settle[n] = done;
      }, always),
    );
    expect(started).toEqual([0, 1]);
    settle[1]!(null, 10);
    expect(await jobs[1]).toBe(10);
    await expect(jobs[2]).rejects.toThrow('cannot start');
    expect(started).toEqual([0, 1, 2, 3]);
    settle[3]!(new Error('broken'), 0);
    await expect(jobs[3]).rejects.toThrow('broken');
    settle[0]!(null, 0);
    settle[4]!(null, 40);
    expect(await Promise.all([jobs[0], jobs[4]])).toEqual([0, 40]);
    await turns();
  });
});
