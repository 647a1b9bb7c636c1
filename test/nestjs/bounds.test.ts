import { Controller, Module } from '@nestjs/common';
import { GrpcStreamCall } from '@nestjs/microservices';
import { from, lastValueFrom, NEVER, Observable, of, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type CallContext, healthService, type MethodKind } from '../../lib/index.ts';
import type { GrpcStream, RocketClient } from '../../lib/nestjs/index.ts';
import { type HandlerSettings, observableHandler } from '../../lib/nestjs/nest-handlers.ts';
import type { NestMethod } from '../../lib/nestjs/nest-services.ts';
import type { ObservableReader } from '../../lib/nestjs/observable-reader.ts';
import { client, serve } from './apps.ts';
import { CarelessModule, careless, type Kinds, wait } from './careless.ts';
import type { Note } from './kinds.ts';

const asItIs = (error: unknown): unknown => error;

const throwing = (): never => {
  throw new Error('not this one');
};

@Controller()
class Throwing {
  @GrpcStreamCall('Kinds')
  rawUpper(stream: GrpcStream): void {
    stream.on('data', throwing);
  }

  @GrpcStreamCall('Kinds')
  rawJoin(stream: GrpcStream): void {
    stream.on('data', throwing);
  }
}

@Module({ controllers: [Throwing] })
class ThrowingModule {}

describe('a careless application', () => {
  const start = async (options = {}): Promise<Kinds> => {
    const { url } = await serve('rocket', options, CarelessModule);
    return client('rocket', url).getService<Kinds>('Kinds');
  };

  it('that has no reply says so', async () => {
    const { echo } = await start();
    await expect(lastValueFrom(echo({ text: '' }))).rejects.toMatchObject({
      code: 13,
      details: expect.stringContaining('completed without a reply'),
    });
  });

  it('that never answers is ended by the deadline', async () => {
    const { silent, upper } = await start();
    const options = { deadline: Date.now() + 50 };
    await expect(lastValueFrom(silent({ text: '' }, options))).rejects.toMatchObject({ code: 4 });
    const chat = upper(NEVER, undefined, { timeoutMs: 50 });
    await expect(lastValueFrom(chat)).rejects.toMatchObject({ code: 4 });
  });

  it('that emits too much is stopped', async () => {
    const { flood, rawUpper } = await start({ maxBufferedMessages: 100 });
    const all = flood({ text: 'x', number: 50 }).pipe(toArray());
    expect(await lastValueFrom(all)).toHaveLength(50);
    await expect(lastValueFrom(flood({ text: 'x', number: 500 }))).rejects.toMatchObject({
      code: 8,
      details: expect.stringContaining('maxBufferedMessages'),
    });
    await expect(lastValueFrom(rawUpper(of({ text: '' })))).rejects.toMatchObject({
      code: 8,
      details: expect.stringContaining("wait for 'drain'"),
    });
    expect(careless.written).toBeLessThan(1000);
  });

  it('that subscribes twice, one after the other, loses no request', async () => {
    const { upper } = await start();
    const answers = await lastValueFrom(
      upper(of({ text: 'a' }, { text: 'b' }, { text: 'c' })).pipe(toArray()),
    );
    expect(answers.map(({ text }) => text)).toEqual(['ab', 'ac']);
  });

  it('that iterates its requests is told of a caller that leaves', async () => {
    const { join } = await start();
    const numbers = from(Array.from({ length: 2000 }, (_, number) => ({ text: '', number })));
    expect(await lastValueFrom(join(numbers))).toMatchObject({ number: 2000 });
    const upload = new Subject<Note>();
    join(upload, undefined, { timeoutMs: 100 }).subscribe({ error: () => undefined });
    upload.next({ text: 'a' });
    await wait(() => careless.lines.length > 0, 'the loop to throw');
    // Whichever side is first.
    expect(careless.lines[0]).toMatch(/deadline|has cancelled the call/);
  });
});

