import { bodyAt, encodedAside } from '../contract/encoded-bytes.ts';
import type { Encoder } from '../contract/transport.ts';
import { CommandBatch } from './command-batch.ts';
import { callCommand, command, commandFlag, commandKind, largePayloadBytes, replyCommand } from './layout.ts';

/**
 * Writes the commands for replies, calls and messages of streams.
 *
 * Encoding a value may run user code, which may make calls. Their values are encoded at once in separate memory, and
 * their commands are written after the one being encoded (docs/decisions/0022).
 */
export class Outbox extends CommandBatch {
  #lone = false;
  /** A value is being encoded, which may run user code: getters, a serializer. */
  #encoding = false;
  /** Commands that such code has added meanwhile, in order. */
  #deferred: (() => void)[] | undefined;

  /** `lone`: the next reply is the only command of this turn, and is handed over at once. */
  beginBatch(lone: boolean): void {
    this.#lone = lone;
  }

  reply(
    low: number,
    high: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    trailers: string,
    compressed = false,
  ): void {
    if (this.#encoding) {
      const body = encodedAside(encoder, value);
      return this.#later(this.reply, low, high, body, undefined, metadata, trailers, compressed);
    }
    const at = this.begin(metadata.length + trailers.length);
    const end = this.#payload(at, this.text(at, metadata, trailers), encoder, value);
    if (compressed) this.words[at + command.flags]! |= commandFlag.compressed;
    this.put(at, commandKind.reply, low, high, 0);
    this.commit(end);
    if (this.#lone) {
      this.#lone = false;
      this.flush();
    }
    if (this.#deferred !== undefined) this.#writeDeferred();
  }

  fail(low: number, high: number, status: number, own: number, message: string, trailers: string): void {
    if (this.#encoding) return this.#later(this.fail, low, high, status, own, message, trailers);
    const at = this.begin(message.length + trailers.length);
    this.noPayload(at);
    this.put(at, commandKind.reply, low, high, status);
    this.words[at + replyCommand.own] = own;
    this.commit(this.text(at, message, trailers));
  }

  headers(low: number, high: number, metadata: string): void {
    this.#streamCommand(commandKind.headers, low, high, 0, metadata, '');
  }

  /** Returns the length of the encoded message. */
  message(low: number, high: number, encoder: Encoder, value: unknown, compressed = false): number {
    return this.#message(commandKind.message, low, high, encoder, value, compressed);
  }

  /** The same for a request of a client call. */
  requestMessage(
    index: number,
    generation: number,
    encoder: Encoder,
    value: unknown,
    compressed = false,
  ): number {
    return this.#message(commandKind.requestMessage, index, generation, encoder, value, compressed);
  }

  #message(
    kind: number,
    low: number,
    high: number,
    encoder: Encoder,
    value: unknown,
    compressed: boolean,
  ): number {
    if (this.#encoding) {
      const body = encodedAside(encoder, value);
      this.#later(this.#message, kind, low, high, body, undefined, compressed);
      return body.bytes.length;
    }
    const at = this.begin(0);
    const end = this.#payload(at, this.text(at, '', ''), encoder, value);
    if (compressed) this.words[at + command.flags]! |= commandFlag.compressed;
    const bytes = this.words[at + command.payloadBytes]!;
    this.put(at, kind, low, high, 0);
    this.commitOfStream(end);
    if (this.#deferred !== undefined) this.#writeDeferred();
    return bytes;
  }

  /** Ends a stream of replies and releases its call. */
  finish(low: number, high: number, trailers: string): void {
    this.#streamCommand(commandKind.finish, low, high, 0, '', trailers);
    this.#streamCommand(commandKind.release, low, high, 0, '', '');
  }

  taken(low: number, high: number, bytes: number): void {
    this.#streamCommand(commandKind.taken, low, high, bytes, '', '');
  }

  /** A command without a payload. */
  #streamCommand(
    kind: number,
    low: number,
    high: number,
    code: number,
    text: string,
    trailers: string,
  ): void {
    if (this.#encoding) return this.#later(this.#streamCommand, kind, low, high, code, text, trailers);
    const at = this.begin(text.length + trailers.length);
    this.noPayload(at);
    this.put(at, kind, low, high, code);
    this.words[at + replyCommand.own] = 0;
    this.commitOfStream(this.text(at, text, trailers));
  }

  end(low: number, high: number): void {
    this.#bare(commandKind.release, low, high);
  }

  call(
    index: number,
    generation: number,
    endpoint: number,
    method: number,
    timeoutMs: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    msgId: string,
    compressed = false,
  ): void {
    if (this.#encoding) {
      const body = encodedAside(encoder, value);
      return this.#later(
        this.call,
        index,
        generation,
        endpoint,
        method,
        timeoutMs,
        body,
        undefined,
        metadata,
        msgId,
        compressed,
      );
    }
    const at = this.begin(metadata.length + msgId.length);
    const end = this.#payload(at, this.text(at, metadata, msgId), encoder, value);
    if (compressed) this.words[at + command.flags]! |= commandFlag.compressed;
    this.put(at, commandKind.call, index, generation, endpoint);
    this.words[at + callCommand.method] = method;
    this.words[at + callCommand.timeoutMs] = timeoutMs;
    this.commit(end);
    if (this.#deferred !== undefined) this.#writeDeferred();
  }

  /** A call whose requests stream. */
  open(
    index: number,
    generation: number,
    endpoint: number,
    method: number,
    timeoutMs: number,
    metadata: string,
    msgId: string,
  ): void {
    if (this.#encoding)
      return this.#later(this.open, index, generation, endpoint, method, timeoutMs, metadata, msgId);
    const at = this.begin(metadata.length + msgId.length);
    this.noPayload(at);
    this.words[at + command.flags] = commandFlag.open;
    this.put(at, commandKind.call, index, generation, endpoint);
    this.words[at + callCommand.method] = method;
    this.words[at + callCommand.timeoutMs] = timeoutMs;
    this.commit(this.text(at, metadata, msgId));
  }

  requestEnd(index: number, generation: number): void {
    this.#streamCommand(commandKind.requestEnd, index, generation, 0, '', '');
  }

  repliesTaken(index: number, generation: number, bytes: number): void {
    this.#streamCommand(commandKind.repliesTaken, index, generation, bytes, '', '');
  }

  cancel(index: number, generation: number): void {
    this.#bare(commandKind.cancel, index, generation);
  }

  /** A command that consists of the id of a call only. */
  #bare(kind: number, low: number, high: number): void {
    if (this.#encoding) return this.#later(this.#bare, kind, low, high);
    const at = this.begin(0);
    this.noPayload(at);
    this.put(at, kind, low, high, 0);
    this.commit(this.text(at, '', ''));
  }

  /**
   * Hands over the commands so far, then does something that must come after them. A command that is being encoded
   * counts as one of them, so it is awaited.
   */
  flushBefore(action: () => void): void {
    if (this.#encoding) return this.#later(this.flushBefore, action);
    this.flush();
    action();
  }

  /**
   * Defers a command until the one being encoded is written. The closure is made here: in the command itself it would
   * cost every call a context for its captured variables.
   */
  #later<Args extends unknown[]>(write: (this: Outbox, ...args: Args) => unknown, ...args: Args): void {
    this.#deferred ??= [];
    this.#deferred.push(() => write.apply(this, args));
  }

  #writeDeferred(): void {
    const deferred = this.#deferred ?? [];
    this.#deferred = undefined;
    for (const write of deferred) write();
  }

  /**
   * Encodes from `start` on; a large body is put in a separate block. Returns the end of the used part of the slab.
   * Nothing counts until the command is committed, so an encoder that throws leaves nothing behind.
   */
  #payload(at: number, start: number, encoder: Encoder, value: unknown): number {
    let end: number;
    this.#encoding = true;
    try {
      end = encoder.encodeInto(value, this.bytes, start);
    } catch (error) {
      throw this.#notEncoded(error);
    }
    this.#encoding = false;
    const size = end - start;
    if ((end | 0) !== end || size < 0 || size > largePayloadBytes)
      return this.#largePayload(at, start, end, encoder);
    const to = this.words;
    to[at + command.payloadAt] = start;
    to[at + command.payloadBytes] = size;
    to[at + command.flags] = 0;
    return end;
  }

  #largePayload(at: number, start: number, end: number, encoder: Encoder): number {
    let body: Uint8Array;
    this.#encoding = true;
    try {
      body = bodyAt(this.bytes, start, end, encoder);
    } catch (error) {
      throw this.#notEncoded(error);
    }
    this.#encoding = false;
    this.large = [body];
    const to = this.words;
    to[at + command.payloadAt] = 0;
    to[at + command.payloadBytes] = body.length;
    to[at + command.flags] = commandFlag.largePayload;
    return start;
  }

  /** Commands that the encoder added meanwhile are still written. Returns the error, to be rethrown. */
  #notEncoded(error: unknown): unknown {
    this.#encoding = false;
    if (this.#deferred !== undefined) this.#writeDeferred();
    return error;
  }
}
