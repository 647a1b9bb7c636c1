import { fromLong, longOf } from './int64.ts';
import type { MessageType } from './message-type.ts';
import { misfit } from './misfit.ts';

interface Timestamp {
  readonly seconds?: unknown;
  readonly nanos?: number;
}

export const timestampName = 'google.protobuf.Timestamp';

/** The range of a Timestamp: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z. */
const [earliest, latest] = [-62_135_596_800_000, 253_402_300_799_999];

/**
 * The Date for a Timestamp read by protobufjs, to the millisecond. @throws RangeError for a time outside the range of
 * Date.
 */
export function dateOf(timestamp: object): Date {
  const { seconds, nanos } = timestamp as Timestamp;
  const date = new Date(Number(fromLong(seconds, 'bigint')) * 1000 + Math.floor((nanos ?? 0) / 1e6));
  if (Number.isNaN(date.getTime())) throw new RangeError('a Timestamp is outside the range of a Date');
  return date;
}

/** The value that protobufjs writes for a Date. @throws Misfit for an invalid Date or one out of range. */
export function timestampOf(date: Date): Record<string, unknown> {
  const time = Date.prototype.getTime.call(date);
  if (!(time >= earliest && time <= latest)) {
    throw misfit('a valid Date of the years 1 to 9999', Number.isNaN(time) ? Number.NaN : date);
  }
  const seconds = Math.floor(time / 1000);
  return { seconds: longOf(BigInt(seconds), false), nanos: (time - seconds * 1000) * 1e6 };
}

/** The fields of Timestamp, for generated code that uses Dates and so has no type for it. */
export const timestampType: Pick<MessageType, 'fullName' | 'prototype' | 'fields'> = {
  fullName: timestampName,
  prototype: {},
  fields: () => [
    { name: 'seconds', shape: 'single', kind: { is: 'long', unsigned: false } },
    { name: 'nanos', shape: 'single', kind: { is: 'int', unsigned: false } },
  ],
};
