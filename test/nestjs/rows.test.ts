import { Controller, Module } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { lastValueFrom, type Observable, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Channel, createClient, healthService, type Server } from '../../lib/index.ts';
import type { GrpcMetadata, GrpcServerCall } from '../../lib/nestjs/index.ts';
import { makeCertificates } from '../support/certificates.ts';
import { client, serve } from './apps.ts';
import type { Note } from './kinds.ts';

interface Kinds {
  echo(note: Note, ...more: unknown[]): Observable<Note>;
  count(note: Note): Observable<Note>;
}

@Controller()
class Rows {
  @GrpcMethod('Kinds')
  echo({ text }: Note, _metadata: GrpcMetadata, call: GrpcServerCall): Note {
    return { text: `${text} ${call.getPath()}`, number: Math.ceil(call.context.timeRemainingMs / 1000) };
  }

  /** Waits for its reader. */
  @GrpcMethod('Kinds')
  async *count({ number = 0 }: Note): AsyncGenerator<Note> {
    for (let at = 0; at < number; at++) yield { text: String(at) };
  }
}

@Module({ controllers: [Rows] })
class RowsModule {}

describe('what the migration guide says of NestJS', () => {
  it('TLS is an option of server and channel', async () => {
    const { ca, cert, key } = makeCertificates();
    const { url } = await serve('rocket', { server: { tls: { cert, key } } }, RowsModule);
    const { echo } = client('rocket', `grpcs://${url}`, { channel: { tls: { ca } } }).getService<Kinds>(
      'Kinds',
    );
    expect((await lastValueFrom(echo({ text: 'safe' }))).text).toBe('safe /test.kinds.Kinds/Echo');
    const plain = client('rocket', url).getService<Kinds>('Kinds');
    await expect(lastValueFrom(plain.echo({ text: '' }, { timeoutMs: 1000 }))).rejects.toMatchObject({
      name: 'ServiceError',
    });
  });

  it('health is built in', async () => {
    const { url, app } = await serve('rocket', {}, RowsModule);
    await using channel = new Channel(`grpc://${url}`);
    const health = createClient(healthService(), channel);
    expect((await health.check({})).status).toBe(1);
    app.unwrap<Server>().setHealth('NOT_SERVING');
    expect((await health.check({})).status).toBe(2);
  });

  it('a controller may return an async generator', async () => {
    const { url } = await serve('rocket', {}, RowsModule);
    const { count } = client('rocket', url).getService<Kinds>('Kinds');
    expect(await lastValueFrom(count({ text: '', number: 5000 }).pipe(toArray()))).toHaveLength(5000);
  });

  it('a deadline, of the call or the channel, is the controller to see', async () => {
    const { url } = await serve('rocket', {}, RowsModule);
    const { echo } = client('rocket', url).getService<Kinds>('Kinds');
    const seconds = async (...more: unknown[]): Promise<number> =>
      (await lastValueFrom(echo({ text: '' }, ...more))).number!;
    const [usual, until, limited] = [
      await seconds(),
      await seconds({ deadline: new Date(Date.now() + 3_600_000) }),
      await seconds(undefined, { timeoutMs: 10_000 }),
    ];
    expect([limited <= 10, usual > 10 && usual <= 30, until > 30 && until <= 3600]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('TinyPB is spoken when both sides are told', async () => {
    const { url } = await serve('rocket', {}, RowsModule);
    const { echo, count } = client('rocket', url, { channel: { protocol: 'auto' } }).getService<Kinds>(
      'Kinds',
    );
    expect((await lastValueFrom(echo({ text: 'tiny' }))).text).toMatch(/^tiny/);
    expect(await lastValueFrom(count({ text: '', number: 3 }).pipe(toArray()))).toHaveLength(3);
  });
});
