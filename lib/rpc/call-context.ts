import type { Compression } from '../contract/compression.ts';
import type { Metadata } from '../contract/metadata.ts';
import type { CallLog } from '../log/logger.ts';
import type { Peer } from './peer.ts';

/** What a handler knows about its call. Valid until the handler has settled; afterwards only for reading. */
export interface CallContext {
  /** `Service.method`. */
  readonly method: string;
  /**
   * Aborts when the deadline passes, the peer disconnects or the server closes; its reason is an RpcError. A peer that
   * only closes its sending side may still read, so it has not disconnected.
   */
  readonly signal: AbortSignal;
  /** The time at which the caller stops waiting. */
  readonly deadline: Date;
  /** Milliseconds until the deadline, at least 0. */
  readonly timeRemainingMs: number;
  /** The metadata of the request. */
  readonly metadata: Metadata;
  /**
   * Sent before the first reply; not sent if the call fails before it. TinyPB sends it only if the request had metadata
   * or a deadline, which is true for every rocket-rpc client.
   */
  readonly responseMetadata: Metadata;
  /** Sent after the last reply, or with the error, of a gRPC call. TinyPB sends it together with `responseMetadata`. */
  readonly trailers: Metadata;
  /**
   * Sends `responseMetadata` now, before there is a reply; what is set afterwards is not sent. Does nothing the second
   * time, and in a TinyPB call.
   *
   * @throws TypeError or RangeError for metadata that gRPC cannot carry.
   */
  sendHeaders(): void;
  /**
   * The compression of the request of a gRPC call; in a stream, of the request taken last. `'identity'`: not
   * compressed.
   */
  readonly requestCompression: Compression;
  /**
   * The compression of the replies of a gRPC call from now on. Default: the server's option `compression`. Reads as
   * `'identity'` if the caller does not accept the compression that was set. A message that would not get shorter is
   * sent uncompressed.
   *
   * @throws TypeError for any other value; Error, once the headers have been sent, for a compression that they do not
   * declare.
   */
  responseCompression: Compression;
  /**
   * Attempts of the call that its client made before this one, by its retry or hedging policy. Always 0 with TinyPB.
   */
  readonly previousAttempts: number;
  /** The caller: its address, and its certificate over TLS. */
  readonly peer: Peer;
  /**
   * The trace id: msg_id of a TinyPB request; of a gRPC call its `x-request-id`, or a new UUID. Calls made with `{
   * parent: ctx }` carry it with a suffix.
   */
  readonly msgId: string;
  /** The server's logger with `msgId` and `method` of this call in every line. */
  readonly log: CallLog;
}
