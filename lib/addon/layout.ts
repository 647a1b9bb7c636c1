/** The numbers of the boundary; native/core/rpc/event.h and outbox.h hold the other copy, and loading the binary compares the two. */

import { statusReason, statusWord } from '../contract/status.ts';
import { requestFlag } from '../contract/transport.ts';

/** A descriptor of the Inbox: what the io threads tell JavaScript. */
export const event = {
  words: 12,
  kind: 0,
  owner: 1,
  idLow: 2,
  idHigh: 3,
  /** Method number, status word (lib/contract/status.ts), state or bytes, by kind. */
  code: 4,
  timeMs: 5,
  payloadAt: 6,
  payloadBytes: 7,
  textAt: 8,
  textBytes: 9,
  flags: 10,
  /** Of a request. */
  head: 11,
  /** Of a failure: the number that the protocol has for its status. */
  own: 11,
} as const;

/** Bits of `event.head` for the offset in a string of heads; the bits above are the number of that string. */
export const headPlaceBits = 16;

export const eventKind = {
  request: 1,
  abort: 2,
  serverClosed: 3,
  reply: 4,
  failure: 5,
  endpointState: 6,
  endpointClosed: 7,
  log: 8,
  message: 9,
  halfClose: 10,
  room: 11,
} as const;

export const eventFlag = {
  largePayload: 1,
  requestWritten: 2,
  asciiText: 4,
  /** A request of a method whose requests stream: it has no payload. */
  open: 16,
  ...requestFlag,
} as const;

/** Offset and length of each string that comes with a batch. */
export const stringWords = 2;

/** A descriptor of the Outbox: what JavaScript asks of the io threads. */
export const command = {
  words: 12,
  kind: 0,
  idLow: 1,
  idHigh: 2,
  /** Status word, endpoint number or bytes, by kind. */
  code: 3,
  /** Of a call. */
  method: 4,
  /** Of a reply that is an error: the application's own number. */
  own: 4,
  timeoutMs: 5,
  payloadAt: 6,
  payloadBytes: 7,
  textAt: 8,
  textBytes: 9,
  flags: 10,
  /** Of what stands behind the text: the msg_id of a call, the trailers of an answer. */
  moreBytes: 11,
} as const;

export const commandKind = {
  reply: 1,
  release: 2,
  call: 3,
  cancel: 4,
  message: 5,
  finish: 6,
  headers: 7,
  taken: 8,
} as const;

export const commandFlag = { largePayload: 1 } as const;

/** Bodies over this many bytes cross in a buffer of their own. */
export const largePayloadBytes = 64 * 1024;

/** A call id's low word is the io thread above this many bits of slot number. */
export const slotBits = 24;

/** A thread's log buffer: its first words (native/core/log/buffer.h), then its two halves. */
export const logBuffer = {
  controlBytes: 64,
  active: 0,
  busy: 1,
  /** Of half 0; half 1 follows. */
  bytes: 2,
  lines: 4,
  dropped: 6,
} as const;

/** The values compared when the binary is loaded. */
export const layoutNumbers = {
  eventWords: event.words,
  commandWords: command.words,
  stringWords,
  lastEventKind: eventKind.room,
  lastEventFlag: eventFlag.compressed,
  lastCommandKind: commandKind.taken,
  largePayloadBytes,
  headPlaceBits,
  slotBits,
  lastStatusReason: statusReason.peerGone,
  refusedStatus: statusWord('OK', statusReason.none, true),
  logControlBytes: logBuffer.controlBytes,
} as const;
