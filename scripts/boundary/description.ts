// The boundary between JavaScript and the core, said once. `npm run boundary` makes the files that both sides use from it;
// the hash of everything here but `about` is compared when the binary is loaded.

export interface Entry {
  readonly name: string;
  readonly value: number;
  readonly about?: string;
}

/** What a word, or a few words, of one kind of event means. The generators know the type in both languages. */
export type FieldType =
  | 'server' // its number
  | 'endpoint' // its number
  | 'link' // index of one of an endpoint's connections
  | 'call' // CallId
  | 'handle' // CallHandle
  | 'method' // its number
  | 'bytes'
  | 'time' // milliseconds on the inbox's clock
  | 'status' // the status word
  | 'statusAndOwn' // the status word, and the number that the protocol has for the status
  | 'linkState'
  | 'payload'
  | 'text'
  | 'head' // peer, msg_id and metadata, elsewhere
  | 'flags';

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly about?: string;
}

export interface EventKindEntry extends Entry {
  readonly fields: readonly Field[];
}

/** A word that commands of one kind have besides those of every command. */
export interface CommandWord {
  readonly name: string;
  readonly word: string;
}

export interface CommandKindEntry extends Entry {
  readonly own: readonly CommandWord[];
}

const server: Field = { name: 'server', type: 'server' };
const endpoint: Field = { name: 'endpoint', type: 'endpoint' };
const call: Field = { name: 'call', type: 'call' };
const handle: Field = { name: 'handle', type: 'handle' };
const payload: Field = { name: 'payload', type: 'payload' };
const flags: Field = { name: 'flags', type: 'flags' };

/** Words of an event: what the io threads tell JavaScript. What a word means is said by kind. */
export const eventWords = [
  { name: 'kind', value: 0 },
  { name: 'owner', value: 1, about: 'server or endpoint number' },
  { name: 'idLow', value: 2, about: "call id, the client's call handle, or a connection" },
  { name: 'idHigh', value: 3, about: 'generation' },
  { name: 'code', value: 4, about: 'by kind' },
  { name: 'timeMs', value: 5 },
  { name: 'payloadAt', value: 6 },
  { name: 'payloadBytes', value: 7 },
  { name: 'textAt', value: 8 },
  { name: 'textBytes', value: 9 },
  { name: 'flags', value: 10 },
  { name: 'last', value: 11, about: 'by kind' },
] as const satisfies Entry[];

export const eventKinds: readonly EventKindEntry[] = [
  {
    name: 'request',
    value: 1,
    about: 'server: a call to handle',
    fields: [
      server,
      call,
      { name: 'method', type: 'method' },
      { name: 'deadlineMs', type: 'time', about: "on the inbox's clock" },
      payload,
      { name: 'head', type: 'head' },
      flags,
    ],
  },
  {
    name: 'abort',
    value: 2,
    about: 'server: a delivered call was answered natively or lost its peer',
    fields: [server, call, { name: 'status', type: 'status' }],
  },
  {
    name: 'serverClosed',
    value: 3,
    about: 'server: it has released everything on all io threads',
    fields: [server],
  },
  {
    name: 'reply',
    value: 4,
    about: 'client: a call succeeded',
    fields: [endpoint, handle, payload, { name: 'text', type: 'text' }, flags],
  },
  {
    name: 'failure',
    value: 5,
    about: 'client: a call ended with a status',
    fields: [
      endpoint,
      handle,
      { name: 'status', type: 'statusAndOwn' },
      { name: 'text', type: 'text', about: 'the message of the error' },
      flags,
    ],
  },
  {
    name: 'endpointState',
    value: 6,
    about: 'client: the state of one connection to an endpoint has changed',
    fields: [
      endpoint,
      { name: 'link', type: 'link' },
      { name: 'state', type: 'linkState' },
      { name: 'text', type: 'text', about: 'why it failed' },
    ],
  },
  {
    name: 'endpointClosed',
    value: 7,
    about: 'client: one connection of an endpoint has released everything',
    fields: [endpoint, { name: 'link', type: 'link' }],
  },
  {
    name: 'log',
    value: 8,
    about: 'server: a line for its log',
    fields: [server, { name: 'text', type: 'text' }],
  },
  {
    name: 'message',
    value: 9,
    about: 'server: one more message of a request that streams',
    fields: [server, call, payload, flags],
  },
  { name: 'halfClose', value: 10, about: 'server: no more messages will come', fields: [server, call] },
  {
    name: 'room',
    value: 11,
    about: 'server: so many more bytes of messages may be sent',
    fields: [server, call, { name: 'bytes', type: 'bytes' }],
  },
  {
    name: 'replyHeaders',
    value: 12,
    about: 'client: the metadata before the replies of a call',
    fields: [endpoint, handle, { name: 'text', type: 'text' }],
  },
  {
    name: 'replyMessage',
    value: 13,
    about: 'client: one reply of a call; more, or its end, follow',
    fields: [endpoint, handle, payload, flags],
  },
  {
    name: 'callEnd',
    value: 14,
    about: 'client: the end of a call of which more was told before, or whose end has metadata',
    fields: [
      endpoint,
      handle,
      { name: 'status', type: 'statusAndOwn' },
      { name: 'payload', type: 'payload', about: 'the metadata behind the replies' },
      { name: 'text', type: 'text', about: 'the message of the error' },
      flags,
    ],
  },
  {
    name: 'requestRoom',
    value: 15,
    about: 'client: so many more bytes of requests may be sent',
    fields: [endpoint, handle, { name: 'bytes', type: 'bytes' }],
  },
  {
    name: 'serverCheck',
    value: 16,
    about: 'client: the handshake of a connection waits for whether its server is the right one',
    fields: [
      endpoint,
      { name: 'link', type: 'link' },
      { name: 'question', type: 'bytes', about: 'its number' },
      { name: 'payload', type: 'payload', about: 'the certificate' },
    ],
  },
];

