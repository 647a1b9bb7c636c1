import { type CallEnd, messageHeadBytes, type PendingCall } from '../../lib/contract/transport.ts';
import { textOf } from './memory-kinds.ts';
import { Changes } from './waits.ts';

/** Keeps what a transport says of a call, and holds it to the order it has promised. */
export class RecordedCall implements PendingCall {
  handleIndex = 0;
  handleGeneration = 0;
  headers: string | undefined;
  readonly messages: string[] = [];
  /** Bytes of messages, each with its head. */
  received = 0;
  room = 0;
  end: CallEnd | undefined;
  trailers: string | undefined;
  readonly changes = new Changes();

  onHeaders(metadata: string): void {
    this.#check(this.headers === undefined && this.messages.length === 0);
    this.headers = metadata;
    this.changes.notify();
  }

  onMessage(buffer: Buffer, start: number, end: number): void {
    this.#check(this.headers !== undefined);
    this.messages.push(textOf(buffer.subarray(start, end)));
    this.received += end - start + messageHeadBytes;
    this.changes.notify();
  }

  onRoom(bytes: number): void {
    this.#check(bytes > 0);
    this.room += bytes;
    this.changes.notify();
  }

  onEnd(end: CallEnd, trailers: string): void {
    this.#check(true);
    this.end = end;
    this.trailers = trailers;
    this.changes.notify();
  }

  onReply(buffer: Buffer, start: number, end: number, text: string): void {
    this.onHeaders(text);
    this.onMessage(buffer, start, end);
    this.onEnd({ status: 0, own: 0, message: '', requestWritten: true }, '');
  }

  onFailure(status: number, own: number, message: string, requestWritten: boolean): void {
    this.#check(this.headers === undefined && this.messages.length === 0);
    this.onEnd({ status, own, message, requestWritten }, '');
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    await this.changes.until(() => (holds() ? true : undefined), {
      deadlineMs: 10_000,
      what: () => `${what}; there are ${this.messages.length} messages, and ${this.end?.message ?? 'no end'}`,
    });
  }

  async untilEnd(): Promise<CallEnd> {
    await this.until('the end of a call', () => this.end !== undefined);
    return this.end!;
  }

  #check(holds: boolean): void {
    if (!holds || this.end !== undefined) throw new Error('the transport says it in the wrong order');
  }
}
