import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Injectable,
  Module,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod, Payload, RpcException } from '@nestjs/microservices';
import { EMPTY, finalize, from, interval, map, NEVER, type Observable, reduce } from 'rxjs';
import { RpcError } from '../../lib/index.ts';

export interface Note {
  text: string;
  number?: number;
}

/** What grpc-js and GrpcMetadata have in common. */
interface MetadataLike {
  get(key: string): (string | Buffer)[];
  set(key: string, value: string): void;
  getMap(): Record<string, unknown>;
}

interface CallLike {
  readonly request: Note;
  readonly metadata: MetadataLike;
  readonly cancelled: boolean;
  getPeer(): string;
  getPath(): string;
  getDeadline(): Date | number;
  sendMetadata(metadata: unknown): void;
  on(event: string, listener: (...args: never[]) => void): this;
}

interface StreamLike extends CallLike, AsyncIterable<Note> {
  write(note: Note): boolean;
  end(): void;
  emit(event: string, value: unknown): boolean;
}

/** What happened in the server, for tests to look at. */
export const events: string[] = [];

@Injectable()
export class RefuseGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    // With @GrpcStreamCall() the first argument is the stream, and there is no second one.
    const [data, second] = context.getArgs<[{ metadata?: MetadataLike }, MetadataLike?]>();
    const metadata = data.metadata ?? second!;
    return metadata.get('refuse').length === 0;
  }
}

@Injectable()
export class MarkInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    events.push(`before ${context.getHandler().name}`);
    return next.handle().pipe(
      map((note: Note) => ({ ...note, text: `<${note.text}>` })),
      finalize(() => events.push(`after ${context.getHandler().name}`)),
    );
  }
}

export class TrimPipe implements PipeTransform {
  transform(value: unknown): unknown {
    const { text, ...others } = (value ?? {}) as Partial<Note>;
    return typeof text === 'string' ? { ...others, text: text.trim() } : value;
  }
}

@Controller()
@UseGuards(RefuseGuard)
export class KindsController {
  @GrpcMethod('Kinds')
  @UseInterceptors(MarkInterceptor)
  @UsePipes(TrimPipe)
  echo(note: Note): Note {
    return note;
  }

  /** By name: what is thrown, or what the Observable fails with. */
  @GrpcMethod('Kinds')
  fail({ text, number = 0 }: Note): Note | Observable<Note> {
    switch (text) {
      case 'code':
        throw new RpcException({ code: number, message: 'by code' });
      case 'text':
        throw new RpcException('by text');
      case 'plain':
        throw new Error('a secret');
      case 'rpc error':
        throw new RpcException(new RpcError('ABORTED', 'by RpcError') as object);
      case 'observable':
        return from(Promise.reject(new RpcException({ code: 9, message: 'by an Observable' })));
      default:
        throw new RpcException({ code: 5, message: 'gone', metadata: this.#metadata });
    }
  }

  get #metadata(): object {
    return { get: () => ['a', 'b'], getMap: () => ({ why: 'a' }) };
  }

  @GrpcMethod('Kinds')
  nothing(): void {
    events.push('nothing');
  }

  /** With a pipe, as without one Nest hands all arguments on. */
  @GrpcMethod('Kinds')
  @UsePipes(TrimPipe)
  context(note: Note, metadata: MetadataLike, call: CallLike): Note {
    call.sendMetadata(metadata);
    const seen = [metadata.get('k'), metadata.get('none'), call.metadata.getMap()['k'], call.getPath()];
    return { text: JSON.stringify(seen), number: note.number ?? 0 };
  }

  /** A reply that does not come; `number` 1: the Observable completes. */
  @GrpcMethod('Kinds')
  silent({ number }: Note, _metadata: MetadataLike, call: CallLike): Observable<Note> {
    call.on('cancelled', () => events.push('silent cancelled'));
    events.push('silent began');
    return number === 1 ? EMPTY : NEVER.pipe(finalize(() => events.push('silent left')));
  }

  @GrpcMethod('Kinds')
  count({ number = 0 }: Note): Observable<Note> {
    return interval(1).pipe(
      map((at) => {
        if (at === number) throw new RpcException({ code: 11, message: 'counted' });
        return { text: String(at) };
      }),
      finalize(() => events.push('count left')),
    );
  }

  @GrpcMethod('Kinds')
  flood({ number = 0, text }: Note): Observable<Note> {
    return from(Array.from({ length: number }, (_, at) => ({ text, number: at })));
  }

  @GrpcStreamMethod('Kinds')
  join(notes: Observable<Note>): Observable<Note> {
    events.push('join began');
    return notes.pipe(
      reduce((joined, { text }) => ({ text: joined.text + text }), { text: '' }),
      finalize(() => events.push('join left')),
    );
  }

  @GrpcStreamMethod('Kinds')
  async upper(notes: Observable<Note>): Promise<Observable<Note>> {
    await null;
    return notes.pipe(map(({ text }) => ({ text: text.toUpperCase() })));
  }

  @GrpcStreamCall('Kinds')
  async rawJoin(stream: StreamLike, callback: (error: unknown, note?: Note) => void): Promise<void> {
    let text = '';
    for await (const note of stream) text += note.text;
    if (text === 'bad') callback({ code: 3, details: 'raw' });
    else callback(null, { text });
  }

  @GrpcStreamCall('Kinds')
  rawUpper(stream: StreamLike): void {
    events.push('raw began');
    stream.on('data', ({ text }: Note) => {
      if (text === 'bad') stream.emit('error', { code: 3, details: 'raw' });
      else stream.write({ text: text.toUpperCase() });
    });
    stream.on('end', () => stream.end());
    stream.on('close', () => events.push('raw over'));
  }
}

let made = 0;

@Controller({ scope: Scope.REQUEST })
export class ScopedController {
  readonly #number = ++made;

  @GrpcMethod('test.kinds.Scoped')
  echo(@Payload() note: Note): Note {
    return { ...note, number: this.#number };
  }
}

@Module({ controllers: [KindsController, ScopedController] })
export class KindsModule {}