export const eventFlags: readonly Entry[] = [
  { name: 'largePayload', value: 1, about: 'the payload is the next large block of the batch' },
  { name: 'requestWritten', value: 2, about: 'failure: the whole request had been handed to the kernel' },
  { name: 'asciiText', value: 4, about: 'every string in the payload is known to be ASCII' },
  { name: 'grpc', value: 8, about: "request: its metadata, and that of its reply, is in gRPC's form" },
  { name: 'open', value: 16, about: 'request: without a message; message and halfClose follow' },
  {
    name: 'compressed',
    value: 32,
    about: "the payload is: in gzip's format, or with deflate in that of zlib",
  },
  { name: 'deflate', value: 64 },
  { name: 'takesGzip', value: 128, about: 'request: its peer reads replies in that format' },
  { name: 'takesDeflate', value: 256, about: 'request: likewise' },
];

/** Words of a command: what JavaScript asks of the io threads. */
export const commandWords = [
  { name: 'kind', value: 0 },
  { name: 'idLow', value: 1, about: 'call id, or call handle' },
  { name: 'idHigh', value: 2, about: 'generation' },
  { name: 'code', value: 3, about: 'by kind' },
  { name: 'method', value: 4, about: 'by kind' },
  { name: 'timeoutMs', value: 5 },
  { name: 'payloadAt', value: 6 },
  { name: 'payloadBytes', value: 7 },
  { name: 'textAt', value: 8 },
  { name: 'textBytes', value: 9 },
  { name: 'flags', value: 10 },
  {
    name: 'moreBytes',
    value: 11,
    about: 'directly behind the text: the msg_id of a call, trailers of an answer',
  },
] as const satisfies Entry[];

const statusOfCall: readonly CommandWord[] = [
  { name: 'status', word: 'code' },
  { name: 'own', word: 'method' },
];

export const commandKinds: readonly CommandKindEntry[] = [
  {
    name: 'reply',
    value: 1,
    about: 'answer a server call with all of a single reply, and let go of it',
    own: statusOfCall,
  },
  {
    name: 'release',
    value: 2,
    about: 'let go of a server call: one that was aborted, or that expired before its handler was started',
    own: [],
  },
  {
    name: 'call',
    value: 3,
    about: 'start a client call',
    own: [
      { name: 'endpoint', word: 'code' },
      { name: 'method', word: 'method' },
      { name: 'timeoutMs', word: 'timeoutMs' },
    ],
  },
  { name: 'cancel', value: 4, about: 'forget a client call', own: [] },
  { name: 'message', value: 5, about: 'one message of the answer to a server call', own: [] },
  { name: 'finish', value: 6, about: 'the end of such an answer', own: statusOfCall },
  { name: 'headers', value: 7, about: 'the metadata of an answer, before its first message', own: [] },
  {
    name: 'taken',
    value: 8,
    about: 'bytes of a request that streams have been handled: its peer may send as many more',
    own: [{ name: 'bytes', word: 'code' }],
  },
  { name: 'requestMessage', value: 9, about: 'one request of a client call that was opened', own: [] },
  { name: 'requestEnd', value: 10, about: 'the end of such requests', own: [] },
  {
    name: 'repliesTaken',
    value: 11,
    about: 'bytes of replies that stream have been handled: their server may send as many more',
    own: [{ name: 'bytes', word: 'code' }],
  },
];

export const commandFlags: readonly Entry[] = [
  { name: 'largePayload', value: 1, about: 'the payload is the next of the large blocks' },
  { name: 'compressed', value: 2, about: "the payload is, by the encoding that the answer's metadata names" },
  { name: 'open', value: 4, about: 'call: without a message; requestMessage and requestEnd follow' },
];

