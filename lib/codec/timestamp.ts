import { fromLong, toLong } from './int64.ts';

interface Timestamp {
  readonly seconds?: unknown;
  readonly nanos?: number;
}

/** A google.protobuf.Timestamp, as protobufjs has read it, to the millisecond. */
export function dateOf(timestamp: object): Date {
  const { seconds, nanos } = timestamp as Timestamp;
  return new Date(Number(fromLong(seconds, 'bigint')) * 1000 + Math.floor((nanos ?? 0) / 1e6));
}

/** What protobufjs writes for a Date; NaN, which verify() refuses by the field's name, for what is none. */
export function timestampOf(date: unknown): unknown {
  if (!(date instanceof Date)) return Number.NaN;
  const time = date.getTime();
  if (Number.isNaN(time)) return Number.NaN;
  const seconds = Math.floor(time / 1000);
  return { seconds: toLong(seconds, false), nanos: (time - seconds * 1000) * 1e6 };
}
