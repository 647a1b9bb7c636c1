// Metadata of gRPC between JavaScript and the core (native/core/grpc/metadata.h): a NUL, then for each value its key, a
// NUL, the value, a NUL. Values of -bin keys are base64. What came by gRPC begins with the NUL even when it is empty.

import { base64Of } from './metadata-value.ts';

const nul = '\0';
/** What gRPC takes as a value; spaces at its ends would be stripped by peers. */
const valuePattern = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
/** Of the protocol: read by the code that makes errors of them. */
const hiddenKeys: ReadonlySet<string> = new Set(['grpc-status-details-bin']);

/** What HTTP/2 and gRPC say themselves. */
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

/** What a server says of when to repeat a call (gRFC A6): milliseconds; anything but a whole number from 0 on means never. */
export const retryPushbackKey = 'grpc-retry-pushback-ms';
/** How many attempts of the call there were before this one. */
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

/** Adds the pairs of such a text. A value that is not base64 where it should be is left out. */
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
 * `open`: the key that may be there although it begins with `grpc-`. @throws TypeError for a key that gRPC uses itself, and a
 * value that it cannot carry.
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

/** The pairs of one such text, and those of another in place of what has the same keys. */
export function withGrpcPairs(text: string, more: string): string {
  if (text === '' || more === '') return text === '' ? more : text;
  const replaced = new Set(more.split(nul).filter((_, at) => at % 2 === 1));
  const parts = text.split(nul);
  let kept = '';
  for (let at = 1; at + 1 < parts.length; at += 2)
    if (!replaced.has(parts[at]!)) kept += `${nul}${parts[at]!}${nul}${parts[at + 1]!}`;
  return kept + more;
}

/** Adds the id of a call, which gRPC has no place of its own for, unless `text` has one; '': none. */
export function withRequestId(text: string, id: string): string {
  if (id === '' || text.includes(`${nul}x-request-id${nul}`)) return text;
  return `${text === '' ? nul : text}x-request-id${nul}${id}${nul}`;
}
