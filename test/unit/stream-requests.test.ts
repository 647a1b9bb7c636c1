import { describe, expect, it } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { CompressedRequest, type RequestsOwner, StreamRequests } from '../../lib/rpc/stream-requests.ts';

/** Opens what begins with `slow` when it is told to, `bad` not at all, and the rest at once. */
class Owner implements RequestsOwner {
  readonly requests = new StreamRequests(this);
  readonly opening: ((fails?: Error) => void)[] = [];
  givenBack = 0;
  queued = 0;
  flags = 0;

  giveBack(bytes: number): void {
    this.givenBack += bytes;
  }

  onLeft(): void {}
  countQueued(bytes: number): void {
    this.queued += bytes;
  }

  open({ bytes }: CompressedRequest): Buffer | Promise<Buffer | undefined> {
    const text = bytes.toString();
    if (text.startsWith('bad')) throw new RpcError('INTERNAL', text);
    if (!text.startsWith('slow')) return bytes;
    return new Promise((resolve, reject) => {
      this.opening.push((fails) => (fails === undefined ? resolve(bytes) : reject(fails)));
    });
  }

  decode(bytes: Buffer): unknown {
    const text = bytes.toString();
    if (text.endsWith('undecodable')) throw new RpcError('INVALID_ARGUMENT', text);
    return text;
  }

  onTaken(flags: number): void {
    this.flags = flags;
  }

  refuse(error: unknown): void {
    this.requests.fail(error as RpcError);
  }

  push(text: string, flags = 32): void {
    this.requests.pushCompressed(new CompressedRequest(Buffer.from(text), flags), text.length);
  }
}

const done = { value: undefined, done: true };
const value = (text: string) => ({ value: text, done: false });

describe('requests that are compressed', () => {
  it('are given out in order, to whoever waits first', async () => {
    const owner = new Owner();
    const early = [owner.requests.next(), owner.requests.next()];
    owner.push('slow 1');
    owner.requests.push('plain 2', 7);
    owner.push('3');
    owner.push('slow 4');
    const late = [owner.requests.next(), owner.requests.next(), owner.requests.next()];
    owner.requests.complete();
    const order: number[] = [];
    for (const [n, promise] of [...early, ...late].entries()) void promise.then(() => order.push(n));
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    owner.opening[0]!();
    await new Promise(setImmediate);
    expect(order).toEqual([0, 1, 2]);
    owner.opening[1]!();
    expect(await Promise.all([...early, ...late])).toEqual([
      value('slow 1'),
      value('plain 2'),
      value('3'),
      value('slow 4'),
      done,
    ]);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(owner).toMatchObject({ queued: 0, givenBack: 20 });
    expect(await owner.requests.next()).toEqual(done);
  });

  it('tell how each of them came', async () => {
    const owner = new Owner();
    owner.push('a', 32);
    owner.requests.push('b', 1);
    owner.push('c', 96);
    for (const flags of [32, 0, 96]) {
      await owner.requests.next();
      expect(owner.flags).toBe(flags);
    }
  });

  it.each(['bad', 'undecodable', 'slow undecodable'])('end the stream when one is %s', async (text) => {
    for (const isComplete of [true, false]) {
      for (const waits of [true, false]) {
        const owner = new Owner();
        const early = waits ? owner.requests.next() : undefined;
        owner.push(text);
        if (isComplete) owner.requests.complete();
        const next = early ?? owner.requests.next();
        owner.opening[0]?.();
        await expect(next).rejects.toThrow(text);
        await expect(owner.requests.next()).rejects.toThrow(text);
        expect(owner.queued).toBe(0);
      }
    }
  });

  it('are dropped with the call, also while one is opened', async () => {
    const owner = new Owner();
    const waiting = [owner.requests.next(), owner.requests.next()];
    owner.push('slow');
    owner.requests.complete();
    owner.requests.fail(new RpcError('CANCELLED', 'gone'));
    for (const next of waiting) await expect(next).rejects.toThrow('gone');
    owner.opening[0]!();
    await new Promise(setImmediate);
    await expect(owner.requests.next()).rejects.toThrow('gone');
    expect(owner).toMatchObject({ queued: 0, givenBack: 0 });
  });

  it('are dropped when the handler leaves, and their room is given back', async () => {
    const owner = new Owner();
    const waiting = owner.requests.next();
    owner.push('slow');
    owner.push('behind');
    await owner.requests.return();
    expect(await waiting).toEqual(done);
    owner.opening[0]!();
    await new Promise(setImmediate);
    owner.push('later');
    expect(owner).toMatchObject({ queued: 0, givenBack: 'slow'.length + 'behind'.length + 'later'.length });
    expect(await owner.requests.next()).toEqual(done);
  });
});
