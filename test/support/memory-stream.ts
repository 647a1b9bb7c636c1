import type { MemoryReply } from './memory-server.ts';
import { Changes } from './waits.ts';

/** What a stream does to its server. */
export interface StreamSource {
  message(body: Buffer): void;
  halfClose(): void;
  room(bytes: number): void;
  abort(wireCode: number): void;
}

/** Who hears what the server says of a call by gRPC. */
export interface StreamPeer {
  /** Metadata of the replies, once it has come. */
  readonly headers: string | undefined;
  onHeaders(metadata: string): void;
  onReply(body: Buffer): void;
  onTaken(bytes: number): void;
  onEnd(end: MemoryReply, trailers: string): void;
}

/** The caller's end of a call whose messages stream, with the window and the room that a transport has. */
export class MemoryStream implements StreamPeer {
  headers: string | undefined;
  readonly replies: Buffer[] = [];
  end: MemoryReply | undefined;
  /** Behind the end. */
  trailers = '';
  /** Bytes of requests that the server has not given back. */
  outstanding = 0;
  /** The most there were. */
  mostOutstanding = 0;
  /** Bytes of replies for which no room was given back yet. */
  unwritten = 0;
  mostUnwritten = 0;
  readonly changes = new Changes();
  readonly #source: StreamSource;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  send(body: Buffer): void {
    this.outstanding += body.length + 5;
    this.mostOutstanding = Math.max(this.mostOutstanding, this.outstanding);
    this.#source.message(body);
  }

  halfClose(): void {
    this.#source.halfClose();
  }

  /** The replies so far have been written, or so many bytes of them. */
  write(bytes = this.unwritten): void {
    this.unwritten -= bytes;
    if (bytes > 0) this.#source.room(bytes);
  }

  abort(wireCode: number): void {
    this.#source.abort(wireCode);
  }

  async untilReplies(count: number): Promise<void> {
    const look = () => (this.replies.length >= count ? true : undefined);
    await this.changes.until(look, {
      deadlineMs: 5000,
      what: () => `${count} replies; there are ${this.replies.length}, and ${this.end?.text ?? 'no end'}`,
    });
  }

  untilEnd(): Promise<MemoryReply> {
    return this.changes.until(() => this.end, { deadlineMs: 5000, what: 'the end of a stream' });
  }

  // From the server:

  onHeaders(metadata: string): void {
    if (this.headers !== undefined) throw new Error('the server sends headers twice');
    this.headers = metadata;
    this.changes.notify();
  }

  onReply(body: Buffer): void {
    this.headers ??= '';
    this.replies.push(body);
    this.unwritten += body.length + 5;
    this.mostUnwritten = Math.max(this.mostUnwritten, this.unwritten);
    this.changes.notify();
  }

  onTaken(bytes: number): void {
    this.outstanding -= bytes;
    if (this.outstanding < 0) throw new Error('the server gives back more than there was');
    this.changes.notify();
  }

  onEnd(end: MemoryReply, trailers: string): void {
    this.end = end;
    this.trailers = trailers;
    this.changes.notify();
  }
}
