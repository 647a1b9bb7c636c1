import { bodyAt, encodedAside } from '../contract/encoded-bytes.ts';
import type { Encoder } from '../contract/transport.ts';
import type { NativeEnvironment, Slabs } from './binary.ts';
import { callCommand, command, commandFlag, commandKind, largePayloadBytes, replyCommand } from './layout.ts';

const words = command.words;
/** This many commands fill the outbox: they are handed over before the turn is done. */
export const maxCommands = 1024;
/**
 * Every few commands the clock is read to see whether the first of them has waited longer than this: slow handlers must
 * not delay the replies of fast ones before them, and the io threads can work in parallel with JavaScript. Handing over
 * more often costs a thread switch each time (bench:boundary, 50 x 20).
 */
const checkEvery = 64;
const longestWaitMs = 1;
/** Room kept free, so that a body of ordinary size need not be encoded twice. */
const headroomBytes = largePayloadBytes + 16 * 1024;
/**
 * Its then() does what queueMicrotask() does, without the AsyncResource that Node makes for that and runs the callback in:
 * 60 instead of 100 ns, which matters where a turn has few commands.
 */
const microtask = Promise.resolve();

/**
 * Writes commands into the outbox slab and hands over all commands of one microtask turn in one native call.
 * If it is full (in commands or in bytes), it hands over at once and continues.
 *
 * Encoding a value may run user code, which may make calls: their commands are encoded separately at once, and written
 * after the command being encoded (docs/decisions/0022).
 */
export class Outbox {
  readonly #native: NativeEnvironment;
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  #commands = 0;
  #end = 0;
  #scheduled = false;
  #awaitsQuiet = false;
  #lone = false;
  #large: Uint8Array[] | undefined;
  #waitingSince = 0;
  /** A value is being encoded, which may run user code: getters, a serializer. */
  #encoding = false;
  /** Commands that this code added meanwhile, in order. */
  #deferred: (() => void)[] | undefined;

  constructor(native: NativeEnvironment, slabs: Slabs) {
    this.#native = native;
    this.#bytes = slabs.outBytes;
    this.#words = slabs.outWords;
  }

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
    const at = this.#begin(metadata.length + trailers.length);
    const end = this.#payload(at, this.#text(at, metadata, trailers), encoder, value);
    if (compressed) this.#words[at + command.flags]! |= commandFlag.compressed;
    this.#put(at, commandKind.reply, low, high, 0);
    this.#commit(end);
    if (this.#lone) {
      this.#lone = false;
      this.flush();
    }
    if (this.#deferred !== undefined) this.#writeDeferred();
  }

  fail(low: number, high: number, status: number, own: number, message: string, trailers: string): void {
    if (this.#encoding) return this.#later(this.fail, low, high, status, own, message, trailers);
    const at = this.#begin(message.length + trailers.length);
    this.#noPayload(at);
    this.#put(at, commandKind.reply, low, high, status);
    this.#words[at + replyCommand.own] = own;
    this.#commit(this.#text(at, message, trailers));
  }

  headers(low: number, high: number, metadata: string): void {
    this.#streamCommand(commandKind.headers, low, high, 0, metadata, '');
  }

  /** Returns the bytes of the message. */
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
    const at = this.#begin(0);
    const end = this.#payload(at, this.#text(at, '', ''), encoder, value);
    if (compressed) this.#words[at + command.flags]! |= commandFlag.compressed;
    const bytes = this.#words[at + command.payloadBytes]!;
    this.#put(at, kind, low, high, 0);
    this.#commitOfStream(end);
    if (this.#deferred !== undefined) this.#writeDeferred();
    return bytes;
  }

  /** The end of a stream of replies, which is let go of. */
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
    const at = this.#begin(text.length + trailers.length);
    this.#noPayload(at);
    this.#put(at, kind, low, high, code);
    this.#words[at + replyCommand.own] = 0;
    this.#commitOfStream(this.#text(at, text, trailers));
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
    const at = this.#begin(metadata.length + msgId.length);
    const end = this.#payload(at, this.#text(at, metadata, msgId), encoder, value);
    if (compressed) this.#words[at + command.flags]! |= commandFlag.compressed;
    this.#put(at, commandKind.call, index, generation, endpoint);
    this.#words[at + callCommand.method] = method;
    this.#words[at + callCommand.timeoutMs] = timeoutMs;
    this.#commit(end);
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
    const at = this.#begin(metadata.length + msgId.length);
    this.#noPayload(at);
    this.#words[at + command.flags] = commandFlag.open;
    this.#put(at, commandKind.call, index, generation, endpoint);
    this.#words[at + callCommand.method] = method;
    this.#words[at + callCommand.timeoutMs] = timeoutMs;
    this.#commit(this.#text(at, metadata, msgId));
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

  /** A command that is nothing but the name of a call. */
  #bare(kind: number, low: number, high: number): void {
    if (this.#encoding) return this.#later(this.#bare, kind, low, high);
    const at = this.#begin(0);
    this.#noPayload(at);
    this.#put(at, kind, low, high, 0);
    this.#commit(this.#text(at, '', ''));
  }

  /** Makes room for one command; returns where its words begin. UTF-8 needs at most 3 bytes for a UTF-16 unit. */
  #begin(textLength: number): number {
    if (this.#end + headroomBytes + textLength * 3 > this.#bytes.length) {
      this.flush();
    }
    return this.#commands * words;
  }

