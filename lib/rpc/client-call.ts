import { isRpcError, RpcError, receivedError } from '../contract/errors.ts';
import { Metadata } from '../contract/metadata.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { type SignalSource, SignalWatch, type SignalWatcher } from '../contract/signal-watch.ts';
import type { CallEnd, PendingCall, ReadyStrings } from '../contract/transport.ts';
import { callUser } from '../contract/user-code.ts';
import { type CallContext, ServerCall } from './call-context.ts';
import { rejectToCaller, tellOfCall } from './call-failure.ts';
import type { ChannelEndpoint } from './endpoint-set.ts';
import { isOutOfMemory } from './out-of-memory.ts';
import type { RetryPolicy } from './retry-options.ts';

/** Runs calls: is notified how attempts and whole calls end. */
export interface CallRunner {
  /** Of the channel; named in errors. */
  readonly target: string;
  /** An attempt was answered. */
  onAnswered(call: ClientCall): void;
  /** An attempt failed; the runner makes another one, or ends the call with fail(). */
  onAttemptFailed(call: ClientCall, error: RpcError): void;
  /** Ends the call because its signal aborted. */
  giveUp(call: ClientCall, signal: AbortSignal): void;
  /** The call has ended, with whatever outcome; called once. */
  onEnd(call: ClientCall): void;
  /** A user's callback threw. */
  onUserError(what: string, error: unknown): void;
}

/** What is the same for every attempt of a call. */
export interface CallRequest {
  readonly method: MethodDefinition;
  readonly request: unknown;
  /** Encoded. */
  readonly metadata: string;
  readonly msgId: string;
  readonly timeoutMs: number;
  /** On the clock of performance.now(). */
  readonly expiresAt: number;
  readonly waitForReady: boolean;
  readonly balanceKey: string | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly onMetadata: ((metadata: Metadata) => void) | undefined;
}

/** A unary reply whose parts the transport reports one by one. */
class ReplyPieces {
  metadata = '';
  messages = 0;
  value: unknown = undefined;
  /** Why the message cannot be read. */
  error: RpcError | undefined = undefined;
}

function unreadable({ wireName }: MethodDefinition, cause: unknown): RpcError {
  return isOutOfMemory(cause)
    ? new RpcError('RESOURCE_EXHAUSTED', `there is no memory for the reply of ${wireName}`, { cause })
    : new RpcError('INTERNAL', `the reply of ${wireName} cannot be parsed`, { cause });
}

/** One call a client waits for. Plain fields for the reason ServerCall has. */
export class ClientCall implements PendingCall, SignalWatcher {
  handle = 0;
  ended = false;
  readonly what: CallRequest;
  /** The endpoint it was given to; undefined while it has none. */
  endpoint: ChannelEndpoint | undefined = undefined;
  /** When it was given to the endpoint, if the balancer measures latency. */
  sentAt = 0;
  /** Attempts made by the retry policy, the first included. */
  attempts = 1;
  /** Why the attempt before this one failed, when the retry policy made this one. */
  lastError: RpcError | undefined = undefined;
  /** Number of times it had to start over with endpoints that had refused it, and the last endpoint's error. */
  rounds = 0;
  refusal: RpcError | undefined = undefined;
  /** Endpoints on which it failed. */
  tried: Set<ChannelEndpoint> | undefined = undefined;
  /** What has arrived of a reply that comes in pieces; undefined on the quick path. */
  private pieces: ReplyPieces | undefined = undefined;
  private readonly resolve: (value: unknown) => void;
  private readonly reject: (error: unknown) => void;
  private readonly runner: CallRunner;
  /** The watches for its signal and its parent's, if it has them. */
  private signal: SignalSource | undefined = undefined;
  private parent: SignalSource | undefined = undefined;

  constructor(
    what: CallRequest,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    runner: CallRunner,
  ) {
    this.what = what;
    this.resolve = resolve;
    this.reject = reject;
    this.runner = runner;
  }

  /** The quick path of a unary call: its whole reply at once. */
  onReply(buffer: Buffer, start: number, end: number, text: string, strings: ReadyStrings | undefined): void {
    const { endpoint } = this;
    this.runner.onAnswered(this);
    let value: unknown;
    try {
      value = this.what.method.response.decode(buffer, start, end, strings);
    } catch (cause) {
      return this.failAnswered(unreadable(this.what.method, cause), endpoint);
    }
    this.succeed(value, text);
  }

