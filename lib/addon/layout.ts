// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.

/** Compared when the binary is loaded. */
export const boundaryHash = 83_631_955;

/** A descriptor of the Inbox: what the io threads tell JavaScript. `words` is its size. */
export const event = {
  words: 12,
  kind: 0,
  payloadAt: 6,
  payloadBytes: 7,
  textAt: 8,
  textBytes: 9,
  flags: 10,
} as const;

export const eventKind = {
  /** Server: a call to handle. */
  request: 1,
  /** Server: a delivered call was answered natively or lost its peer. */
  abort: 2,
  /** Server: it has released everything on all io threads. */
  serverClosed: 3,
  /** Client: a call succeeded. */
  reply: 4,
  /** Client: a call ended with a status. */
  failure: 5,
  /** Client: the state of one connection to an endpoint has changed. */
  endpointState: 6,
  /** Client: one connection of an endpoint has released everything. */
  endpointClosed: 7,
  /** Server: a line for its log. */
  log: 8,
  /** Server: one more message of a request that streams. */
  message: 9,
  /** Server: no more messages will come. */
  halfClose: 10,
  /** Server: so many more bytes of messages may be sent. */
  room: 11,
  /** Client: the metadata before the replies of a call. */
  replyHeaders: 12,
  /** Client: one reply of a call; more, or its end, follow. */
  replyMessage: 13,
  /** Client: the end of a call of which more was told before, or whose end has metadata. */
  callEnd: 14,
  /** Client: so many more bytes of requests may be sent. */
  requestRoom: 15,
  /** Client: the handshake of a connection waits for whether its server is the right one. */
  serverCheck: 16,
} as const;

/** Server: a call to handle. */
export const requestEvent = {
  server: 1,
  callLow: 2,
  callHigh: 3,
  method: 4,
  deadlineMs: 5,
  payloadAt: 6,
  payloadBytes: 7,
  flags: 10,
  head: 11,
} as const;

/** Server: a delivered call was answered natively or lost its peer. */
export const abortEvent = {
  server: 1,
  callLow: 2,
  callHigh: 3,
  status: 4,
} as const;

/** Server: it has released everything on all io threads. */
export const serverClosedEvent = {
  server: 1,
} as const;

/** Client: a call succeeded. */
export const replyEvent = {
  endpoint: 1,
  handleIndex: 2,
  handleGeneration: 3,
  payloadAt: 6,
  payloadBytes: 7,
  textAt: 8,
  textBytes: 9,
  flags: 10,
} as const;

/** Client: a call ended with a status. */
export const failureEvent = {
  endpoint: 1,
  handleIndex: 2,
  handleGeneration: 3,
  status: 4,
  textAt: 8,
  textBytes: 9,
  flags: 10,
  own: 11,
} as const;

/** Client: the state of one connection to an endpoint has changed. */
export const endpointStateEvent = {
  endpoint: 1,
  link: 2,
  state: 4,
  textAt: 8,
  textBytes: 9,
} as const;

/** Client: one connection of an endpoint has released everything. */
export const endpointClosedEvent = {
  endpoint: 1,
  link: 2,
} as const;

/** Server: a line for its log. */
export const logEvent = {
  server: 1,
  textAt: 8,
  textBytes: 9,
} as const;

/** Server: one more message of a request that streams. */
export const messageEvent = {
  server: 1,
  callLow: 2,
  callHigh: 3,
  payloadAt: 6,
  payloadBytes: 7,
  flags: 10,
} as const;

/** Server: no more messages will come. */
export const halfCloseEvent = {
  server: 1,
  callLow: 2,
  callHigh: 3,
} as const;

/** Server: so many more bytes of messages may be sent. */
export const roomEvent = {
  server: 1,
  callLow: 2,
  callHigh: 3,
  bytes: 4,
} as const;

/** Client: the metadata before the replies of a call. */
export const replyHeadersEvent = {
  endpoint: 1,
  handleIndex: 2,
  handleGeneration: 3,
  textAt: 8,
  textBytes: 9,
} as const;

/** Client: one reply of a call; more, or its end, follow. */
export const replyMessageEvent = {
  endpoint: 1,
  handleIndex: 2,
  handleGeneration: 3,
  payloadAt: 6,
  payloadBytes: 7,
  flags: 10,
} as const;

