import { describe, expect, it } from 'vitest';
import { messageHeadBytes, takenStepBytes } from '../../lib/contract/transport.ts';
import { RpcError } from '../../lib/index.ts';
import { IncomingMessages, type IncomingOwner } from '../../lib/rpc/incoming-messages.ts';
import { PackedMessages } from '../../lib/rpc/packed-messages.ts';
import { QueuedMessages } from '../../lib/rpc/queued-messages.ts';
import { RawMessage } from '../../lib/rpc/raw-message.ts';

/** Opens what begins with `slow` when it is told to, `bad` not at all, and the rest at once. */
class Owner implements IncomingOwner {
  readonly queued = new QueuedMessages();
  readonly messages = new IncomingMessages(this);
  readonly opening: ((fails?: Error) => void)[] = [];
  /** Each time. */
  readonly givenBack: number[] = [];
  flags = 0;

  giveBack(bytes: number): void {
    this.givenBack.push(bytes);
  }

  onLeft(): void {}
  open({ bytes }: RawMessage): Buffer | Promise<Buffer | undefined> {
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
    this.messages.fail(error as RpcError);
  }

  push(text: string, flags = 32, wireBytes = text.length): void {
    this.messages.pushRaw(new RawMessage(Buffer.from(text), flags), wireBytes);
  }
}

const done = { value: undefined, done: true };
const value = (text: string) => ({ value: text, done: false });

describe('messages that are compressed', () => {
  it('are given out in order, to whoever waits first', async () => {
    const owner = new Owner();
    const early = [owner.messages.next(), owner.messages.next()];
    owner.push('slow 1');
    owner.messages.push('plain 2', 7);
    owner.push('3');
    owner.push('slow 4');
    const late = [owner.messages.next(), owner.messages.next(), owner.messages.next()];
    owner.messages.complete();
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
    expect(owner).toMatchObject({ queued: { bytes: 0 } });
    expect(await owner.messages.next()).toEqual(done);
  });

  it('tell how each of them came', async () => {
    const owner = new Owner();
    owner.push('a', 32);
    owner.messages.push('b', 1);
    owner.push('c', 96);
    for (const flags of [32, 0, 96]) {
      await owner.messages.next();
      expect(owner.flags).toBe(flags);
    }
  });

  it.each(['bad', 'undecodable', 'slow undecodable'])('end the stream when one is %s', async (text) => {
    for (const isComplete of [true, false]) {
      for (const waits of [true, false]) {
        const owner = new Owner();
        const early = waits ? owner.messages.next() : undefined;
        owner.push(text);
        if (isComplete) owner.messages.complete();
        const next = early ?? owner.messages.next();
        owner.opening[0]?.();
        await expect(next).rejects.toThrow(text);
        await expect(owner.messages.next()).rejects.toThrow(text);
        expect(owner.queued.bytes).toBe(0);
      }
    }
  });

  it('are dropped with the call, also while one is opened', async () => {
    const owner = new Owner();
    const waiting = [owner.messages.next(), owner.messages.next()];
    owner.push('slow');
    owner.messages.complete();
    owner.messages.fail(new RpcError('CANCELLED', 'gone'));
    for (const next of waiting) await expect(next).rejects.toThrow('gone');
    owner.opening[0]!();
    await new Promise(setImmediate);
    await expect(owner.messages.next()).rejects.toThrow('gone');
    expect(owner).toMatchObject({ queued: { bytes: 0 }, givenBack: [] });
  });

  it('are dropped when the reader leaves, and their room is given back', async () => {
    const owner = new Owner();
    const waiting = owner.messages.next();
    owner.push('slow', 32, 1000);
    owner.push('behind', 32, takenStepBytes);
    await owner.messages.return();
    expect(await waiting).toEqual(done);
    owner.opening[0]!();
    await new Promise(setImmediate);
    owner.push('later', 32, takenStepBytes - 1000);
    expect(owner).toMatchObject({ queued: { bytes: 0 }, givenBack: [takenStepBytes, takenStepBytes] });
    expect(await owner.messages.next()).toEqual(done);
  });
});