export const statusCodes: readonly Entry[] = [
  'ok',
  'cancelled',
  'unknown',
  'invalidArgument',
  'deadlineExceeded',
  'notFound',
  'alreadyExists',
  'permissionDenied',
  'resourceExhausted',
  'failedPrecondition',
  'aborted',
  'outOfRange',
  'unimplemented',
  'internal',
  'unavailable',
  'dataLoss',
  'unauthenticated',
].map((name, value) => ({ name, value }));

export const statusReasons: readonly Entry[] = [
  { name: 'none', value: 0 },
  { name: 'noService', value: 1, about: 'there is no service of that name' },
  { name: 'noMethod', value: 2, about: 'the service has no method of that name' },
  { name: 'noName', value: 3, about: 'the requested name is not a method name' },
  { name: 'unreadable', value: 4, about: 'the message cannot be parsed' },
  { name: 'peerGone', value: 5, about: 'nobody waits for the answer any more' },
];

export const linkStates: readonly Entry[] = [
  { name: 'idle', value: 0, about: 'connects when a call comes' },
  { name: 'connecting', value: 1 },
  { name: 'ready', value: 2 },
  { name: 'failed', value: 3, about: 'pauses before the next attempt; calls fail' },
  { name: 'closed', value: 4 },
];

/** lib/contract/define-service.ts has them in this order. */
export const methodKinds: readonly Entry[] = [
  { name: 'unary', value: 0 },
  { name: 'clientStream', value: 1 },
  { name: 'serverStream', value: 2 },
  { name: 'bidi', value: 3 },
];

/** A status word: the code in the low byte, then the reason in one byte, then the bit of a refusal. */
export const statusWordNumbers: readonly Entry[] = [
  { name: 'reasonShift', value: 8 },
  { name: 'refusedBit', value: 1 << 16, about: 'the request has certainly not been started' },
];

/** Numbers of calls and messages that lib/rpc needs as well. */
export const streamNumbers: readonly Entry[] = [
  {
    name: 'streamRoomBytes',
    value: 64 * 1024,
    about:
      'What a peer may be sent of one call before there is more room: bytes of messages and the overhead of each.',
  },
  { name: 'messageOverhead', value: 5, about: 'Bytes that each message takes of that room besides its own.' },
  {
    name: 'takenStepBytes',
    value: 32 * 1024,
    about: 'The core is told what a reader has taken in steps of at least this: half of the smallest window.',
  },
];

export const slabNumbers: readonly Entry[] = [
  { name: 'stringWords', value: 2, about: 'Offset and length of each string that comes with a batch.' },
  {
    name: 'largePayloadBytes',
    value: 64 * 1024,
    about: 'Payloads over this size cross in a block of their own.',
  },
  {
    name: 'headPlaceBits',
    value: 16,
    about:
      "Bits of a request's head for the offset in a string of heads; the bits above are the number of that string.",
  },
  {
    name: 'slotBits',
    value: 24,
    about: "A call id's low word is the io thread above this many bits of slot number.",
  },
];

/**
 * The head of a request: the offset of the peer in the string of heads, then two lengths, two bytes each, low byte
 * first; then the msg_id and the metadata. A peer is one byte with its length, then the peer.
 */
export const requestHead: readonly Entry[] = [
  { name: 'peerAt', value: 0 },
  { name: 'msgIdBytes', value: 2 },
  { name: 'metadataBytes', value: 4 },
  { name: 'fixedBytes', value: 6 },
];

/** The first words of a thread's log buffer; behind `controlBytes` are its two halves. */
export const logWords: readonly Entry[] = [
  { name: 'active', value: 0, about: 'the half being filled: 0 or 1' },
  { name: 'busy', value: 1, about: '0, or 1 + the half the thread is writing a line into' },
  { name: 'bytes', value: 2, about: 'of whole lines in half 0; half 1 follows' },
  { name: 'lines', value: 4, about: 'in half 0; half 1 follows' },
  { name: 'dropped', value: 6, about: 'lines, since the buffer was made' },
];
export const logControlBytes = 64;

/** lib/log/levels.ts has the same numbers: pino's. */
export const logLevels: readonly Entry[] = [
  { name: 'trace', value: 10 },
  { name: 'debug', value: 20 },
  { name: 'info', value: 30 },
  { name: 'warn', value: 40 },
  { name: 'error', value: 50 },
  { name: 'fatal', value: 60 },
];

/** lib/addon/log-buffer.ts has them in this order. */
export const logPolicies: readonly Entry[] = [
  { name: 'dropNewest', value: 0, about: 'the line is dropped' },
  { name: 'dropOldest', value: 1, about: 'the lines in the half being filled are dropped' },
  {
    name: 'block',
    value: 2,
    about: 'the thread waits for room, at most flush_timeout; then the line is dropped',
  },
];