  onFailure(status: number, own: number, message: string, requestWritten: boolean): void {
    this.runner.onAttemptFailed(this, receivedError(status, own, message, requestWritten));
  }

  onHeaders(metadata: string): void {
    this.pieces ??= new ReplyPieces();
    this.pieces.metadata = metadata;
  }

  onMessage(buffer: Buffer, start: number, end: number, strings: ReadyStrings | undefined): void {
    this.pieces ??= new ReplyPieces();
    if (this.pieces.messages++ > 0) return;
    try {
      this.pieces.value = this.what.method.response.decode(buffer, start, end, strings);
    } catch (cause) {
      this.pieces.error = unreadable(this.what.method, cause);
    }
  }

  onRoom(): void {
    // A unary call sends one message, when it begins.
  }

  onEnd({ status, own, message, requestWritten }: CallEnd, trailers: string): void {
    const { pieces, endpoint } = this;
    this.pieces = undefined;
    if (status !== 0)
      return this.runner.onAttemptFailed(
        this,
        receivedError(status, own, message, requestWritten, Metadata.decode(trailers)),
      );
    this.runner.onAnswered(this);
    if (pieces?.error !== undefined) return this.failAnswered(pieces.error, endpoint);
    if (pieces?.messages === 1) return this.succeed(pieces.value, pieces.metadata);
    const text = `the reply of ${this.what.method.wireName} has ${pieces?.messages ?? 0} messages instead of one`;
    this.failAnswered(new RpcError('INTERNAL', text), endpoint);
  }

  private succeed(value: unknown, text: string): void {
    this.finish();
    this.resolve(value);
    const { method, onMetadata } = this.what;
    if (onMetadata === undefined) return;
    callUser(
      () => onMetadata(Metadata.decode(text)),
      (error) => this.runner.onUserError(`onMetadata of a call of ${method.wireName}`, error),
    );
  }

  /** For a reply that is no good. */
  private failAnswered(error: RpcError, endpoint: ChannelEndpoint | undefined): void {
    tellOfCall(error, this.what.method.wireName, this.runner.target, endpoint?.name);
    this.fail(error);
  }

  /** Like fail(), for a call that could not start: its caller is on the stack. */
  refuse(error: unknown): void {
    if (this.ended) return;
    this.finish();
    this.reject(error);
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.finish();
    if (!isRpcError(error)) return this.reject(error);
    tellOfCall(error, this.what.method.wireName, this.runner.target);
    rejectToCaller(error, this.resolve, this.reject);
  }

  /** Cancels the call when one of them aborts; set up before the call starts, because a user's signal may throw. */
  watch(signal: AbortSignal | undefined, parent: CallContext | undefined): void {
    if (signal !== undefined) {
      this.signal = SignalWatch.of(signal);
      this.signal.add(this);
    }
    if (parent !== undefined) {
      const source = parent instanceof ServerCall ? parent : SignalWatch.of(parent.signal);
      if (source === this.signal) return;
      this.parent = source;
      source.add(this);
    }
  }

  onSignal(signal: AbortSignal): void {
    this.runner.giveUp(this, signal);
  }

  private finish(): void {
    this.ended = true;
    this.signal?.delete(this);
    this.parent?.delete(this);
    this.runner.onEnd(this);
  }
}

/** Whether the parent call, which is being handled, was aborted. */
export function isAborted(parent: CallContext): boolean {
  return parent instanceof ServerCall ? parent.aborted : parent.signal.aborted;
}

/** Why a signal ended a call: an abort is CANCELLED, AbortSignal.timeout() and a parent's deadline are DEADLINE_EXCEEDED. */
export function abortError(signal: AbortSignal): RpcError {
  let cause: unknown;
  let isTimeout = false;
  try {
    cause = signal.reason;
    isTimeout =
      (cause instanceof DOMException && cause.name === 'TimeoutError') ||
      (cause instanceof RpcError && cause.code === 'DEADLINE_EXCEEDED');
  } catch {
    // A reason that cannot be read.
  }
  return isTimeout
    ? new RpcError('DEADLINE_EXCEEDED', 'the signal of the call timed out', { cause })
    : new RpcError('CANCELLED', 'the call was cancelled by its signal', { cause });
}
