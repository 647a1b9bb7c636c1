import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Module } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod } from '@nestjs/microservices';
import { EMPTY, firstValueFrom, generate, map, NEVER, type Observable } from 'rxjs';
import type { GrpcServerCall, GrpcStream } from '../../lib/nestjs/index.ts';
import { until } from '../support/waits.ts';
import type { Note } from './kinds.ts';

type Call<Request = Note> = (request: Request, ...more: unknown[]) => Observable<Note>;

export interface Kinds {
  echo: Call;
  silent: Call;
  count: Call;
  flood: Call;
  join: Call<Observable<Note>>;
  upper: Call<Observable<Note>>;
  rawJoin: Call<Observable<Note>>;
  rawUpper: Call<Observable<Note>>;
}

export const wait = (condition: () => boolean, what: string) => until(condition, { deadlineMs: 5000, what });

/** What the application below has done. */
export const careless = { written: 0, lines: [] as string[] };

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
    careless.lines.push('counting');
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
      careless.lines.push(String(error));
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
      for (careless.written = 0; careless.written < 100_000 && !stream.destroyed; careless.written++)
        stream.write({ text });
    });
  }
}

@Module({ controllers: [Careless] })
export class CarelessModule {}
