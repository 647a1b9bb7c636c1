import { Metadata } from '@grpc/grpc-js';
import { firstValueFrom, from, lastValueFrom, NEVER, type Observable, take, toArray } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { GrpcMetadata } from '../../lib/nestjs/index.ts';
import { until } from '../support/waits.ts';
import { client, serve } from './apps.ts';
import { events, type Note } from './kinds.ts';

type Call<Request = Note> = (request: Request, metadata?: unknown, options?: unknown) => Observable<Note>;

interface Kinds {
  echo: Call;
  Echo: Call;
  fail: Call;
  nothing: Call<object>;
  context: Call;
  silent: Call;
  count: Call;
  flood: Call;
  join: Call<Observable<Note>>;
  upper: Call<Observable<Note>>;
  rawJoin: Call<Observable<Note>>;
  rawUpper: Call<Observable<Note>>;
}

const notes = (...texts: string[]): Observable<Note> => from(texts.map((text) => ({ text })));
const texts = async (replies: Observable<Note>): Promise<string[]> =>
  (await lastValueFrom(replies.pipe(toArray()), { defaultValue: [] as Note[] })).map(({ text }) => text);
const seen = (event: string) => until(() => events.includes(event), { deadlineMs: 5000, what: event });

afterEach(() => {
  events.length = 0;
});

// What Nest's own transport does is what ours is held to.
describe.each([
  ['nest', 'nest'],
  ['nest', 'rocket'],
  ['rocket', 'nest'],
  ['rocket', 'rocket'],
] as const)('a %s server called by a %s client', (serverKind, clientKind) => {
  const start = async (): Promise<Kinds> => {
    const { url } = await serve(serverKind);
    return client(clientKind, url).getService<Kinds>('Kinds');
  };

  it('answers methods of all kinds', async () => {
    const kinds = await start();
    expect(await lastValueFrom(kinds.echo({ text: ' a ', number: 5 }))).toEqual({ text: '<a>', number: 5 });
    expect(events).toEqual(['before echo', 'after echo']);
    expect(await lastValueFrom(kinds.Echo({ text: 'b' }))).toEqual({ text: '<b>', number: 0 });
    expect(await texts(kinds.flood({ text: 'x', number: 3 }))).toEqual(['x', 'x', 'x']);
    expect(await texts(kinds.flood({ text: 'x', number: 0 }))).toEqual([]);
    expect(await texts(kinds.join(notes('a', 'b', 'c')))).toEqual(['abc']);
    expect(await texts(kinds.upper(notes('a', 'b')))).toEqual(['A', 'B']);
    expect(await texts(kinds.upper(notes()))).toEqual([]);
    expect(await texts(kinds.rawJoin(notes('a', 'b', 'c')))).toEqual(['abc']);
    expect(await texts(kinds.rawUpper(notes('a', 'b')))).toEqual(['A', 'B']);
    expect(await lastValueFrom(kinds.nothing({}))).toEqual({});
  });

  it.each([
    ['a code', { text: 'code', number: 7 }, 7, 'by code'],
    ['a text', { text: 'text' }, 2, 'by text'],
    ['no RpcException, of which nothing is told', { text: 'plain' }, 2, 'Internal server error'],
    ['an Observable that fails', { text: 'observable' }, 9, 'by an Observable'],
  ])('fails with %s', async (_, note, code, details) => {
    const kinds = await start();
    await expect(lastValueFrom(kinds.fail(note))).rejects.toMatchObject({ code, details });
  });

  it('fails streams behind their replies', async () => {
    const kinds = await start();
    const got: string[] = [];
    const counted = new Promise((_, reject) => {
      kinds.count({ text: '', number: 3 }).subscribe({ next: ({ text }) => got.push(text), error: reject });
    });
    await expect(counted).rejects.toMatchObject({ code: 11, details: 'counted' });
    expect(got).toEqual(['0', '1', '2']);
    await expect(texts(kinds.rawJoin(notes('bad')))).rejects.toMatchObject({ code: 3, details: 'raw' });
    await expect(texts(kinds.rawUpper(notes('bad')))).rejects.toMatchObject({ code: 3, details: 'raw' });
  });

  it('hands metadata and the call to controllers and guards', async () => {
    const kinds = await start();
    const metadata = new Metadata();
    metadata.add('k', 'one');
    metadata.add('k', 'two');
    const { text, number } = await lastValueFrom(kinds.context({ text: '', number: 4 }, metadata));
    // grpc-js joins what is sent as two values.
    const [values, none, first, path] = JSON.parse(text) as [string[], string[], string, string];
    expect([values.join(', '), none, first.split(', ')[0], path, number]).toEqual([
      'one, two',
      [],
      'one',
      '/test.kinds.Kinds/Context',
      4,
    ]);
    const refused = new Metadata();
    refused.set('refuse', 'yes');
    await expect(lastValueFrom(kinds.echo({ text: 'a' }, refused))).rejects.toMatchObject({
      code: 2,
      details: 'Forbidden resource',
    });
  });

  it('makes a controller for each call of a scoped one, named by its full name', async () => {
    const { url } = await serve(serverKind);
    const scoped = client(clientKind, url).getService<{ echo: Call }>('Scoped');
    const one = await lastValueFrom(scoped.echo({ text: 'a' }));
    const two = await lastValueFrom(scoped.echo({ text: 'b' }));
    expect(two.number).toBe(one.number! + 1);
  });

  it('answers UNIMPLEMENTED where there is no controller', async () => {
    const { url } = await serve(serverKind);
    const { echo } = client(clientKind, url).getService<{ echo: Call }>('Unserved');
    await expect(firstValueFrom(echo({ text: '' }))).rejects.toMatchObject({ code: 12 });
  });
});

