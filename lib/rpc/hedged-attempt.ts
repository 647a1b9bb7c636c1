import type { StatusName } from '../contract/status.ts';
import type { CallEnd, ReadyStrings } from '../contract/transport.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import { type CallRequest, type CallRunner, ClientCall } from './client-call.ts';
import type { ClientStreams } from './client-streams.ts';
import type { HedgedReader } from './hedged-requests.ts';

/** The hedged call that an attempt belongs to. */
export interface HedgedAttemptOwner {
  readonly nonFatal: ReadonlySet<StatusName>;
  /** The attempt has been answered: the other attempts are cancelled. */
  commit(attempt: HedgedAttempt): void;
  noteEndpoint(endpoint: ChannelEndpoint | undefined): void;
  /** An attempt that waited for an endpoint has got one. */
  onPlaced(): void;
  /** Whether the call continues although the attempt has failed. If not, the failure is its outcome. */
  outlives(attempt: HedgedAttempt, error: unknown): boolean;
  /** The caller has cancelled the call, or a request cannot be sent. */
  cancel(error: unknown): void;
  onAttemptOver(attempt: HedgedAttempt): void;
}

export interface HedgedAttemptParts {
  readonly dispatcher: CallRunner;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** One attempt of a hedged call. */
export class HedgedAttempt extends ClientCall {
  readonly #call: HedgedAttemptOwner;
  /** Its reader of the requests of a stream. */
  readonly requests: HedgedReader | undefined;

  constructor(
    call: HedgedAttemptOwner,
    what: CallRequest,
    { resolve, reject, dispatcher }: HedgedAttemptParts,
    streams: ClientStreams | undefined,
    requests: HedgedReader | undefined,
  ) {
    const rejectOf = streams?.replies === undefined ? reject : (error: unknown) => streams.failReplies(error);
    super(what, resolve, rejectOf, dispatcher, streams);
    this.#call = call;
    this.requests = requests;
  }

  override get repeatable(): ReadonlySet<StatusName> {
    return this.#call.nonFatal;
  }

  override onPlaced(): void {
    this.#call.onPlaced();
  }

  override onReply(
    buffer: Buffer,
    start: number,
    end: number,
    text: string,
    strings: ReadyStrings | undefined,
  ): void {
    this.#call.commit(this);
    super.onReply(buffer, start, end, text, strings);
  }

  override onHeaders(metadata: string): void {
    this.#call.commit(this);
    super.onHeaders(metadata);
  }

  override onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    this.#call.commit(this);
    super.onMessage(buffer, start, end, strings, flags);
  }

  override onEnd(end: CallEnd, trailers: string): void {
    if (end.status === 0) this.#call.commit(this);
    else this.#call.noteEndpoint(this.endpoint);
    super.onEnd(end, trailers);
  }

  override onFailure(status: number, own: number, message: string, requestWritten: boolean): void {
    this.#call.noteEndpoint(this.endpoint);
    super.onFailure(status, own, message, requestWritten);
  }

  override fail(error: unknown): void {
    if (this.ended) return;
    if (this.#call.outlives(this, error)) this.finish();
    else super.fail(error);
  }

  /** Cancels the whole call, because its caller did. */
  override cancel(error: unknown): void {
    this.#call.cancel(error);
  }

  /** Ends the attempt without an outcome for the call. */
  override finish(): void {
    super.finish();
    this.#call.onAttemptOver(this);
  }
}
