import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Module } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod } from '@nestjs/microservices';
import {
  EMPTY,
  firstValueFrom,
  from,
  generate,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  Subject,
  toArray,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type CallContext, healthService, type MethodKind, Server } from '../../lib/index.ts';
import { type GrpcServerCall, type GrpcStream, RocketClient, RocketServer } from '../../lib/nestjs/index.ts';
import { type HandlerSettings, observableHandler } from '../../lib/nestjs/nest-handlers.ts';
import type { NestMethod } from '../../lib/nestjs/nest-services.ts';
import { ObservableReader } from '../../lib/nestjs/observable-reader.ts';
import { until } from '../support/waits.ts';
import { client, files, serve } from './apps.ts';
import type { Note } from './kinds.ts';

type Call<Request = Note> = (request: Request, ...more: unknown[]) => Observable<Note>;

interface Kinds {
  echo: Call;
  silent: Call;
  count: Call;
  flood: Call;
  join: Call<Observable<Note>>;
  upper: Call<Observable<Note>>;
  rawJoin: Call<Observable<Note>>;
  rawUpper: Call<Observable<Note>>;
}

const wait = (condition: () => boolean, what: string) => until(condition, { deadlineMs: 5000, what });
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

let written = 0;
const lines: string[] = [];

@Controller()
class Careless {
  /** Completes without a reply. */
  @GrpcMethod('Kinds')
  echo(): Observable<Note> {
    return EMPTY;
  }

  @GrpcMethod('Kinds')
  silent(): Observable<Note> {
    return NEVER;
  }

  /** Emits all at once. */
  @GrpcMethod('Kinds')
  flood({ number = 0, text }: Note): Observable<Note> {
    return generate(
      0,
      (at) => at < number,
      (at) => at + 1,
    ).pipe(map(() => ({ text })));
  }

  /** Has its Observable when the caller has left. */
  @GrpcMethod('Kinds')
  async count(_note: Note, _metadata: unknown, call: GrpcServerCall): Promise<Observable<Note>> {
    const left = new Promise((resolve) => call.on('cancelled', resolve));
    lines.push('counting');
    await left;
    return NEVER;
  }

  /** Reads with back pressure. */
  @GrpcStreamMethod('Kinds')
  async join(notes: Observable<Note> & AsyncIterable<Note>): Promise<Note> {
    let count = 0;
    try {
      for await (const _ of notes) count++;
    } catch (error) {
      lines.push(String(error));
    }
    return { text: 'joined', number: count };
  }

  /** The first request apart, and the others later. */
  @GrpcStreamMethod('Kinds')
  async upper(notes: Observable<Note>): Promise<Observable<Note>> {
    const { text } = await firstValueFrom(notes);
    await turn();
    return notes.pipe(map((note) => ({ text: `${text}${note.text}` })));
  }

  /** Does not look at what write() returns. */
  @GrpcStreamCall('Kinds')
  rawUpper(stream: GrpcStream): void {
    const text = 'x'.repeat(1000);
    stream.on('data', () => {
      for (written = 0; written < 100_000 && !stream.destroyed; written++) stream.write({ text });
    });
  }
}

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

@Module({ controllers: [Careless] })
class CarelessModule {}

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
    expect(written).toBeLessThan(1000);
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
    await wait(() => lines.length > 0, 'the loop to throw');
    // Whichever side is first.
    expect(lines[0]).toMatch(/deadline|has cancelled the call/);
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

