// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.

/** What a status leaves open, and a transport says more exactly. */
export const statusReason = {
  none: 0,
  /** There is no service of that name. */
  noService: 1,
  /** The service has no method of that name. */
  noMethod: 2,
  /** The requested name is not a method name. */
  noName: 3,
  /** The message cannot be parsed. */
  unreadable: 4,
  /** Nobody waits for the answer any more. */
  peerGone: 5,
} as const;

/** A status word: the code in the low byte, then the reason in one byte, then the bit of a refusal. */
export const statusBits = {
  reasonShift: 8,
  /** The request has certainly not been started. */
  refusedBit: 65_536,
} as const;

/** State of one of an endpoint's connections. */
export const linkState = {
  /** Connects when a call comes. */
  idle: 0,
  connecting: 1,
  ready: 2,
  /** Pauses before the next attempt; calls fail. */
  failed: 3,
  closed: 4,
} as const;

/** Bits of the flags of a request, or of a message of a stream. */
export const requestFlag = {
  /** Request: its metadata, and that of its reply, is in gRPC's form. */
  grpc: 8,
  /** Request: without a message; message and halfClose follow. */
  open: 16,
  /** The payload is: in gzip's format, or with deflate in that of zlib. */
  compressed: 32,
  deflate: 64,
  /** Request: its peer reads replies in that format. */
  takesGzip: 128,
  /** Request: likewise. */
  takesDeflate: 256,
} as const;

/** What a peer may be sent of one call before there is more room: bytes of messages and the overhead of each. */
export const streamRoomBytes = 65_536;

/** Bytes that each message takes of that room besides its own. */
export const messageOverhead = 5;

/** The core is told what a reader has taken in steps of at least this: half of the smallest window. */
export const takenStepBytes = 32_768;