describe.each(['nest', 'rocket'] as const)('a call that its %s client leaves', (clientKind) => {
  const start = async (): Promise<Kinds> => {
    const { url } = await serve('rocket');
    return client(clientKind, url).getService<Kinds>('Kinds');
  };

  it('is unsubscribed from', async () => {
    const kinds = await start();
    expect(await texts(kinds.count({ text: '', number: 1e6 }).pipe(take(2)))).toEqual(['0', '1']);
    await seen('count left');
    const unary = kinds.silent({ text: '' }).subscribe();
    await seen('silent began');
    unary.unsubscribe();
    await seen('silent left');
    await seen('silent cancelled');
  });

  it('ends its stream', async () => {
    const kinds = await start();
    const chat = kinds.rawUpper(NEVER).subscribe({ error: () => undefined });
    await seen('raw began');
    chat.unsubscribe();
    // (grpc-js ends its half of a stream before it resets it, so `cancelled` need not come.)
    await seen('raw over');
    const upload = kinds.join(NEVER).subscribe({ error: () => undefined });
    await seen('join began');
    upload.unsubscribe();
    await seen('join left');
  });
});

describe('metadata of errors', () => {
  it('reaches the client', async () => {
    const { url } = await serve('rocket');
    const { fail } = client('rocket', url).getService<Kinds>('Kinds');
    const error = await lastValueFrom(fail({ text: '' })).catch((thrown: unknown) => thrown);
    expect((error as { metadata: GrpcMetadata }).metadata.get('why')).toEqual(['a', 'b']);
    expect(error).toMatchObject({ code: 5, message: '5 NOT_FOUND: gone', cause: { code: 'NOT_FOUND' } });
  });

  it('is of an RpcError in an RpcException, too', async () => {
    const { url } = await serve('rocket');
    const { fail } = client('rocket', url).getService<Kinds>('Kinds');
    await expect(lastValueFrom(fail({ text: 'rpc error' }))).rejects.toMatchObject({ code: 10 });
  });
});
