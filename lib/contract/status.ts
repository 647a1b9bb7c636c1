import { statusBits, statusReason } from './boundary.ts';

/**
 * The statuses of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), by name: each value is its own name,
 * as in `error.code` and in options that list statuses.
 */
export const Status = Object.freeze({
  /** Not an error; never in an RpcError. */
  OK: 'OK',
  /** Cancelled by the caller, or the server or channel was closed. */
  CANCELLED: 'CANCELLED',
  /** An application's error with its own number (`wireCode`). */
  UNKNOWN: 'UNKNOWN',
  /** The request is invalid regardless of the system's state, or cannot be parsed. */
  INVALID_ARGUMENT: 'INVALID_ARGUMENT',
  /** No answer in time; the operation may have been done. */
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  /** The requested thing does not exist. */
  NOT_FOUND: 'NOT_FOUND',
  /** The thing to be created already exists. */
  ALREADY_EXISTS: 'ALREADY_EXISTS',
  /** The caller may not do this. */
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  /** A limit was reached; the message names the option. */
  RESOURCE_EXHAUSTED: 'RESOURCE_EXHAUSTED',
  /** The system is not in the required state; repeating does not help. */
  FAILED_PRECONDITION: 'FAILED_PRECONDITION',
  /** A conflict; the caller may retry at a higher level. */
  ABORTED: 'ABORTED',
  /** Past the valid range. */
  OUT_OF_RANGE: 'OUT_OF_RANGE',
  /** No such service or method, or the method streams. */
  UNIMPLEMENTED: 'UNIMPLEMENTED',
  /** A bug, or a handler that threw something other than an RpcError. */
  INTERNAL: 'INTERNAL',
  /** No server could be reached, or the server is closing; worth repeating. */
  UNAVAILABLE: 'UNAVAILABLE',
  /** Data is permanently lost or damaged. */
  DATA_LOSS: 'DATA_LOSS',
  /** The caller is not authenticated. */
  UNAUTHENTICATED: 'UNAUTHENTICATED',
} as const);

/** A status by its name; `code` of RpcError. */
export type StatusName = keyof typeof Status;

/** The gRPC number of a status that is an error: the values of grpc-js's `status`. */
export type StatusNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;

/** The names in the order of their gRPC numbers. */
export const statusNames = Object.keys(Status) as readonly StatusName[];

/** The gRPC number of each status, 0 to 16: for metrics, or for code that also uses gRPC. */
export const statusNumbers = Object.freeze(
  Object.fromEntries(statusNames.map((name, number) => [name, number])),
) as Readonly<Record<StatusName, number>>;

/** Wire codes of C++ rocket (common/error_code.h) and the status each stands for; docs/wire-protocol.md, "Error codes". */
const fromCpp: ReadonlyMap<number, StatusName> = new Map([
  [10000000, 'UNAVAILABLE'],
  [10000001, 'UNAVAILABLE'],
  [10000002, 'UNAVAILABLE'],
  [10000003, 'INVALID_ARGUMENT'],
  [10000004, 'INTERNAL'],
  [10000005, 'INTERNAL'],
  [10000006, 'INTERNAL'],
  [10000007, 'DEADLINE_EXCEEDED'],
  [10000008, 'UNIMPLEMENTED'],
  [10000009, 'UNIMPLEMENTED'],
  [10000010, 'UNIMPLEMENTED'],
  [10000011, 'INTERNAL'],
  [10000012, 'UNAVAILABLE'],
]);

const wireCode = { callTimeout: 10000007, statusBase: 20000000, refusedBase: 20000100 } as const;

/** The status that a wire code maps to; a code of neither family is an application's own: UNKNOWN. */
export function statusOfWireCode(code: number): StatusName {
  const cpp = fromCpp.get(code);
  if (cpp !== undefined) return cpp;
  const ours = code - (isRefusal(code) ? wireCode.refusedBase : wireCode.statusBase);
  return ours >= 1 && ours <= 16 ? statusNames[ours]! : 'UNKNOWN';
}

/** Whether the code says that the server has certainly not started to handle the request (docs/decisions/0015). */
export function isRefusal(code: number): boolean {
  return code > wireCode.refusedBase && code <= wireCode.refusedBase + 16;
}

/** The wire code that is sent for a status. */
export function wireCodeOfStatus(status: StatusName): number {
  return status === 'DEADLINE_EXCEEDED' ? wireCode.callTimeout : wireCode.statusBase + statusNumbers[status];
}

export { statusReason };
export type StatusReason = (typeof statusReason)[keyof typeof statusReason];

const { reasonShift, refusedBit } = statusBits;

/** A status as transports have it, in one word: its number in the low byte, a reason, whether the request was refused. */
export function statusWord(
  status: StatusName,
  reason: StatusReason = statusReason.none,
  refused = false,
): number {
  return statusNumbers[status] | (reason << reasonShift) | (refused ? refusedBit : 0);
}

/** The status of such a word; UNKNOWN if its number is not a status. */
export function statusOfWord(word: number): StatusName {
  return statusNames[word & 0xff] ?? 'UNKNOWN';
}

export function reasonOfWord(word: number): number {
  return (word >> reasonShift) & 0xff;
}

/** The wire code of such a word, unless the protocol has received another one. */
export function wireCodeOfWord(word: number): number {
  const refused = (word & refusedBit) !== 0;
  return refused ? wireCode.refusedBase + (word & 0xff) : wireCodeOfStatus(statusOfWord(word));
}

export function isStatusName(text: unknown): text is StatusName {
  return typeof text === 'string' && Object.hasOwn(Status, text);
}
