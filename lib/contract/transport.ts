/**
 * The interface between the RPC layer and a transport. There are two implementations: the native core (lib/addon), and
 * one in memory for unit tests. Calls are identified by two 32-bit words, payloads are ranges of buffers that are valid
 * only during the callback, and values are encoded straight into the transport's memory: nothing is allocated per
 * message.
 */

import { linkState } from './boundary.ts';
import type { ClientTlsSettings, ServerTlsSettings, TlsContext, TlsIdentity } from './tls.ts';

export {
  messageOverhead as messageHeadBytes,
  requestFlag,
  streamRoomBytes,
  takenStepBytes,
} from './boundary.ts';

/** Writes a value of one message type. */
export interface Encoder {
  /**
   * Encodes into `into` from `offset` on. Returns the end offset, or -1 when `into` was too short: the bytes are then in
   * `spilled()` until the next call.
   *
   * @throws Error that names the field when the value does not fit the type.
   */
  encodeInto(value: unknown, into: Buffer, offset: number): number;
  /** The bytes for which encodeInto() had no room; valid until its next call. */
  spilled(): Buffer;
}

/** Strings of a batch of messages. They are created all at once before the messages are decoded, which costs less. */
export interface ReadyStrings {
  /** The string in these `length` bytes of `buffer`, if it was created. Call it in order of positions. */
  take(buffer: Uint8Array, position: number, length: number): string | undefined;
}

/** A method, and which fields of its incoming message are strings (MessageCodec.stringFields). */
export interface MethodInfo {
  readonly wireName: string;
  readonly stringFields: number;
  /** Its place in methodKinds (native/core/rpc/method_table.h has the same order). */
  readonly kind: number;
}

