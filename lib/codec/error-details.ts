import { types } from 'node:util';
import { type DetailType, type ErrorDetail, mostDetails } from '../contract/error-details.ts';
import type { Failure } from '../contract/errors.ts';
import { grpcValueOf, withGrpcPair } from '../contract/grpc-metadata.ts';
import { base64Of, bytesOfBase64 } from '../contract/metadata-value.ts';
import { kindOf, messageOf } from '../contract/value-text.ts';
import { type DetailCodec, detailCodecs } from './error-detail-types.ts';
import type { MessageField, MessageType } from './message-type.ts';

/**
 * Together with the longest metadata and message this is still less than the core can send (kMostListBytes, 64 KiB).
 */
export const maxDetailsBytes = 32 * 1024;

const detailsKey = 'grpc-status-details-bin';
const typePrefix = 'type.googleapis.com/google.rpc.';
/** The limit of a google.protobuf.Duration. */
const longestSeconds = 315_576_000_000;

interface Any {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/**
 * Adds the details of a failure to trailers in the form of grpc-metadata.ts, if there are any that can be sent. They
 * come last, where the core finds them if the trailers are too long for the client. `onDropped` is called for details
 * that cannot be sent, with the reason. Never throws.
 */
export function withDetails(
  trailers: string,
  { status, message, details }: Failure,
  onDropped: (what: string) => void,
): string {
  try {
    if (!Array.isArray(details) || details.length === 0) return trailers;
    const anys: Any[] = [];
    const length = Math.min(details.length, mostDetails);
    for (let at = 0; at < length; at++) {
      try {
        anys.push(anyOf(details[at]));
      } catch (error) {
        onDropped(`details[${at}]: ${messageOf(error)}`);
      }
    }
    if (anys.length === 0) return trailers;
    const bytes = encoded(detailCodecs().status, { code: status & 0xff, message, details: anys });
    if (bytes.length <= maxDetailsBytes) return withGrpcPair(trailers, detailsKey, base64Of(bytes, 'base64'));
    onDropped(`${bytes.length} bytes; at most ${maxDetailsBytes} are sent`);
  } catch (error) {
    onDropped(messageOf(error));
  }
  return trailers;
}

/** @throws an error that says why the detail cannot be sent. */
function anyOf(detail: unknown): Any {
  if (typeof detail !== 'object' || detail === null)
    throw new TypeError(`an object is needed, not ${kindOf(detail)}`);
  const { type } = detail as Readonly<Record<string, unknown>>;
  if (type === undefined) {
    const { typeUrl, value } = detail as Readonly<Record<string, unknown>>;
    if (typeof typeUrl === 'string' && types.isUint8Array(value)) {
      if (value.length + typeUrl.length <= maxDetailsBytes) return { typeUrl, value };
      throw new RangeError(`${value.length} bytes; at most ${maxDetailsBytes} are sent`);
    }
    throw new TypeError(
      'without a type it needs a typeUrl, which is a string, and a value, which is a Uint8Array',
    );
  }
  const codec = detailCodecs().byType.get(type as DetailType);
  if (codec === undefined) throw new TypeError(`there is no type ${kindOf(type)}`);
  const { type: _, ...fields } = detail as Readonly<Record<string, unknown>>;
  const message = type === 'RetryInfo' ? withDuration(fields) : fields;
  return { typeUrl: `${typePrefix}${type as DetailType}`, value: encoded(codec, message) };
}

function encoded({ codec }: DetailCodec, message: object): Uint8Array {
  const room = Buffer.allocUnsafeSlow(1024);
  const end = codec.encodeInto(message, room, 0);
  return end === -1 ? codec.spilled() : room.subarray(0, end);
}

function withDuration({ retryDelayMs, ...others }: Readonly<Record<string, unknown>>): object {
  if (typeof retryDelayMs !== 'number' || !(Math.abs(retryDelayMs) <= longestSeconds * 1000))
    throw new TypeError(`RetryInfo.retryDelayMs is a number of milliseconds, not ${kindOf(retryDelayMs)}`);
  const seconds = Math.trunc(retryDelayMs / 1000);
  const nanos = Math.round((retryDelayMs - seconds * 1000) * 1e6);
  return { ...others, retryDelay: { seconds, nanos } };
}

/**
 * The details in the trailers of a failed call, which are in the form of grpc-metadata.ts. A detail that cannot be
 * decoded is returned undecoded; a list that is malformed as a whole has none. Never throws.
 */
export function errorDetailsIn(trailers: string): readonly ErrorDetail[] {
  const text = grpcValueOf(trailers, detailsKey);
  const bytes = text === undefined ? undefined : bytesOfBase64(text);
  if (bytes === undefined) return [];
  try {
    const { status } = detailCodecs();
    const { details } = decoded(status, bytes) as { readonly details: readonly Any[] };
    return details.slice(0, mostDetails).map(detailOf);
  } catch {
    return [];
  }
}

function detailOf({ typeUrl, value }: Any): ErrorDetail {
  const type = typeUrl.startsWith(typePrefix) ? typeUrl.slice(typePrefix.length) : '';
  const codec = detailCodecs().byType.get(type as DetailType);
  if (codec !== undefined) {
    try {
      const fields = decoded(codec, value);
      return { type, ...(type === 'RetryInfo' ? withoutDuration(fields) : fields) } as ErrorDetail;
    } catch {
      // The detail stays undecoded.
    }
  }
  return { typeUrl, value: new Uint8Array(value) };
}

function decoded({ codec, type }: DetailCodec, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return plain(codec.decode(buffer, 0, buffer.length), type);
}

/** A plain object of the fields: fields that were not sent have their defaults, and optional ones are left out. */
function plain(message: unknown, type: MessageType): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { name, shape, kind } of type.fields()) {
    const value = (message as Record<string, unknown>)[name];
    if (value === null || value === undefined) continue;
    if (kind.is !== 'message') result[name] = copied(value, shape);
    else if (shape === 'repeated') result[name] = (value as unknown[]).map((item) => plain(item, kind.type));
    else result[name] = plain(value, kind.type);
  }
  return result;
}

/** Copies lists and maps, because all messages share one empty list or map for fields that were not sent. */
function copied(value: unknown, shape: MessageField['shape']): unknown {
  if (shape === 'single') return value;
  return shape === 'map' ? { ...(value as object) } : [...(value as unknown[])];
}

function withoutDuration({ retryDelay }: Readonly<Record<string, unknown>>): object {
  const { seconds = 0n, nanos = 0 } = (retryDelay ?? {}) as {
    readonly seconds?: bigint;
    readonly nanos?: number;
  };
  return { retryDelayMs: Number(seconds) * 1000 + nanos / 1e6 };
}
