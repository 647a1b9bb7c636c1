import { errorDetailsIn } from '../codec/error-details.ts';
import { isRpcError, RpcError, receivedError } from '../contract/errors.ts';
import { Metadata } from '../contract/metadata.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { type SignalSource, SignalWatch, type SignalWatcher } from '../contract/signal-watch.ts';
import type { StatusName } from '../contract/status.ts';
import { type CallEnd, type ReadyStrings, requestFlag } from '../contract/transport.ts';
import { callUser } from '../contract/user-code.ts';
import type { CallContext } from './call-context.ts';
import type { CallCredentials } from './call-credentials.ts';
import { rejectToCaller, tellOfCall, unreadable } from './call-failure.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import type { ClientStreams, StreamedCall } from './client-streams.ts';
import { decompressed, formatOfFlags, type MessageLimit } from './compression.ts';
import type { RetryPolicy } from './retry-options.ts';
import { ServerCall } from './server-call.ts';

/** Runs calls: it is notified of the end of each attempt and of each call. */
export interface CallRunner {
  /** The target of the channel, for errors. */
  readonly target: string;
  readonly replyLimit: MessageLimit;
  /** An attempt was answered. */
  onAnswered(call: ClientCall): void;
  /** An attempt failed; the runner makes another one, or ends the call with fail(). */
  onAttemptFailed(call: ClientCall, error: RpcError): void;
  /** Cancels the call, which ends with this error. */
  giveUp(call: ClientCall, error: unknown): void;
  /** The call has ended, with whatever outcome; called once. */
  onEnd(call: ClientCall): void;
  /** A user's callback threw. */
  onUserError(what: string, error: unknown): void;
}

/** The data that all attempts of a call share. */
export interface CallRequest {
  /** Its codec is for `request` as it is: the message, or its encoded bytes. */
  method: MethodDefinition;
  request: unknown;
  /** `request` is compressed bytes. */
  isCompressed: boolean;
  /** Encoded. */
  readonly metadata: string;
  readonly msgId: string;
  readonly timeoutMs: number;
  /** On the clock of performance.now(). */
  readonly expiresAt: number;
  readonly waitForReady: boolean;
  readonly balanceKey: string | undefined;
  readonly retry: RetryPolicy | undefined;
  /** Called for the metadata of each attempt. */
  readonly credentials: CallCredentials | undefined;
  /** The user's callbacks for metadata of the reply; undefined if there are none. */
  readonly listeners: MetadataListeners | undefined;
}

type OnMetadata = (metadata: Metadata) => void;

export interface MetadataListeners {
  readonly onHeaders: OnMetadata | undefined;
  readonly onTrailers: OnMetadata | undefined;
  readonly onMetadata: OnMetadata | undefined;
}

/** A reply whose parts the transport reports one by one. */
class ReplyPieces {
  metadata = '';
  messages = 0;
  value: unknown = undefined;
  /** Set instead of `value` if the message is compressed. */
  compressed: { readonly bytes: Buffer; readonly flags: number } | undefined = undefined;
  /** Why the message cannot be read. */
  error: RpcError | undefined = undefined;
}

/** The end of a call whose whole reply has arrived. */
const ended: CallEnd = { status: 0, own: 0, message: '', requestWritten: true };

function joinedMetadata(text: string, more: string): Metadata {
  const metadata = Metadata.decode(text);
  return more === '' ? metadata : new Metadata([...metadata, ...Metadata.decode(more)]);
}