export interface ServerReceiver {
  /**
   * `deadlineMs` and `nowMs` are on the transport's clock; `heads` and `headAt` are what peer(),
   * msgId() and metadata() need; with `strings`, every string of the request is known to be ASCII, and some are made.
   * Of a method whose requests stream it is the beginning: it has no payload, and onMessage() follows.
   */
  onRequest(
    low: number,
    high: number,
    method: number,
    deadlineMs: number,
    nowMs: number,
    buffer: Buffer,
    start: number,
    end: number,
    heads: string,
    headAt: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void;
  /** A request of a stream has arrived. */
  onMessage(
    low: number,
    high: number,
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void;
  /** No more requests of the stream will come. */
  onHalfClose(low: number, high: number): void;
  /** This many bytes of replies have been written, so as many more may be sent. */
  onRoom(low: number, high: number, bytes: number): void;
  /** The call is over for its peer. `status` is a status word with the reason. end() must be called once. */
  onAbort(low: number, high: number, status: number): void;
  onLog(line: string): void;
  onClosed(): void;
}

export interface ServerTransportStats {
  /** Connections open now. */
  readonly connections: number;
  /** Connections accepted so far. */
  readonly connectionsTotal: number;
  /** Requests read and not yet answered. */
  readonly callsInFlight: number;
  /** Requests given to handlers so far. */
  readonly callsTotal: number;
  /** Calls answered DEADLINE_EXCEEDED by the core. */
  readonly callsExpired: number;
  /** Requests that the core answered with another error: unknown method, server closing, too many calls. */
  readonly callsRefused: number;
  /** Reply bytes waiting to be written. */
  readonly queuedBytes: number;
  /** All memory the core holds for peers: queued replies and partly received frames. */
  readonly nativeBytes: number;
  /** Log lines of the core that were left out because there were more than ten a second on an io thread. */
  readonly logLinesDropped: number;
  /** Pauses in accepting connections, for lack of file descriptors or memory. */
  readonly acceptBackoffs: number;
  /**
   * Rejected frames, by reason. Each closed its connection, except a request over `maxFrameBytes`, which is answered.
   */
  readonly framesRejected: Readonly<Record<string, number>>;
  /** TLS handshakes that have begun and are not finished. */
  readonly handshakes: number;
  /** Handshakes ended because there were `tls.maxHandshakes` of them. */
  readonly handshakesRefused: number;
  /**
   * Of those, connections that began in another protocol, by protocol (`http1`, `http2`, `tls`; `plain`: without the TLS
   * that the port wants).
   */
  readonly foreignConnections: Readonly<Record<string, number>>;
  /** Ended connections by reason. */
  readonly connectionsClosed: Readonly<Record<string, number>>;
}

export interface ServerTransport {
  /** Returns the bound address as text. @throws Error if the address cannot be bound. */
  listen(address: string, backlog: number): string;
  /**
   * Sends the only reply of a call and ends it. `metadata` and `trailers` are encoded. `compressed`: the encoded bytes
   * are compressed in the format that the metadata names.
   */
  reply(
    low: number,
    high: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    trailers: string,
    compressed: boolean,
  ): void;
  /**
   * Ends a call, or a stream of replies, with an error. `status` is a status word (status.ts); `own` the number that the
   * application has for the error, or 0.
   */
  fail(low: number, high: number, status: number, own: number, message: string, trailers: string): void;
  /** Sends the metadata before the first reply; at most once. */
  headers(low: number, high: number, metadata: string): void;
  /** Sends a reply of a stream; returns the length of its payload. @throws the error of encoding. */
  message(low: number, high: number, encoder: Encoder, value: unknown, compressed: boolean): number;
  /** Ends a stream of replies with OK. */
  finish(low: number, high: number, trailers: string): void;
  /**
   * The handler has taken this many bytes of requests, so the peer may send as many more. Less than `takenStepBytes`
   * need not be reported: the transport lets a peer continue to which no more than that is owed.
   */
  taken(low: number, high: number, bytes: number): void;
  /** Ends a call that was aborted, or that expired before its handler ran. */
  end(low: number, high: number): void;
  /** The msg_id in the `heads` and `headAt` that onRequest() got. May be called at any time. */
  msgId(heads: string, headAt: number): string;
  peer(heads: string, headAt: number): string;
  /** Encoded. */
  metadata(heads: string, headAt: number): string;
  /** Whether callers may have an identity(). */
  readonly hasTls: boolean;
  /** The identity of the caller of a call that has not been ended; undefined: it has shown none. */
  identity(low: number, high: number): TlsIdentity | undefined;
  clock(): number;
  /**
   * Sets the status that the health service reports for a service; '': for the server and all services. Allowed in any
   * state.
   */
  setHealth(service: string, serving: boolean): void;
  /** Sets the context of connections accepted from now on. Only for a server that was made with TLS. */
  setTls(context: TlsContext): void;
  close(drainMs: number): void;
  stats(): ServerTransportStats;
}

/** A log to which native threads write directly (lib/log lends it). */
export interface ThreadLog {
  /** The least level of lines of native threads. */
  setLevel(level: number): void;
}

export interface ServerTransportOptions {
  /** Names of protocols. */
  readonly protocols: readonly string[];
  readonly ioThreads: number;
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
  readonly maxMetadataBytes: number;
  readonly maxBufferedRequestBytes: number;
  readonly maxWriteQueueBytes: number;
  readonly frameTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxCallsPerConnection: number;
  readonly maxCallsInFlight: number;
  readonly maxConnections: number;
  readonly maxConcurrentStreams: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly maxConnectionIdleMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly minPingIntervalMs: number;
  readonly permitPingsWithoutCalls: boolean;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** 0: no health service. */
  readonly healthBlockedAfterMs: number;
  /** Undefined: none. */
  readonly tls: ServerTlsSettings | undefined;
  /** Takes lines directly from the io threads; without it they are passed to onLog(). */
  readonly log: ThreadLog | undefined;
}

export type ServerTransportFactory = (
  options: ServerTransportOptions,
  methods: readonly MethodInfo[],
  receiver: ServerReceiver,
) => ServerTransport;

/** How a call ended. */
export interface CallEnd {
  /** A status word; 0 is OK. */
  readonly status: number;
  /** The number that the protocol has for an error, or 0. */
  readonly own: number;
  /** Of an error. */
  readonly message: string;
  /** Whether the whole request was handed to the kernel. */
  readonly requestWritten: boolean;
}

/**
 * A client call as the transport sees it. The transport calls onHeaders() at most once, onMessage() for each message,
 * then onEnd() once and last. If all of it is known at once, as always with TinyPB, it calls onReply() or onFailure()
 * instead: one callback, with no state to keep in between. Nothing is called after cancel(), nor from inside a method
 * of the transport.
 */
export interface PendingCall {
  /** `metadata` is encoded. */
  onHeaders(metadata: string): void;
  /** A message in these bytes, which are valid only during the callback. `flags`: requestFlag.compressed. */
  onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void;
  /**
   * For a call that was begun by open(): this many bytes of requests have been written, so as many more may be sent.
   */
  onRoom(bytes: number): void;
  /** `trailers` are encoded metadata. */
  onEnd(end: CallEnd, trailers: string): void;
  /** The same as onHeaders(), one onMessage(), and onEnd() with OK. */
  onReply(buffer: Buffer, start: number, end: number, text: string, strings: ReadyStrings | undefined): void;
  /**
   * The same as onEnd() with an error. `status` is a status word; `own` the number that the protocol has for it, or 0.
   */
  onFailure(status: number, own: number, message: string, requestWritten: boolean): void;
  /** The transport's name for the call, for cancel(): two integers, since V8 keeps a longer one in an object of its own. */
  handleIndex: number;
  handleGeneration: number;
}

export { linkState };
/** State of one of an endpoint's connections. */
export type LinkState = (typeof linkState)[keyof typeof linkState];

export interface ClientReceiver {
  /** `error`: why the connection failed, for that state. */
  onLinkState(endpoint: number, link: number, state: LinkState, error?: string): void;
}

export interface ClientTransportStats {
  /** Connections open now. */
  readonly connections: number;
  /** Calls handed to the core and not ended: written, or waiting to be. */
  readonly callsInFlight: number;
  /** Calls handed to the core so far, each attempt counted. */
  readonly callsTotal: number;
  /** Request bytes waiting to be written. */
  readonly queuedBytes: number;
  /** Request bytes waiting for a connection. */
  readonly waitingBytes: number;
  /** All memory the core holds for this channel's calls, partly received replies included. */
  readonly nativeBytes: number;
  /** Attempts to connect that succeeded. */
  readonly connects: number;
  /** Attempts to connect that failed. */
  readonly connectFailures: number;
  /** Replies to calls that had been cancelled or had timed out. */
  readonly lateReplies: number;
  /** Malformed replies, each of which closed its connection, and replies over `maxFrameBytes`, which only failed their calls. */
  readonly framesRejected: number;
}

/** The timeout of a call that has none. No deadline is sent to its server (native/core/grpc/request_block.h). */
export const noTimeoutMs = 2 ** 31 - 1;

export interface ClientTransport {
  addMethod(method: MethodInfo): number;
  addEndpoint(
    name: string,
    addresses: readonly string[],
  ): { readonly number: number; readonly links: number };
  connect(endpoint: number): void;
  setAddresses(endpoint: number, addresses: readonly string[]): void;
  /** Sets the context of connections made from now on. Only for a channel that was made with TLS. */
  setTls(context: TlsContext): void;
  /**
   * Ends the calls that wait for a connection to an endpoint, with CANCELLED; calls that are sent continue. Only the io
   * threads know which are sent: the state of a connection that JavaScript knows may be out of date.
   */
  releaseWaiting(endpoint: number): void;
  /** Fails its calls with CANCELLED; resolves when everything is released. */
  removeEndpoint(endpoint: number): Promise<void>;
  /**
   * Begins a call and sends its only request. `metadata` is in the form of the protocol. `compressed`, with gRPC: the
   * encoded bytes are compressed in the format that the metadata names.
   */
  start(
    call: PendingCall,
    endpoint: number,
    method: number,
    timeoutMs: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    msgId: string,
    compressed?: boolean,
  ): void;
  /**
   * Like start(), for a call whose requests stream: message() sends each, halfClose() says that there are no more. The
   * call begins with `streamRoomBytes` of room. Only with `protocol: 'grpc'`.
   */
  open(
    call: PendingCall,
    endpoint: number,
    method: number,
    timeoutMs: number,
    metadata: string,
    msgId: string,
  ): void;
  /**
   * Sends a request of a call that was begun by open() and has not ended. Returns the length of its payload, which
   * takes that room and `messageHeadBytes` more. @throws the error of encoding; the call stays as it was.
   */
  message(call: PendingCall, encoder: Encoder, value: unknown, compressed?: boolean): number;
  /** No more requests; once, unless the call has ended. */
  halfClose(call: PendingCall): void;
  /**
   * For a call whose replies stream and that has not ended: this many bytes of replies, each with `messageHeadBytes`,
   * have been taken, so the server may send as many more. Reported in steps, as in ServerTransport.taken().
   */
  taken(call: PendingCall, bytes: number): void;
  /** Drops a call that has not ended. With gRPC it resets the stream. */
  cancel(call: PendingCall): void;
  /** The call just started does not keep the process alive (true), or it has ended (false). */
  setBackground?(begins: boolean): void;
  /** After the last endpoint is removed. */
  close(): void;
  stats(): ClientTransportStats;
}

/** The protocols of a channel's connections. */
export type ClientProtocol = 'tinypb' | 'grpc';

export interface ClientTransportOptions {
  /** The protocol of its connections. */
  readonly protocol: ClientProtocol;
  /** For gRPC: the `:authority` of requests; '': the name of the endpoint. */
  readonly authority: string;
  readonly ioThreads: number;
  readonly connections: number;
  readonly shortConnections: boolean;
  readonly maxFrameBytes: number;
  /** Longest reply by gRPC. */
  readonly maxMessageBytes: number;
  readonly maxMetadataBytes: number;
  readonly maxBufferedReplyBytes: number;
  readonly maxWriteQueueBytes: number;
  readonly frameTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly firstBackoffMs: number;
  readonly longestBackoffMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** For gRPC. */
  readonly keepaliveWithoutCalls: boolean;
  readonly serialConnections: number;
  readonly checksum: boolean;
  readonly peerIsRocketRpc: boolean;
  /** Undefined: no TLS. */
  readonly tls: ClientTlsSettings | undefined;
}

export type ClientTransportFactory = (
  options: ClientTransportOptions,
  receiver: ClientReceiver,
) => ClientTransport;