  #put(at: number, kind: number, low: number, high: number, code: number): void {
    const to = this.#words;
    to[at] = kind;
    to[at + command.idLow] = low;
    to[at + command.idHigh] = high;
    to[at + command.code] = code;
  }

  #noPayload(at: number): void {
    const to = this.#words;
    to[at + command.payloadAt] = 0;
    to[at + command.payloadBytes] = 0;
    to[at + command.flags] = 0;
  }

  /** Appends metadata or message, and msg_id or trailers; #begin() made room. Returns where the payload may begin. */
  #text(at: number, text: string, more: string): number {
    const start = this.#end;
    const textBytes = text === '' ? 0 : this.#bytes.write(text, start, 'utf8');
    const moreBytes = more === '' ? 0 : this.#bytes.write(more, start + textBytes, 'latin1');
    const to = this.#words;
    to[at + command.textAt] = start;
    to[at + command.textBytes] = textBytes;
    to[at + command.moreBytes] = moreBytes;
    return start + textBytes + moreBytes;
  }

  /**
   * Hands over the commands so far, then does something that must come after them. A command being encoded counts as
   * written: it is waited for.
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
      end = encoder.encodeInto(value, this.#bytes, start);
    } catch (error) {
      throw this.#notEncoded(error);
    }
    this.#encoding = false;
    const size = end - start;
    if ((end | 0) !== end || size < 0 || size > largePayloadBytes)
      return this.#largePayload(at, start, end, encoder);
    const to = this.#words;
    to[at + command.payloadAt] = start;
    to[at + command.payloadBytes] = size;
    to[at + command.flags] = 0;
    return end;
  }

  #largePayload(at: number, start: number, end: number, encoder: Encoder): number {
    let body: Uint8Array;
    this.#encoding = true;
    try {
      body = bodyAt(this.#bytes, start, end, encoder);
    } catch (error) {
      throw this.#notEncoded(error);
    }
    this.#encoding = false;
    this.#large = [body];
    const to = this.#words;
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

  #commit(end: number): void {
    if (this.#add(end) && !this.#scheduled) {
      this.#scheduled = true;
      void microtask.then(this.#onMicrotask);
    }
  }

  /**
   * A handler that yields needs several microtasks for each of its messages: these commands are handed over when no
   * microtask is left, or with others before.
   */
  #commitOfStream(end: number): void {
    if (this.#add(end) && !this.#scheduled && !this.#awaitsQuiet) {
      this.#awaitsQuiet = true;
      void microtask.then(this.#afterMicrotasks);
    }
  }

  /** False: it was handed over. */
  #add(end: number): boolean {
    this.#end = end;
    this.#commands++;
    // (A large block may be a view of memory that the next command overwrites.)
    if (this.#large === undefined && this.#commands !== maxCommands && !this.#overdue()) return true;
    this.flush();
    return false;
  }

  #overdue(): boolean {
    if (this.#commands % checkEvery !== 0) return false;
    const now = performance.now();
    if (this.#commands > checkEvery) return now - this.#waitingSince > longestWaitMs;
    this.#waitingSince = now;
    return false;
  }

  readonly #onMicrotask = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** What is put off to the next tick among microtasks runs behind all of them. */
  readonly #afterMicrotasks = (): void => process.nextTick(this.#onQuiet);

  readonly #onQuiet = (): void => {
    this.#awaitsQuiet = false;
    this.flush();
  };

  /** Hands over the commands so far, without waiting for the end of the turn. */
  flush(): void {
    const commands = this.#commands;
    if (commands === 0) return;
    const large = this.#large;
    this.#commands = 0;
    this.#end = 0;
    this.#large = undefined;
    if (large === undefined) this.#native.flush(commands);
    else this.#native.flush(commands, large);
  }
}
