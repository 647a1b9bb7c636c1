/** The canonical status codes of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusName = keyof typeof Status;

const names = Object.keys(Status) as StatusName[];

/** Wire codes of C++ rocket (common/error_code.h) and the status each stands for; wire.md, "Error codes". */
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

export const wireCode = {
  failedDeserialize: 10000003,
  callTimeout: 10000007,
  statusBase: 20000000,
  refusedBase: 20000100,
} as const;

/** The status a wire code stands for; a code of neither family is the application's own: UNKNOWN. */
export function statusOfWireCode(code: number): StatusName {
  const cpp = fromCpp.get(code);
  if (cpp !== undefined) return cpp;
  const ours = code - (isRefusal(code) ? wireCode.refusedBase : wireCode.statusBase);
  return ours >= 1 && ours <= 16 ? names[ours]! : 'UNKNOWN';
}

/** Whether it comes from a server that has certainly not begun to handle the request (docs/decisions/0015). */
export function isRefusal(code: number): boolean {
  return code > wireCode.refusedBase && code <= wireCode.refusedBase + 16;
}

/** The wire code that is sent for a status. */
export function wireCodeOfStatus(status: StatusName): number {
  return status === 'DEADLINE_EXCEEDED' ? wireCode.callTimeout : wireCode.statusBase + Status[status];
}

export function isStatusName(text: unknown): text is StatusName {
  return typeof text === 'string' && Object.hasOwn(Status, text);
}
