import { Duplex } from 'node:stream';
import { RpcError } from '../contract/errors.ts';
import type { CallContext } from '../rpc/call-context.ts';
import { type GrpcMetadata, isMetadata, GrpcMetadata as Metadata, metadataOf } from './nest-metadata.ts';
import type { Plain } from './nest-services.ts';
import { pathOf, sendHeaders, tellOfAbort } from './server-call.ts';
import { toRpcError } from './statuses.ts';

type Result = IteratorResult<unknown, undefined>;
type Done = (error?: Error | null) => void;

/**
 * The argument of a method with `@GrpcStreamCall()`: a Duplex of messages, like that of grpc-js. Requests are read only
 * as fast as it is read, and the callback of `write()` is called when the message is being sent. `emit('error',
 * status)` and `destroy(status)` end the call with that status, `end()` with OK.
 */
export class GrpcStream extends Duplex {
  /** The context of rocket-rpc. */
  readonly context: CallContext;
  /** The metadata of the request. */
  readonly metadata: GrpcMetadata;
  readonly #requests: AsyncIterator<unknown> | undefined;
  readonly #plain: Plain;
  readonly #limit: number;
  /** The message that is written and not taken yet. */
  #written: { readonly value: unknown; readonly callback: Done } | undefined;
  /** The callback of the message that was taken last, until the next one is asked for. */
  #takenCallback: Done | undefined;
  #waiting:
    | { readonly resolve: (result: Result) => void; readonly reject: (error: unknown) => void }
    | undefined;
  #failure: RpcError | undefined;
  #hasFinished = false;

  /** @internal */
  constructor(
    context: CallContext,
    requests: AsyncIterable<unknown> | undefined,
    plain: Plain,
    limit: number,
  ) {
    super({ objectMode: true, allowHalfOpen: true });
    this.context = context;
    this.metadata = new Metadata(() => context.metadata);
    this.#requests = requests?.[Symbol.asyncIterator]();
    this.#plain = plain;
    this.#limit = limit;
    // Handlers emit an error to end the call with its status. Without a listener it would end the process.
    this.on('error', (error: unknown) => this.#fail(toRpcError(error)));
    tellOfAbort(context.signal, this);
    this.on('cancelled', () => this.destroy());
  }

  /** Whether the caller has gone, the deadline has passed or the server has closed. */
  get cancelled(): boolean {
    return this.context.signal.aborted;
  }

  /** `ip:port` of the caller. */
  getPeer(): string {
    return this.context.peer.address;
  }

  /** When the caller stops waiting. */
  getDeadline(): Date {
    return this.context.deadline;
  }

  /** `/package.Service/Method`. */
  getPath(): string {
    return pathOf(this.context);
  }

  /** Sends headers, before the first reply. @throws TypeError or RangeError for metadata that cannot be sent. */
  sendMetadata(metadata: unknown): void {
    sendHeaders(this.context, metadata);
  }

  /**
   * Sends a reply; false: wait for `drain`. A writer that does not wait is stopped at `maxBufferedMessages`: the call ends with
   * RESOURCE_EXHAUSTED.
   */
  override write(chunk: unknown, ...more: never[]): boolean {
    if (this.writableLength >= this.#limit && !this.destroyed) {
      this.destroy(
        new RpcError(
          'RESOURCE_EXHAUSTED',
          `${this.context.method} writes replies faster than its caller takes them, and ${this.#limit} wait already; wait for 'drain' when write() returns false, or see option maxBufferedMessages`,
        ),
      );
      return false;
    }
    return super.write(chunk, ...more);
  }

  /** Ends the call with OK after the messages that were written; metadata is sent as trailers. */
  override end(chunk?: unknown, ...more: never[]): this {
    if (!isMetadata(chunk)) return super.end(chunk, ...more);
    addTrailers(this.context, chunk);
    return super.end();
  }

  /** @internal */
  override _read(): void {
    if (this.#requests === undefined) {
      this.push(null);
      return;
    }
    this.#requests
      .next()
      .then(
        ({ value, done }) => this.push(done === true ? null : this.#plain(value)),
        // The call is over, which `cancelled` reports.
        () => this.push(null),
      )
      // A listener of `data`, which runs in push(), has thrown.
      .catch((error: unknown) => this.failWith(error));
  }

  /** @internal */
  override _write(value: unknown, _encoding: string, callback: Done): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#written = { value, callback };
      return;
    }
    this.#waiting = undefined;
    this.#takenCallback = callback;
    waiting.resolve({ value, done: false });
  }

  /** @internal */
  override _final(callback: Done): void {
    this.#hasFinished = true;
    this.#waiting?.resolve({ value: undefined, done: true });
    this.#waiting = undefined;
    callback();
  }

  /** @internal */
  override _destroy(error: Error | null, callback: Done): void {
    if (error === null)
      this.#fail(new RpcError('CANCELLED', `the handler of ${this.context.method} has destroyed its stream`));
    callback(error);
  }

  #fail(error: RpcError): void {
    if (this.#hasFinished) return;
    if (this.#failure !== undefined) return;
    this.#failure = error;
    // For a method with one reply.
    this.emit('failed', error);
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  /** The handler has thrown. @internal */
  failWith(thrown: unknown): void {
    this.#fail(toRpcError(thrown));
    this.destroy();
  }

  /** The written messages, one by one. There is room for the next one when it is asked for. @internal */
  replies(): AsyncIterableIterator<unknown, undefined> {
    const replies: AsyncIterableIterator<unknown, undefined> = {
      [Symbol.asyncIterator]: () => replies,
      next: () => this.#nextReply(),
      return: () => {
        this.destroy();
        return Promise.resolve({ value: undefined, done: true });
      },
    };
    return replies;
  }

  #nextReply(): Promise<Result> {
    const taken = this.#takenCallback;
    this.#takenCallback = undefined;
    taken?.();
    if (this.#written !== undefined) {
      const { value, callback } = this.#written;
      this.#written = undefined;
      this.#takenCallback = callback;
      return Promise.resolve({ value, done: false });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#hasFinished) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}

/** @throws TypeError for anything but metadata. */
export function addTrailers(context: CallContext, metadata: unknown): void {
  for (const [key, value] of metadataOf(metadata)) context.trailers.append(key, value as string);
}
