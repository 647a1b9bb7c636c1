import { AsyncResource } from 'node:async_hooks';
import { compressionOfFlags } from '../contract/compression.ts';
import { EncodedBytes, encodedAside } from '../contract/encoded-bytes.ts';
import {
  type Encoder,
  messageHeadBytes,
  type ReadyStrings,
  requestFlag,
  type ServerTransport,
  streamRoomBytes,
} from '../contract/transport.ts';
import { adopted, isPlainPromise, isThenable } from '../contract/user-code.ts';
import { compressed, decompressed, type MessageLimit } from './compression.ts';
import { IncomingMessages, type IncomingOwner } from './incoming-messages.ts';
import { dropGenerator, dropReplies, replyIterator } from './message-iterator.ts';
import { OutgoingMessages, type OutgoingOwner } from './outgoing-messages.ts';
import type { QueuedMessages } from './queued-messages.ts';
import { RawMessage } from './raw-message.ts';
import type { CallStream, ServerCall } from './server-call.ts';
import type { MethodHandler } from './service-handlers.ts';

/** The server's calls, of which a stream is one. */
export interface StreamHost {
  readonly transport: ServerTransport;
  readonly streams: StreamCounts;
  readonly requestLimit: MessageLimit;
  /** Whether the server has interceptors. */
  readonly isIntercepted: boolean;
  invoke(handler: MethodHandler['handler'], request: unknown, call: ServerCall): unknown;
  /** Runs code in the asynchronous context of the handler. */
  resume(call: ServerCall, body: () => void): void;
  /** Sends the only reply and ends the call. */
  reply(call: ServerCall, value: unknown): void;
  fail(call: ServerCall, error: unknown): void;
  /** The request, or one of them, could not be decoded. */
  refuse(call: ServerCall, error: unknown): void;
  unsent(call: ServerCall, error: unknown): unknown;
  forget(call: ServerCall): void;
  /** The user's code threw after the call had ended. */
  onLateError(call: ServerCall, error: unknown): void;
}

/** Gauges of a server. */
export interface StreamCounts {
  open: number;
  readonly queued: QueuedMessages;
}

/** The part of a call that only methods with a stream have: requests that are read, replies that are yielded. */
export class StreamCall implements CallStream, IncomingOwner, OutgoingOwner {
  readonly #host: StreamHost;
  readonly #call: ServerCall;
  readonly #requests: IncomingMessages | undefined;
  readonly #repliesStream: boolean;
  #replies: OutgoingMessages | undefined;
  /** The results of the handler, in case interceptors return something else. */
  #inner: unknown[] | undefined;
  /** The asynchronous context in which interceptors have called the handler. */
  #resource: AsyncResource | undefined;
  #isOpen = true;
  hasReplied = false;

  constructor(host: StreamHost, call: ServerCall, { requestsStream, repliesStream }: MethodHandler) {
    this.#host = host;
    this.#call = call;
    this.#requests = requestsStream ? new IncomingMessages(this) : undefined;
    this.#repliesStream = repliesStream;
    host.streams.open++;
  }

  /** Calls the handler. `request` is set if the requests do not stream. */
  run(handler: MethodHandler['handler'], request: unknown): void {
    const call = this.#call;
    let returned: unknown;
    try {
      const called = this.#host.isIntercepted && this.#repliesStream ? this.#followed(handler) : handler;
      returned = this.#host.invoke(called, this.#requests ?? request, call);
      if (isThenable(returned)) {
        const promise = isPlainPromise(returned) ? returned : adopted(returned);
        promise.then(
          (settled) => this.#answer(settled),
          (error: unknown) => this.#host.fail(call, error),
        );
        return;
      }
    } catch (error) {
      return this.#host.fail(call, error);
    }
    this.#answer(returned);
  }