/** Client: the end of a call of which more was told before, or whose end has metadata. */
export const callEndEvent = {
  endpoint: 1,
  handleIndex: 2,
  handleGeneration: 3,
  status: 4,
  payloadAt: 6,
  payloadBytes: 7,
  textAt: 8,
  textBytes: 9,
  flags: 10,
  own: 11,
} as const;

/** Client: so many more bytes of requests may be sent. */
export const requestRoomEvent = {
  endpoint: 1,
  handleIndex: 2,
  handleGeneration: 3,
  bytes: 4,
} as const;

/** Client: the handshake of a connection waits for whether its server is the right one. */
export const serverCheckEvent = {
  endpoint: 1,
  link: 2,
  question: 4,
  payloadAt: 6,
  payloadBytes: 7,
} as const;

export const eventFlag = {
  /** The payload is the next large block of the batch. */
  largePayload: 1,
  /** Failure: the whole request had been handed to the kernel. */
  requestWritten: 2,
  /** Every string in the payload is known to be ASCII. */
  asciiText: 4,
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

/** A descriptor of the Outbox: what JavaScript asks of the io threads. `words` is its size. */
export const command = {
  words: 12,
  kind: 0,
  /** Call id, or call handle. */
  idLow: 1,
  /** Generation. */
  idHigh: 2,
  /** By kind. */
  code: 3,
  payloadAt: 6,
  payloadBytes: 7,
  textAt: 8,
  textBytes: 9,
  flags: 10,
  /** Directly behind the text: the msg_id of a call, trailers of an answer. */
  moreBytes: 11,
} as const;

export const commandKind = {
  /** Answer a server call with all of a single reply, and let go of it. */
  reply: 1,
  /** Let go of a server call: one that was aborted, or that expired before its handler was started. */
  release: 2,
  /** Start a client call. */
  call: 3,
  /** Forget a client call. */
  cancel: 4,
  /** One message of the answer to a server call. */
  message: 5,
  /** The end of such an answer. */
  finish: 6,
  /** The metadata of an answer, before its first message. */
  headers: 7,
  /** Bytes of a request that streams have been handled: its peer may send as many more. */
  taken: 8,
  /** One request of a client call that was opened. */
  requestMessage: 9,
  /** The end of such requests. */
  requestEnd: 10,
  /** Bytes of replies that stream have been handled: their server may send as many more. */
  repliesTaken: 11,
} as const;

/** Answer a server call with all of a single reply, and let go of it. */
export const replyCommand = {
  status: 3,
  own: 4,
} as const;

/** Start a client call. */
export const callCommand = {
  endpoint: 3,
  method: 4,
  timeoutMs: 5,
} as const;

/** The end of such an answer. */
export const finishCommand = {
  status: 3,
  own: 4,
} as const;

/** Bytes of a request that streams have been handled: its peer may send as many more. */
export const takenCommand = {
  bytes: 3,
} as const;

/** Bytes of replies that stream have been handled: their server may send as many more. */
export const repliesTakenCommand = {
  bytes: 3,
} as const;

export const commandFlag = {
  /** The payload is the next of the large blocks. */
  largePayload: 1,
  /** The payload is, by the encoding that the answer's metadata names. */
  compressed: 2,
  /** Call: without a message; requestMessage and requestEnd follow. */
  open: 4,
} as const;

/** Offset and length of each string that comes with a batch. */
export const stringWords = 2;

/** Payloads over this size cross in a block of their own. */
export const largePayloadBytes = 65_536;

/** Bits of a request's head for the offset in a string of heads; the bits above are the number of that string. */
export const headPlaceBits = 16;

/** A call id's low word is the io thread above this many bits of slot number. */
export const slotBits = 24;

/** The head of a request in a string of heads (request-heads.ts). */
export const requestHead = {
  peerAt: 0,
  msgIdBytes: 2,
  metadataBytes: 4,
  fixedBytes: 6,
} as const;

/** The first words of a thread's log buffer; its two halves follow. */
export const logBuffer = {
  controlBytes: 64,
  /** The half being filled: 0 or 1. */
  active: 0,
  /** 0, or 1 + the half the thread is writing a line into. */
  busy: 1,
  /** Of whole lines in half 0; half 1 follows. */
  bytes: 2,
  /** In half 0; half 1 follows. */
  lines: 4,
  /** Lines, since the buffer was made. */
  dropped: 6,
} as const;
