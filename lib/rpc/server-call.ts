import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { inspect } from 'node:util';
import {
  type Compression,
  type CompressionFormat,
  compressionOfFlags,
  flagOfCompression,
} from '../contract/compression.ts';
import { RpcError } from '../contract/errors.ts';
import { previousAttemptsKey, withGrpcPair } from '../contract/grpc-metadata.ts';
import { encodeGrpcMetadata, encodeMetadata, Metadata } from '../contract/metadata.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { type SignalWatcher, SignalWatchers } from '../contract/signal-watch.ts';
import type { TlsIdentity } from '../contract/tls.ts';
import { type ReadyStrings, requestFlag, type ServerTransport } from '../contract/transport.ts';
import { callLog } from '../log/call-log.ts';
import type { CallLog, Logger } from '../log/logger.ts';
import { abortReason } from './abort-reason.ts';
import type { CallContext } from './call-context.ts';
import { CallPeer, type Peer, type PeerSource } from './peer.ts';
import {
  declaredFormat,
  declaresCompression,
  isDeclared,
  replyFormat,
  wantsCompression,
  withWanted,
} from './reply-compression.ts';

/** The loggers of servers, by transport, because a call has a reference to the transport only. */
const loggers = new WeakMap<ServerTransport, Logger | false>();

/** The logger that `log` of this server's calls writes to. */
export function setCallLogger(transport: ServerTransport, logger: Logger | false | undefined): void {
  if (logger !== undefined) loggers.set(transport, logger);
}

/** The additional part of a call of a method with a stream. */
export interface CallStream {
  /** A reply has been sent. */
  readonly hasReplied: boolean;
  /** A request has arrived. */
  onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void;
  onHalfClose(): void;
  onRoom(bytes: number): void;
  /** The call is over, for whatever reason. */
  close(): void;
}

/** Parts that most handlers never use. */
class Extras {
  /** The status word with which it was aborted; 0: it was not. */
  abortStatus = 0;
  controller: AbortController | undefined;
  requestMetadata: Metadata | undefined;
  replyMetadata: Metadata | undefined;
  trailers: Metadata | undefined;
  headersSent = false;
  /** Set for a method with a stream. */
  stream: CallStream | undefined;
  reason: RpcError | undefined;
  msgId: string | undefined;
  peer: Peer | undefined;
  identity: TlsIdentity | 'none' | undefined;
  log: CallLog | undefined;
  children = 0;
  watchers: SignalWatchers | undefined;
}

/**
 * A call being handled. One is created for every request, so it has few fields (bench:alloc), and plain ones:
 * `#private` fields cost a definition each in the constructor (bench:boundary, JavaScript CPU of 50 x 20).
 */
export class ServerCall implements CallContext, PeerSource {
  readonly definition: MethodDefinition;
  readonly low: number;
  readonly high: number;
  /** Once true, nothing is sent for this call any more. */
  ended = false;
  private readonly transport: ServerTransport;
  private readonly deadlineMs: number;
  private readonly heads: string;
  private readonly headAt: number;
  /** The requestFlag bits of its request, and the bits of reply-compression.ts. */
  private flags: number;
  private lazyExtras: Extras | undefined;

  constructor(
    transport: ServerTransport,
    definition: MethodDefinition,
    low: number,
    high: number,
    deadlineMs: number,
    heads: string,
    headAt: number,
    flags: number,
  ) {
    this.transport = transport;
    this.definition = definition;
    this.low = low;
    this.high = high;
    this.deadlineMs = deadlineMs;
    this.heads = heads;
    this.headAt = headAt;
    this.flags = flags;
  }

  get method(): string {
    return this.definition.wireName;
  }

  private get extras(): Extras {
    this.lazyExtras ??= new Extras();
    return this.lazyExtras;
  }

  get signal(): AbortSignal {
    const { extras } = this;
    if (extras.controller === undefined) {
      extras.controller = new AbortController();
      // The signal lives as long as the call, so many listeners mean many nested calls and not a leak.
      setMaxListeners(0, extras.controller.signal);
      if (extras.abortStatus !== 0) extras.controller.abort(this.endReason());
    }
    return extras.controller.signal;
  }

