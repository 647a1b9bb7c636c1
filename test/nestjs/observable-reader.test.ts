import { from, Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ObservableReader } from '../../lib/nestjs/observable-reader.ts';

const asItIs = (error: unknown): unknown => error;

async function taken(reader: ObservableReader): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of reader) values.push(value);
  return values;
}

describe('an Observable that is read', () => {
  it('gives its values in order, whenever they come', async () => {
    expect(await taken(new ObservableReader(from([1, 2, 3]), 3, 'x', asItIs))).toEqual([1, 2, 3]);
    const subject = new Subject<number>();
    const reader = new ObservableReader(subject, 5000, 'x', asItIs);
    const first = [reader.next(), reader.next()];
    for (let value = 0; value < 3000; value++) subject.next(value);
    subject.complete();
    expect(await Promise.all(first)).toMatchObject([{ value: 0 }, { value: 1 }]);
    expect(await taken(reader)).toEqual(Array.from({ length: 2998 }, (_, at) => at + 2));
    expect(await reader.next()).toEqual({ value: undefined, done: true });
  });

  it('over the limit gives what was kept, and then the error that names the option', async () => {
    let made = 0;
    let isLeft = false;
    // It emits for ever while it is subscribed to.
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed) subscriber.next(made++);
      isLeft = true;
    });
    const reader = new ObservableReader(endless, 10, 'the replies of A.b', asItIs);
    const values: unknown[] = [];
    const reading = (async () => {
      for await (const value of reader) values.push(value);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringMatching(
        /^the replies of A\.b .* 10 wait already; see option maxBufferedMessages$/,
      ),
    });
    expect([values.length, made, isLeft]).toEqual([10, 11, true]);
  });

  it('fails behind its values, and once', async () => {
    const subject = new Subject<number>();
    const reader = new ObservableReader(subject, 5, 'x', asItIs);
    const results = [reader.next(), reader.next(), reader.next()];
    subject.next(1);
    subject.error(new Error('enough'));
    expect(await results[0]).toEqual({ value: 1, done: false });
    await expect(results[1]).rejects.toThrow('enough');
    expect(await results[2]).toMatchObject({ done: true });
    expect(await reader.next()).toMatchObject({ done: true });
  });

  it('is unsubscribed from by return(), which ends what waits', async () => {
    let isLeft = false;
    const source = new Observable<number>(() => () => {
      isLeft = true;
    });
    const reader = new ObservableReader(source, 5, 'x', asItIs);
    const waiting = reader.next();
    await reader.return();
    expect(await waiting).toMatchObject({ done: true });
    expect(isLeft).toBe(true);
    let ends = 0;
    const never = new ObservableReader(source, 5, 'x', asItIs, () => ends++);
    await never.return();
    await never.return();
    expect(await never.next()).toMatchObject({ done: true });
    expect(ends).toBe(1);
  });
});