/** A call that a client waits for. It has plain fields for the same reason as ServerCall. */
export class ClientCall implements StreamedCall, SignalWatcher {
  handleIndex = 0;
  handleGeneration = 0;
  ended = false;
  /** See CountedCall; undefined for an attempt of a hedged call. */
  channel: object | undefined = undefined;
  readonly what: CallRequest;
  /** The endpoint it was given to; undefined while it has none. */
  endpoint: ChannelEndpoint | undefined = undefined;
  /** When it was given to the endpoint, if the balancer measures latency. */
  sentAt = 0;
  /** The metadata of the attempt that is being placed, including that of its credentials. */
  signed: string | undefined = undefined;
  /** Attempts made by the retry policy, the first included. */
  attempts = 1;
  /** The pauses of the policy start again from the first one after this attempt. */
  pausesFrom = 0;
  /** Why the attempt before this one failed, when the retry policy made this one. */
  lastError: RpcError | undefined = undefined;
  /** Number of times that all endpoints refused it and it started over, and the error of the last refusal. */
  rounds = 0;
  refusal: RpcError | undefined = undefined;
  /** Endpoints on which it failed. */
  tried: Set<ChannelEndpoint> | undefined = undefined;
  /** Of a method with a stream. */
  readonly streams: ClientStreams | undefined;
  /** An attempt has received headers: as gRPC requires, no other attempt follows it. */
  private hasHeaders = false;
  /** The parts that have arrived of a reply in several parts; undefined on the fast path. */
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
    streams: ClientStreams | undefined,
  ) {
    this.what = what;
    this.streams = streams;
    this.resolve = resolve;
    this.reject = reject;
    this.runner = runner;
  }

  /** The fast path: the whole reply in one event. */
  onReply(buffer: Buffer, start: number, end: number, text: string, strings: ReadyStrings | undefined): void {
    if (this.streams !== undefined) {
      this.onHeaders(text);
      this.onMessage(buffer, start, end, strings, 0);
      if (!this.ended) this.onEnd(ended, '');
      return;
    }
    const { endpoint } = this;
    this.runner.onAnswered(this);
    let value: unknown;
    try {
      value = this.what.method.response.decode(buffer, start, end, strings);
    } catch (cause) {
      return this.failAnswered(unreadable(this.what.method, cause), endpoint);
    }
    if (this.what.listeners !== undefined) this.tell('onHeaders', text);
    this.succeed(value, text, '');
  }

  onFailure(status: number, own: number, message: string, requestWritten: boolean): void {
    this.attemptFailed(receivedError(status, own, message, requestWritten));
  }

  private attemptFailed(error: RpcError): void {
    this.streams?.onAttemptOver();
    this.runner.onAttemptFailed(this, error);
  }

  /** The codes after which another attempt may follow. */
  get repeatable(): ReadonlySet<StatusName> | undefined {
    return this.what.retry?.codes;
  }

  /** This attempt has got so far that no other one may follow. */
  get isCommitted(): boolean {
    return this.hasHeaders || this.streams?.isCommitted === true;
  }

  onHeaders(metadata: string): void {
    this.hasHeaders = true;
    this.streams?.commit();
    this.pieces ??= new ReplyPieces();
    this.pieces.metadata = metadata;
    if (this.what.listeners !== undefined) this.tell('onHeaders', metadata);
  }

  onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    const { streams } = this;
    if (streams?.replies !== undefined) return streams.onMessage(buffer, start, end, strings, flags);
    this.pieces ??= new ReplyPieces();
    if (this.pieces.messages++ > 0) return;
    if ((flags & requestFlag.compressed) !== 0) {
      this.pieces.compressed = { bytes: Buffer.from(buffer.subarray(start, end)), flags };
      return;
    }
    try {
      this.pieces.value = this.what.method.response.decode(buffer, start, end, strings);
    } catch (cause) {
      this.pieces.error = unreadable(this.what.method, cause);
    }
  }

  /** Called when it gets an endpoint, perhaps after waiting for one. */
  onPlaced(): void {
    // Only hedged calls need this.
  }

  onRoom(bytes: number): void {
    this.streams?.onRoom(bytes);
  }

  onEnd({ status, own, message, requestWritten }: CallEnd, trailers: string): void {
    const { pieces, endpoint } = this;
    this.pieces = undefined;
    if (status !== 0) {
      const more = { metadata: Metadata.decode(trailers), details: errorDetailsIn(trailers) };
      return this.attemptFailed(receivedError(status, own, message, requestWritten, more));
    }
    this.runner.onAnswered(this);
    const headers = pieces?.metadata ?? '';
    if (this.streams?.replies !== undefined) return this.succeed(undefined, headers, trailers);
    if (pieces?.error !== undefined) return this.failAnswered(pieces.error, endpoint);
    if (pieces?.messages === 1) {
      if (pieces.compressed === undefined) return this.succeed(pieces.value, headers, trailers);
      return this.open(pieces.compressed, headers, trailers, endpoint);
    }
    const text = `the reply of ${this.what.method.wireName} has ${pieces?.messages ?? 0} messages instead of one`;
    this.failAnswered(new RpcError('INTERNAL', text), endpoint);
  }

  /** Decompresses the reply. */
  private open(
    { bytes, flags }: NonNullable<ReplyPieces['compressed']>,
    headers: string,
    trailers: string,
    endpoint: ChannelEndpoint | undefined,
  ): void {
    const { method } = this.what;
    const succeed = (opened: Buffer | undefined): void => {
      if (this.ended || opened === undefined) return;
      const value = method.response.decode(opened, 0, opened.length, undefined);
      this.succeed(value, headers, trailers);
    };
    const fail = (error: unknown): void => {
      if (!this.ended) this.failAnswered(unreadable(method, error), endpoint);
    };
    try {
      const opened = decompressed(bytes, formatOfFlags(flags), this.replyLimit, () => !this.ended);
      if (opened instanceof Promise) opened.then(succeed).catch(fail);
      else succeed(opened);
    } catch (error) {
      fail(error);
    }
  }

  get replyLimit(): MessageLimit {
    return this.runner.replyLimit;
  }

  private succeed(value: unknown, headers: string, trailers: string): void {
    this.finish();
    if (this.streams?.replies !== undefined) this.streams.replies.complete();
    else this.resolve(value);
    if (this.what.listeners === undefined) return;
    this.tell('onTrailers', trailers);
    this.tell('onMetadata', headers, trailers);
  }

  /** Calls a user's callback with the metadata in these texts. */
  private tell(name: keyof MetadataListeners, text: string, more = ''): void {
    const callback = this.what.listeners?.[name];
    if (callback !== undefined) this.tellOf(name, callback, joinedMetadata(text, more));
  }

  private tellOf(name: string, callback: OnMetadata, metadata: Metadata): void {
    callUser(
      () => callback(metadata),
      (error) => this.runner.onUserError(`${name} of a call of ${this.what.method.wireName}`, error),
    );
  }

  /** Fails the call because its reply is unusable. */
  private failAnswered(error: RpcError, endpoint: ChannelEndpoint | undefined): void {
    tellOfCall(error, this.what.method.wireName, this.runner.target, endpoint?.name);
    this.fail(error);
  }

  /** Like fail(), for a call that could not start: its caller is still on the stack. */
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
    if (this.streams?.replies !== undefined) this.reject(error);
    else rejectToCaller(error, this.resolve, this.reject);
    const onTrailers = this.what.listeners?.onTrailers;
    if (onTrailers !== undefined) this.tellOf('onTrailers', onTrailers, error.metadata);
  }

  /** Cancels the call when one of them aborts. Called before the call starts, because a user's signal may throw. */
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
    this.cancel(abortError(signal));
  }

  cancel(error: unknown): void {
    this.runner.giveUp(this, error);
  }

  onUserError(what: string, error: unknown): void {
    this.runner.onUserError(what, error);
  }

  /** Ends the call without settling its promise. */
  finish(): void {
    this.ended = true;
    this.signal?.delete(this);
    this.parent?.delete(this);
    this.streams?.close();
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