  get timeRemainingMs(): number {
    return Math.max(0, (this.deadlineMs - this.transport.clock()) | 0);
  }

  get deadline(): Date {
    return new Date(Date.now() + ((this.deadlineMs - this.transport.clock()) | 0));
  }

  get metadata(): Metadata {
    const { extras } = this;
    extras.requestMetadata ??= Metadata.decode(this.transport.metadata(this.heads, this.headAt));
    return extras.requestMetadata;
  }

  get responseMetadata(): Metadata {
    const { extras } = this;
    extras.replyMetadata ??= new Metadata();
    return extras.replyMetadata;
  }

  get trailers(): Metadata {
    const { extras } = this;
    extras.trailers ??= new Metadata();
    return extras.trailers;
  }

  get isGrpc(): boolean {
    return (this.flags & requestFlag.grpc) !== 0;
  }

  /** Returns a function, so that a handler may use it apart from its context. */
  get sendHeaders(): () => void {
    return () => this.sendHeadersNow();
  }

  private sendHeadersNow(): void {
    if (this.ended || !this.isGrpc || this.lazyExtras?.headersSent === true) return;
    const metadata = this.withEncoding(declaredFormat(this.flags));
    this.extras.headersSent = true;
    this.transport.headers(this.low, this.high, metadata);
  }

  /** Sends `responseMetadata` before a reply. Without metadata, the transport itself sends the headers. */
  sendHeadersIfAny(): void {
    if (this.lazyExtras?.replyMetadata !== undefined || declaresCompression(this.flags))
      this.sendHeadersNow();
  }

  get requestCompression(): Compression {
    return compressionOfFlags(this.flags);
  }

  /** Notes the flags of the request of a stream that the handler gets next. */
  noteRequest(flags: number): void {
    const ofMessage = requestFlag.compressed | requestFlag.deflate;
    this.flags = (this.flags & ~ofMessage) | (flags & ofMessage);
  }

  get responseCompression(): Compression {
    return this.replyFormat ?? 'identity';
  }

  set responseCompression(wanted: Compression) {
    const flag = flagOfCompression('responseCompression', wanted);
    const headersAreSent = this.lazyExtras?.headersSent === true || this.stream?.hasReplied === true;
    if (headersAreSent && !isDeclared(this.flags, flag))
      throw new Error(
        `responseCompression of ${this.method} cannot become ${wanted}: the headers have been sent without it; set it before the first reply, or give the server option compression`,
      );
    this.flags = withWanted(this.flags, flag);
  }

  /** Whether the next reply is to be compressed if its caller accepts that. */
  get wantsCompression(): boolean {
    return wantsCompression(this.flags);
  }

  /** The compression of the next reply; undefined: none. */
  get replyFormat(): CompressionFormat | undefined {
    return replyFormat(this.flags);
  }

  /** Undefined for a unary method. */
  get stream(): CallStream | undefined {
    return this.lazyExtras?.stream;
  }

  set stream(stream: CallStream) {
    this.extras.stream = stream;
  }

  get msgId(): string {
    const { extras } = this;
    extras.msgId ??= this.isGrpc ? this.idOfGrpc() : this.transport.msgId(this.heads, this.headAt);
    return extras.msgId;
  }

  private idOfGrpc(): string {
    const given = this.metadata.get('x-request-id');
    return typeof given === 'string' && /^[!-~]{1,128}$/.test(given) ? given : randomUUID();
  }

  get previousAttempts(): number {
    const said = this.isGrpc ? this.metadata.get(previousAttemptsKey) : undefined;
    return typeof said === 'string' && /^\d{1,9}$/.test(said) ? Number(said) : 0;
  }

  get peer(): Peer {
    const { extras } = this;
    extras.peer ??= new CallPeer(this);
    return extras.peer;
  }

  get peerAddress(): string {
    return this.transport.peer(this.heads, this.headAt);
  }