describe('requests that cannot be passed on', () => {
  it.each(['rawUpper', 'rawJoin'] as const)('to a listener that throws fail the call, %s', async (method) => {
    const { url } = await serve('rocket', {}, ThrowingModule);
    const kinds = client('rocket', url).getService<Kinds>('Kinds');
    await expect(lastValueFrom(kinds[method](of({ text: '' })))).rejects.toMatchObject({
      code: 2,
      details: 'not this one',
    });
  });

  const method = (kind: MethodKind): NestMethod => ({
    definition: { ...healthService().methods.check, kind } as never,
    plainRequest: throwing,
    plainReply: asItIs,
    replyIsEmpty: false,
  });
  const settings: HandlerSettings = {
    maxBufferedMessages: 5,
    within: (_, __, body) => body(() => undefined),
  };
  const context = { signal: new AbortController().signal } as CallContext;
  const requests = async function* () {
    yield {};
  };

  it('fail a call with one reply, whatever the handler makes of the rest', async () => {
    const nest = ((notes: Observable<Note>) => notes.pipe(toArray())) as never;
    const reply = observableHandler(nest, method('clientStream'), settings)(requests(), context);
    await expect(reply).rejects.toMatchObject({ code: 'UNKNOWN', message: 'not this one' });
  });

  it('fail a call with several replies behind those that the handler makes of the rest', async () => {
    const nest = ((notes: Observable<Note>) => notes.pipe(toArray())) as never;
    const replies = await observableHandler(nest, method('bidi'), settings)(requests(), context);
    const reader = replies as ObservableReader;
    expect(await reader.next()).toEqual({ value: [], done: false });
    await expect(reader.next()).rejects.toMatchObject({ code: 'UNKNOWN', message: 'not this one' });
  });
});

describe('a client', () => {
  it('that sends too much is stopped, and its source is left', async () => {
    const { url } = await serve('rocket', {}, CarelessModule);
    const { silent: _, upper } = client('rocket', url, { maxBufferedMessages: 10 }).getService<Kinds>(
      'Kinds',
    );
    const many = from(Array.from({ length: 100 }, () => ({ text: 'a' })));
    await expect(lastValueFrom(upper(many))).rejects.toMatchObject({
      code: 8,
      details: expect.stringMatching(
        /^the requests of test\.kinds\.Kinds\.Upper .* option maxBufferedMessages$/,
      ),
    });
  });

  it('whose requests fail cancels the call with that error', async () => {
    const { url } = await serve('rocket', {}, CarelessModule);
    const { join } = client('rocket', url).getService<Kinds>('Kinds');
    const failing = new Observable<Note>((subscriber) => subscriber.error(new Error('no more')));
    await expect(lastValueFrom(join(failing))).rejects.toThrow('no more');
  });

  it('makes a call for each subscription, and none without one', async () => {
    const { url } = await serve('rocket');
    const made = client('rocket', url) as RocketClient;
    const { echo } = made.getService<Kinds>('Kinds');
    const call = echo({ text: 'a' });
    expect(made.unwrap().stats().callsTotal).toBe(0);
    await Promise.all([lastValueFrom(call), lastValueFrom(call)]);
    expect(made.unwrap().stats().callsTotal).toBe(2);
  });

  it('has promises and async iterables as well', async () => {
    const { url } = await serve('rocket');
    const made = client('rocket', url) as RocketClient;
    const kinds = made.getClientByServiceName<{ echo(note: Note): Promise<Note> }>('Kinds');
    expect(await kinds.echo({ text: 'a' })).toMatchObject({ text: '<a>' });
  });

  it.each([
    ['options that are none', [5], /\(data, metadata, options\), not 5/],
    ['an unknown option', [{ timeout: 5 }], /timeout/],
    ['a deadline that is none', [{ deadline: 'soon' }], /deadline is a Date/],
    ['two limits', [{ deadline: Date.now(), timeoutMs: 5 }], /deadline and timeoutMs/],
  ])('refuses %s before anything is sent', async (_, more, message) => {
    const made = client('rocket', '127.0.0.1:1') as RocketClient;
    const { echo } = made.getService<Kinds>('Kinds');
    const failed = lastValueFrom(echo({ text: '' }, ...more)).catch((error: unknown) => error);
    expect(await failed).toBeInstanceOf(TypeError);
    expect(await failed).toMatchObject({ message: expect.stringMatching(message) });
    expect(made.unwrap().stats().callsTotal).toBe(0);
  });

  it('names the services there are', () => {
    const made = client('rocket', '127.0.0.1:1') as RocketClient;
    expect(() => made.getService('Kind')).toThrow(/no service "Kind"; there are Kinds, Scoped, Unserved/);
    expect(() => made.send()).toThrow(/getService/);
    expect(() => made.emit()).toThrow(/getService/);
  });
});
