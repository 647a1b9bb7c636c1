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
  /** When the caller stops waiting. */
  readonly deadline: Date;
  /** Milliseconds until then, at least 0. */
  readonly timeRemainingMs: number;
  /** The metadata of the request. */
  readonly metadata: Metadata;
  /**
   * Sent before the first reply, of a call that fails before it not at all. By TinyPB only if the request had metadata
   * or a deadline, which is true for every rocket-rpc client.
   */
  readonly responseMetadata: Metadata;
  /** Sent behind the last reply, or the error, of a gRPC call; by TinyPB with `responseMetadata`. */
  readonly trailers: Metadata;
  /**
   * Sends `responseMetadata` now, before there is a reply; what is set afterwards is not sent. Does nothing the second
   * time, and in a TinyPB call.
   *
   * @throws TypeError or RangeError for metadata that gRPC cannot carry.
   */
  sendHeaders(): void;
  /** How the request of a gRPC call came, of a stream the one taken last; `'identity'`: as it is. */
  readonly requestCompression: Compression;
  /**
   * How replies of a gRPC call are sent from now on. Default: the server's option `compression`. Reads as `'identity'`
   * while the caller does not take what was set. A message that would not get shorter is sent as it is.
   *
   * @throws TypeError for anything else; Error for what the headers do not say once they have been sent.
   */
  responseCompression: Compression;
  /** Attempts of the call that its client made before this one, by its retry or hedging policy; by TinyPB always 0. */
  readonly previousAttempts: number;
  /** The caller: its address, and its certificate over TLS. */
  readonly peer: Peer;
  /**
   * The trace id on the wire, of a gRPC call its `x-request-id` or a new UUID; calls made with `{ parent: ctx }` carry it
   * with a suffix.
   */
  readonly msgId: string;
  /** The server's logger with `msgId` and `method` of this call in every line. */
  readonly log: CallLog;
}
