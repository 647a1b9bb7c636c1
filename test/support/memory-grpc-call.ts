import { messageHeadBytes, type PendingCall, streamRoomBytes } from '../../lib/contract/transport.ts';
import type { MemoryReply, MemoryRequest, MemoryServer } from './memory-server.ts';
import { wordOf } from './memory-server.ts';
import type { StreamPeer, StreamSource } from './memory-stream.ts';

/** What a network keeps of its calls by gRPC. */
export interface GrpcWatch {
  mostRequestBytes: number;
  mostReplyBytes: number;
  readonly pieces: number | undefined;
}

/**
 * A call by gRPC, between a channel and a server in memory. Room is what the other side has not taken: the strictest
 * that a transport may be. Whatever is said is heard in a later turn, in order.
 */
export class MemoryGrpcCall implements StreamPeer {
  headers: string | undefined = undefined;
  readonly #call: PendingCall;
  readonly #watch: GrpcWatch;
  readonly #isUnary: boolean;
  readonly #opens: boolean;
  readonly #forget: () => void;
  readonly #replies: Buffer[] = [];
  /** Said before the server had the call. */
  #early: ((source: StreamSource) => void)[] | undefined = [];
  #source: StreamSource | undefined;
  #isOver = false;
  #halfClosed = false;
  #requestBytes = 0;
  #replyBytes = 0;

  constructor(call: PendingCall, watch: GrpcWatch, isUnary: boolean, opens: boolean, forget: () => void) {
    this.#call = call;
    this.#watch = watch;
    this.#isUnary = isUnary;
    this.#opens = opens;
    this.#forget = forget;
  }

  begin(server: MemoryServer, request: MemoryRequest): void {
    const begun = server.openFor(request, (source) => {
      this.#source = source;
      return this;
    });
    if (begun === undefined) {
      const text = `method not found: ${request.method}`;
      return this.onEnd({ wireCode: 10000009, body: Buffer.alloc(0), text }, '');
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const say of early) this.#say(say);
  }

  /** The channel is told nothing more. */
  forget(): void {
    this.#isOver = true;
  }

  abort(): void {
    const source = this.#source;
    if (source !== undefined) queueMicrotask(() => source.abort(10000000));
  }

  message(body: Buffer): void {
    if (this.#halfClosed || !this.#opens) throw new Error('a request behind the last one');
    if (this.#requestBytes >= streamRoomBytes) throw new Error('a request for which there is no room');
    this.#requestBytes += body.length + messageHeadBytes;
    this.#watch.mostRequestBytes = Math.max(this.#watch.mostRequestBytes, this.#requestBytes);
    this.#say((source) => source.message(body));
  }

  halfClose(): void {
    if (this.#halfClosed || !this.#opens) throw new Error('closed twice');
    this.#halfClosed = true;
    this.#say((source) => source.halfClose());
  }

  taken(bytes: number): void {
    this.#replyBytes -= bytes;
    if (bytes <= 0 || this.#replyBytes < 0) throw new Error('more was taken than has come');
    this.#say((source) => source.room(bytes));
  }

  #say(what: (source: StreamSource) => void): void {
    if (this.#early !== undefined) {
      this.#early.push(what);
      return;
    }
    const source = this.#source;
    queueMicrotask(() => {
      if (!this.#isOver && source !== undefined) what(source);
    });
  }

  #tell(what: () => void): void {
    queueMicrotask(() => {
      if (!this.#isOver) what();
    });
  }

  // From the server:

  onHeaders(metadata: string): void {
    this.headers = metadata;
    if (!this.#isUnary) this.#tell(() => this.#call.onHeaders(metadata));
  }

  onReply(body: Buffer): void {
    if (this.headers === undefined) this.onHeaders('');
    if (this.#isUnary) {
      this.#replies.push(body);
      return;
    }
    this.#replyBytes += body.length + messageHeadBytes;
    this.#watch.mostReplyBytes = Math.max(this.#watch.mostReplyBytes, this.#replyBytes);
    this.#tell(() => this.#inSlab(body));
  }

  onTaken(bytes: number): void {
    this.#requestBytes -= bytes;
    this.#tell(() => this.#call.onRoom(bytes));
  }

  onEnd({ wireCode, text }: MemoryReply, trailers: string): void {
    this.#tell(() => {
      this.#forget();
      const call = this.#call;
      const status = wireCode === 0 ? 0 : wordOf(wireCode);
      const atOnce = this.#watch.pieces === undefined && trailers === '';
      const own = 0;
      if (atOnce && status !== 0 && this.headers === undefined)
        return call.onFailure(status, own, text, true);
      if (atOnce && status === 0 && this.#replies.length === 1) return this.#reply(this.#replies[0]!);
      if (this.#isUnary) {
        if (this.headers !== undefined) call.onHeaders(this.headers);
        for (const body of this.#replies) this.#inSlab(body);
      }
      const message = status === 0 ? '' : text;
      call.onEnd({ status, own, message, requestWritten: true }, trailers);
    });
  }

  #reply(body: Buffer): void {
    const slab = slabOf(body);
    this.#call.onReply(slab, 3, slab.length - 3, this.headers ?? '', undefined);
    slab.fill(0xaa);
  }

  #inSlab(body: Buffer): void {
    const slab = slabOf(body);
    this.#call.onMessage(slab, 3, slab.length - 3, undefined, 0);
    slab.fill(0xaa); // a view that somebody kept shows itself
  }
}

function slabOf(body: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(3, 0xee), body, Buffer.alloc(3, 0xee)]);
}