  identity(): TlsIdentity | undefined {
    if (!this.transport.hasTls) return undefined;
    const { extras } = this;
    if (extras.identity === undefined) {
      if (this.ended)
        throw new Error(
          `ctx.peer of ${this.method}: its certificate has to be asked for before the call ends`,
        );
      extras.identity = this.transport.identity(this.low, this.high) ?? 'none';
    }
    return extras.identity === 'none' ? undefined : extras.identity;
  }

  /** Called before the transport releases a call whose handler still runs. */
  keepIdentity(): void {
    if (!this.transport.hasTls) return;
    try {
      this.identity();
    } catch {
      // There was no memory. Reading the certificate later throws.
    }
  }

  get log(): CallLog {
    const { extras, msgId, method } = this;
    extras.log ??= callLog(loggers.get(this.transport), { msgId, method });
    return extras.log;
  }

  /** For logs. Its fields lead to the whole server, and its metadata may hold a token. */
  toJSON(): Record<string, unknown> {
    const { method, msgId, peer, timeRemainingMs } = this;
    return { method, msgId, peer, timeRemainingMs };
  }

  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }

  /** Whether it was aborted; does not create the signal. */
  get aborted(): boolean {
    return this.lazyExtras !== undefined && this.lazyExtras.abortStatus !== 0;
  }

  /** Notifies the watcher when the call is aborted, without creating the signal for it. */
  add(watcher: SignalWatcher): void {
    const { extras } = this;
    extras.watchers ??= new SignalWatchers();
    extras.watchers.add(watcher);
  }

  delete(watcher: SignalWatcher): void {
    this.lazyExtras?.watchers?.delete(watcher);
  }

  /** The id of the next nested call of this one: `<id>.<n in base 36>` (docs/wire-protocol.md, "msg_id"). */
  nextChildId(): string {
    return `${this.msgId}.${(++this.extras.children).toString(36)}`;
  }

  /** `format`: the compression of the only reply. */
  encodedResponseMetadata(format?: CompressionFormat): string {
    if (format !== undefined) return this.withEncoding(format);
    if (this.lazyExtras === undefined) return '';
    const { replyMetadata, trailers, headersSent } = this.lazyExtras;
    if (this.isGrpc) return headersSent ? '' : encodeGrpcMetadata(replyMetadata);
    // TinyPB sends headers and trailers as one set.
    if (trailers === undefined) return encodeMetadata(replyMetadata);
    return encodeMetadata(new Metadata([...(replyMetadata ?? []), ...trailers]));
  }

  private withEncoding(format: CompressionFormat | undefined): string {
    if (this.lazyExtras?.headersSent === true) return '';
    const metadata = encodeGrpcMetadata(this.lazyExtras?.replyMetadata);
    return format === undefined ? metadata : withGrpcPair(metadata, 'grpc-encoding', format);
  }

  /** The trailers, including those of an error; empty for TinyPB, which has none. */
  encodedTrailers(ofError?: Metadata): string {
    const trailers = this.lazyExtras?.trailers;
    if ((trailers === undefined && ofError === undefined) || !this.isGrpc) return '';
    if (trailers === undefined || ofError === undefined) return encodeGrpcMetadata(trailers ?? ofError);
    return encodeGrpcMetadata(new Metadata([...trailers, ...ofError]));
  }

  /** The reason why nothing is sent for the call any more. */
  endReason(): RpcError {
    const { extras, method } = this;
    extras.reason ??= new RpcError('CANCELLED', `the call of ${method} is over`);
    return extras.reason;
  }

  /** Ends the call: afterwards nothing is sent, whatever the handler does. */
  finish(): void {
    this.ended = true;
    this.lazyExtras?.stream?.close();
  }

  /** Tells the handler to stop; finish() is to follow. */
  abort(status: number, reason = abortReason(status)): void {
    const { extras } = this;
    extras.abortStatus = status;
    extras.reason = reason;
    this.ended = true;
    extras.controller?.abort(reason);
    if (extras.watchers !== undefined && extras.watchers.size > 0) extras.watchers.tell(this.signal);
  }
}
