import { RpcError } from './errors.ts';
import { Metadata } from './metadata.ts';
import type { MethodDefinition } from './service.ts';
import type { PendingCall } from './transport.ts';

/** Told once when a call has ended, however it did. */
export interface CallEnd {
  onEnd(call: ClientCall): void;
}

/** One call a client waits for. Plain fields for the reason ServerCall has. */
export class ClientCall implements PendingCall {
  handle = 0;
  /** Given to the transport, so that giving up has to cancel there. */
  started = false;
  ended = false;
  private readonly method: MethodDefinition;
  private readonly resolve: (value: unknown) => void;
  private readonly reject: (error: RpcError) => void;
  private readonly whenEnded: CallEnd;
  private readonly whenMetadata: ((metadata: Metadata) => void) | undefined;
  private signals: AbortSignal[] | undefined = undefined;
  private giveUp: ((call: ClientCall, signal: AbortSignal) => void) | undefined = undefined;

  constructor(
    method: MethodDefinition,
    resolve: (value: unknown) => void,
    reject: (error: RpcError) => void,
    end: CallEnd,
    onMetadata: ((metadata: Metadata) => void) | undefined,
  ) {
    this.method = method;
    this.resolve = resolve;
    this.reject = reject;
    this.whenEnded = end;
    this.whenMetadata = onMetadata;
  }

  onReply(buffer: Buffer, start: number, end: number, text: string, ascii: boolean): void {
    let value: unknown;
    try {
      value = this.method.response.decode(buffer, start, end, ascii);
    } catch (cause) {
      return this.fail(
        new RpcError('INTERNAL', `the reply of ${this.method.wireName} does not parse`, { cause }),
      );
    }
    this.finish();
    this.resolve(value);
    this.whenMetadata?.(Metadata.decode(text));
  }

  onFailure(wireCode: number, message: string, requestWritten: boolean): void {
    this.fail(RpcError.fromWire(wireCode, message, requestWritten));
  }

  fail(error: RpcError): void {
    if (this.ended) return;
    this.finish();
    this.reject(error);
  }

  /** Gives the call up when the signal aborts. */
  watch(signal: AbortSignal, giveUp: (call: ClientCall, signal: AbortSignal) => void): void {
    this.signals ??= [];
    this.signals.push(signal);
    this.giveUp = giveUp;
    signal.addEventListener('abort', this);
  }

  /** EventListenerObject: no closure per call. (Node 20 clears `event.currentTarget` too early to ask it.) */
  handleEvent(): void {
    const aborted = this.signals?.find((signal) => signal.aborted);
    if (aborted !== undefined) this.giveUp?.(this, aborted);
  }

  private finish(): void {
    this.ended = true;
    if (this.signals !== undefined) {
      for (const signal of this.signals) signal.removeEventListener('abort', this);
    }
    this.whenEnded.onEnd(this);
  }
}

/** Why a signal ended a call: an abort is CANCELLED, AbortSignal.timeout() and a parent's deadline are DEADLINE_EXCEEDED. */
export function abortError(signal: AbortSignal): RpcError {
  const cause: unknown = signal.reason;
  const isTimeout =
    (cause instanceof DOMException && cause.name === 'TimeoutError') ||
    (cause instanceof RpcError && cause.code === 'DEADLINE_EXCEEDED');
  return isTimeout
    ? new RpcError('DEADLINE_EXCEEDED', 'the signal of the call timed out', { cause })
    : new RpcError('CANCELLED', 'the call was cancelled by its signal', { cause });
}