describe('the life of an application', () => {
  it('is in status, and closing ends what never ends', async () => {
    const { url, app } = await serve('rocket', { drainMs: 50 }, CarelessModule);
    const states: string[] = [];
    app.status.subscribe((status) => states.push(status));
    app.on('closed' as never, (() => states.push('told')) as never);
    expect(app.unwrap<Server>()).toBeInstanceOf(Server);
    const made = client('rocket', url) as RocketClient;
    await made.connect();
    const seen: string[] = [];
    made.status.subscribe((state) => seen.push(state));
    await wait(() => seen.includes('ready'), 'ready');
    const { silent } = made.getService<Kinds>('Kinds');
    const pending = lastValueFrom(silent({ text: '' })).catch((error: unknown) => error);
    await wait(() => app.unwrap<Server>().stats().handlersRunning === 1, 'a call');
    await app.close();
    expect(states).toEqual(['listening', 'closing', 'closed', 'told']);
    expect(await pending).toMatchObject({ code: 14 });
    const other = new RocketServer(files);
    expect(() => other.on('ready' as 'closed', () => undefined)).toThrow(/listening, closing, closed/);
    await made.close();
    await wait(() => seen.at(-1) === 'closed', 'closed');
  });

  it('runs within the hooks of instrumentation', async () => {
    const { url, app } = await serve('rocket');
    const seen: string[] = [];
    // As NestJS's container does.
    const strategy = (app as unknown as { serverInstance: RocketServer }).serverInstance;
    strategy.setOnProcessingStartHook((_id, context, done) => {
      seen.push(`start ${(context as { operationId: string }).operationId}`);
      void done();
    });
    strategy.setOnProcessingEndHook(() => seen.push('end'));
    const { echo, flood } = client('rocket', url).getService<Kinds>('Kinds');
    await lastValueFrom(echo({ text: 'a' }));
    await lastValueFrom(flood({ text: 'a', number: 2 }));
    expect(seen).toEqual(['start Echo', 'end', 'start Flood', 'end']);
  });

  it('ends the hooks of a call whose caller left before there were replies', async () => {
    const { url, app } = await serve('rocket', {}, CarelessModule);
    const seen: string[] = [];
    const strategy = (app as unknown as { serverInstance: RocketServer }).serverInstance;
    strategy.setOnProcessingStartHook((_id, _context, done) => {
      seen.push('start');
      void done();
    });
    strategy.setOnProcessingEndHook(() => seen.push('end'));
    lines.length = 0;
    const { count } = client('rocket', url).getService<Kinds>('Kinds');
    const replies = count({ text: '' }).subscribe();
    await wait(() => lines.length > 0, 'the call');
    expect(seen).toEqual(['start']);
    replies.unsubscribe();
    await wait(() => seen.length > 1, 'its end');
    expect(seen).toEqual(['start', 'end']);
  });

  it('does not begin on an address that is taken', async () => {
    const { url } = await serve('rocket');
    await expect(serve('rocket', { url })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('options', () => {
  const { package: name, protoPath } = files;
  it.each([
    [{ protoPath }, /package/],
    [
      { package: 'none', protoPath },
      /package "none" has no service; the services of the files are test\.kinds/,
    ],
    [{ package: name }, /protoPath or packageDefinition, and neither/],
    [{ package: name, protoPath, packageDefinition: {} }, /not both/],
    [{ package: name, packageDefinition: {}, loader: {} }, /loader belongs to protoPath/],
    [{ ...files, credentials: {} }, /credentials is an option of Nest's own transport: .*tls/],
    [{ ...files, channelOptions: {} }, /channelOptions .*docs\/operations\.md/],
    [{ ...files, onLoadPackageDefinition: () => undefined }, /reflection/],
    [{ ...files, maxBufferedMessages: 0 }, /maxBufferedMessages/],
    [{ ...files, keepalive: { keepaliveTimeMs: 'x' } }, /keepalive\.keepaliveTimeMs/],
    [{ ...files, keepalive: { http2MaxPingStrikes: 1 } }, /http2MaxPingStrikes/],
    [
      { ...files, keepalive: { keepalivePermitWithoutCalls: 2 } },
      /keepalivePermitWithoutCalls is 0, 1 or a boolean/,
    ],
    [{ ...files, maxMetadataSize: 5 }, /maxMetadataSize must be a whole number from 1024/],
    [{ ...files, maxReceiveMessageLength: -1 }, /maxReceiveMessageLength must be a whole number from 64/],
    [{ ...files, urls: 'x' }, /urls.*url/],
    [undefined, /takes an object of options, not undefined/],
  ])('%o are refused', (options, message) => {
    expect(() => new RocketServer(options as never)).toThrow(message);
    expect(() => new RocketClient(options as never)).toThrow(message);
  });

  it('of proto-loader are taken with its own definition', async () => {
    const { loadSync } = await import('@grpc/proto-loader');
    const packageDefinition = loadSync(protoPath);
    const server = new RocketServer({ package: name, packageDefinition, url: '127.0.0.1:0' });
    const made = new RocketClient({ package: [name], packageDefinition });
    expect(Object.keys(made.getService<object>('Scoped'))).toEqual(['Echo', 'echo']);
    await made.close();
    await server.close();
  });
});