describe('what is taken', () => {
  it.each(['decoded', 'raw'])('is given back in steps, of messages that come %s', async (how) => {
    const owner = new Owner();
    const reading = (async () => {
      let read = 0;
      for await (const _ of owner.messages) read++;
      return read;
    })();
    let wireBytes = 0;
    // As they come from a connection: some in a turn.
    for (let left = 1000; left > 0; left -= 10) {
      for (let n = 0; n < 10; n++) {
        if (how === 'raw') owner.push('text', 32, 105);
        else owner.messages.push('text', 105);
        wireBytes += 105;
      }
      await new Promise(setImmediate);
    }
    owner.messages.complete();
    expect(await reading).toBe(1000);
    expect(owner.givenBack).toHaveLength(Math.floor(wireBytes / takenStepBytes));
    for (const step of owner.givenBack) expect(step).toBeGreaterThanOrEqual(takenStepBytes);
  });

  it('is given back at once of a message of one step', async () => {
    const owner = new Owner();
    owner.messages.push('short', takenStepBytes - 1);
    await owner.messages.next();
    expect(owner.givenBack).toEqual([]);
    owner.messages.push('long', takenStepBytes);
    await owner.messages.next();
    expect(owner.givenBack).toEqual([2 * takenStepBytes - 1]);
  });
});

describe('messages that come when too many wait', () => {
  const texts = Array.from({ length: 300 }, (_, n) => `text ${n}`.padEnd(1000));
  const wireBytes = (text: string) => text.length + messageHeadBytes;

  /** As the owner of a stream does with each message. */
  function receive(owner: Owner, text: string): void {
    const buffer = Buffer.from(`before${text}behind`);
    if (owner.messages.isCrowded) owner.messages.pack(buffer, 6, 6 + text.length, 0);
    else owner.messages.push(text, wireBytes(text));
  }
  function crowded(): Owner {
    const owner = new Owner();
    // Other streams.
    owner.queued.count(1_000_000, 0);
    return owner;
  }
  function expectGivenBack(owner: Owner, all: readonly string[]): void {
    const wire = all.reduce((sum, text) => sum + wireBytes(text), 0);
    const given = owner.givenBack.reduce((sum, bytes) => sum + bytes, 0);
    expect(wire - given).toBeGreaterThanOrEqual(0);
    expect(wire - given).toBeLessThan(takenStepBytes);
  }
  async function readAll(owner: Owner): Promise<unknown[]> {
    const read: unknown[] = [];
    for await (const text of owner.messages) read.push(text);
    return read;
  }

  it('wait as they came, and are read in order', async () => {
    const owner = crowded();
    for (const text of texts) receive(owner, text);
    expect(owner.queued.bytes).toBe(texts.reduce((sum, text) => sum + wireBytes(text), 0));
    owner.queued.count(-1_000_000, 0);
    const first = [owner.messages.next(), owner.messages.next()];
    expect(await Promise.all(first)).toEqual([value(texts[0]!), value(texts[1]!)]);
    receive(owner, 'late');
    owner.messages.complete();
    expect(await readAll(owner)).toEqual([...texts.slice(2), 'late']);
    expect(owner.queued.bytes).toBe(0);
    expectGivenBack(owner, [...texts, 'late']);
  });

  it('are decoded at once where somebody waits for them', async () => {
    const owner = crowded();
    const waiting = owner.messages.next();
    expect(owner.messages.isCrowded).toBe(false);
    receive(owner, 'one');
    expect(await waiting).toEqual(value('one'));
  });

  it('end the stream when one of them cannot be decoded', async () => {
    const owner = crowded();
    for (const text of ['good', 'good', 'undecodable', 'behind']) receive(owner, text);
    expect(await owner.messages.next()).toEqual(value('good'));
    expect(await owner.messages.next()).toEqual(value('good'));
    await expect(owner.messages.next()).rejects.toThrow('undecodable');
    expect(owner.queued.bytes).toBe(0);
  });

  it('are dropped when the reader leaves, and the peer may go on', async () => {
    const owner = crowded();
    for (const text of texts) receive(owner, text);
    await owner.messages.return();
    receive(owner, 'late');
    expect(owner.queued.bytes).toBe(0);
    expectGivenBack(owner, [...texts, 'late']);
    expect(await owner.messages.next()).toEqual(done);
  });

  it('do not count any more once the call has ended, and can still be read', async () => {
    const owner = crowded();
    for (const text of texts) receive(owner, text);
    owner.messages.complete();
    owner.messages.leaveCount(owner);
    expect(owner.queued.bytes).toBe(0);
    expect(await readAll(owner)).toEqual(texts);
    expect(owner.queued.bytes).toBe(0);
  });

  it('have their memory used again', () => {
    const packed = new PackedMessages();
    const buffer = Buffer.from('abcdef');
    for (let n = 0; n < 10_000; n++) {
      packed.push(buffer, n % 3, 6, n);
      if (n >= 10) {
        expect(packed.shift()).toEqual({ bytes: buffer.subarray((n - 10) % 3), flags: n - 10 });
      }
    }
    expect(packed.length).toBe(10);
  });
});