  #followed(handler: MethodHandler['handler']): MethodHandler['handler'] {
    return (request, context) => {
      this.#resource = new AsyncResource('RocketRpcReplies');
      const returned = handler(request, context);
      this.#inner ??= [];
      this.#inner.push(returned);
      return returned;
    };
  }

  #answer(returned: unknown): void {
    const call = this.#call;
    if (!this.#repliesStream) return this.#host.reply(call, returned);
    if (call.ended) return dropReplies(returned, (error) => this.onLateError(error));
    try {
      this.#replies = new OutgoingMessages(this, replyIterator(returned, call.method), streamRoomBytes);
    } catch (error) {
      return this.#host.fail(call, error);
    }
    this.#pull();
  }

  // Runs in the asynchronous context of the handler, outside its own turn.
  #pull(): void {
    this.#resume(() => this.#replies?.pull());
  }

  #resume(body: () => void): void {
    if (this.#resource === undefined) this.#host.resume(this.#call, body);
    else this.#resource.runInAsyncScope(body);
  }

  /** A request has arrived. */
  onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    const requests = this.#requests;
    if (requests === undefined || this.#call.ended) return;
    if (requests.isCrowded) return requests.pack(buffer, start, end, flags);
    const bytes = end - start + messageHeadBytes;
    let value: unknown;
    try {
      if ((flags & requestFlag.compressed) !== 0) {
        const request = new RawMessage(Buffer.from(buffer.subarray(start, end)), flags);
        return requests.pushRaw(request, bytes);
      }
      value = this.#call.definition.request.decode(buffer, start, end, strings);
    } catch (error) {
      return this.#host.refuse(this.#call, error);
    }
    requests.push(value, bytes);
  }

  open({ bytes, flags }: RawMessage): Buffer | Promise<Buffer | undefined> {
    const format = compressionOfFlags(flags) === 'deflate' ? 'deflate' : 'gzip';
    return decompressed(bytes, format, this.#host.requestLimit, this.#isWanted);
  }

  decode(bytes: Buffer): unknown {
    return this.#call.definition.request.decode(bytes, 0, bytes.length, undefined);
  }

  onTaken(flags: number): void {
    this.#call.noteRequest(flags);
  }

  refuse(error: unknown): void {
    if (!this.#call.ended) this.#host.refuse(this.#call, error);
  }

  readonly #isWanted = (): boolean => !this.#call.ended;

  onHalfClose(): void {
    this.#requests?.complete();
  }

  onRoom(bytes: number): void {
    if (this.#replies?.addRoom(bytes) === true) this.#pull();
  }

  giveBack(bytes: number): void {
    const { low, high, ended } = this.#call;
    if (!ended) this.#host.transport.taken(low, high, bytes);
  }

  onLeft(): void {
    // The call continues.
  }

  get queued(): QueuedMessages {
    return this.#host.streams.queued;
  }

  send(value: unknown): number {
    const call = this.#call;
    try {
      call.sendHeadersIfAny();
      this.hasReplied = true;
      if (call.wantsCompression && call.replyFormat !== undefined) return this.#sendCompressed(value);
      return this.#message(call.definition.response, value, false);
    } catch (error) {
      throw this.#host.unsent(call, error);
    }
  }

  #message(encoder: Encoder, value: unknown, isCompressed: boolean): number {
    const { low, high } = this.#call;
    return this.#host.transport.message(low, high, encoder, value, isCompressed) + messageHeadBytes;
  }

  #sendCompressed(value: unknown): number {
    const plain = encodedAside(this.#call.definition.response, value);
    const result = compressed(plain.bytes, this.#call.replyFormat!, this.#isWanted);
    if (!(result instanceof Promise)) return this.#sendEither(plain, result);
    result
      .then((bytes) => {
        if (this.#call.ended) return;
        this.#replies?.sent(this.#sendEither(plain, bytes));
        this.#pull();
      })
      .catch((error: unknown) => this.#replies?.unsent(this.#host.unsent(this.#call, error)));
    return 0;
  }

  #sendEither(plain: EncodedBytes, bytes: Buffer | undefined): number {
    if (bytes === undefined) return this.#message(plain, undefined, false);
    return this.#message(new EncodedBytes(bytes), undefined, true);
  }

  finish(): void {
    const call = this.#call;
    let trailers: string;
    try {
      call.sendHeadersIfAny();
      trailers = call.encodedTrailers();
    } catch (error) {
      return this.#host.fail(call, this.#host.unsent(call, error));
    }
    this.#host.transport.finish(call.low, call.high, trailers);
    this.#host.forget(call);
  }

  fail(error: unknown): void {
    this.#host.fail(this.#call, error);
  }

  onLateError(error: unknown): void {
    this.#host.onLateError(this.#call, error);
  }

  /** The call is over, for whatever reason: waiting for requests ends, and no further reply is pulled. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.streams.open--;
    this.#requests?.fail(this.#call.endReason());
    const replies = this.#replies;
    if (replies !== undefined) this.#resume(() => replies.stop());
    if (this.#inner !== undefined) this.#resume(() => this.#dropInner());
  }

  #dropInner(): void {
    for (const returned of this.#inner?.splice(0) ?? [])
      dropGenerator(returned, (error) => this.onLateError(error));
  }
}
