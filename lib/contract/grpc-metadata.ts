// Metadata of gRPC between JavaScript and the core (native/core/grpc/metadata.h): a NUL, then for each value its key, a
// NUL, the value, a NUL. Values of -bin keys are base64. Metadata received by gRPC begins with the NUL even when it is
// empty.

import { base64Of } from './metadata-value.ts';

const nul = '\0';
/** The values that gRPC allows. Peers would strip spaces at the ends. */
const valuePattern = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
/** Keys of the protocol itself, read by the code that makes errors of them. */
const hiddenKeys: ReadonlySet<string> = new Set(['grpc-status-details-bin']);

/** Keys that HTTP/2 and gRPC set themselves. */
const reservedKeys: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The key by which a server says when to repeat a call (gRFC A6): milliseconds; any other value than a whole number
 * from 0 means never.
 */
export const retryPushbackKey = 'grpc-retry-pushback-ms';
/** The key for the number of attempts of the call before this one. */
export const previousAttemptsKey = 'grpc-previous-rpc-attempts';

/** Whether metadata of a request, as the transport has it, came by gRPC. */
export function isGrpcForm(text: string): boolean {
  return text.startsWith(nul);
}

/** The first value of a key in such a text, as it was sent. */
export function grpcValueOf(text: string, key: string): string | undefined {
  if (!text.includes(key)) return undefined;
  const parts = text.split(nul);
  for (let at = 1; at + 1 < parts.length; at += 2) if (parts[at] === key) return parts[at + 1];
  return undefined;
}

/** The text with one more pair, whose key may be one of the protocol's own. */
export function withGrpcPair(text: string, key: string, value: string): string {
  return `${text === '' ? nul : text}${key}${nul}${value}${nul}`;
}

/** Adds the pairs of such a text. A value of a -bin key that is not base64 is left out. */
export function addGrpcPairs(
  text: string,
  add: (key: string, value: string, isBinary: boolean) => void,
): void {
  const parts = text.split(nul);
  for (let at = 1; at + 1 < parts.length; at += 2) {
    const key = parts[at]!;
    const value = parts[at + 1]!;
    if (hiddenKeys.has(key)) continue;
    if (!key.endsWith('-bin')) add(key, value, false);
    // A proxy may have joined several values.
    else for (const one of value.split(',')) add(key, one.trim(), true);
  }
}

/**
 * `open`: a key that is allowed although it begins with `grpc-`.
 *
 * @throws TypeError for a key that gRPC uses itself, and for a value that it cannot carry.
 */
export function grpcTextOf(pairs: Iterable<readonly [string, string | Uint8Array]>, open?: string): string {
  let text = '';
  for (const [key, value] of pairs) {
    if (reservedKeys.has(key) || (key.startsWith('grpc-') && key !== open))
      throw new TypeError(`metadata key ${key}: gRPC uses it itself`);
    if (typeof value === 'string' && !valuePattern.test(value))
      throw new TypeError(
        `the metadata value of ${key} is not printable ASCII, or begins or ends with a space, which gRPC cannot carry; use a key that ends in -bin`,
      );
    text += key + nul + (typeof value === 'string' ? value : base64Of(value, 'base64')) + nul;
  }
  return text === '' ? '' : nul + text;
}

/** The pairs of two such texts; those of the second replace pairs with the same key. */
export function withGrpcPairs(text: string, more: string): string {
  if (text === '' || more === '') return text === '' ? more : text;
  const replaced = new Set(more.split(nul).filter((_, at) => at % 2 === 1));
  const parts = text.split(nul);
  let kept = '';
  for (let at = 1; at + 1 < parts.length; at += 2)
    if (!replaced.has(parts[at]!)) kept += `${nul}${parts[at]!}${nul}${parts[at + 1]!}`;
  return kept + more;
}

/**
 * Adds the id of a call as `x-request-id`, since gRPC has no field for it, unless `text` has one already; '': there is
 * no id.
 */
export function withRequestId(text: string, id: string): string {
  if (id === '' || text.includes(`${nul}x-request-id${nul}`)) return text;
  return `${text === '' ? nul : text}x-request-id${nul}${id}${nul}`;
}
