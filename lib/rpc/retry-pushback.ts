import type { RpcError } from '../contract/errors.ts';
import { retryPushbackKey } from '../contract/grpc-metadata.ts';

const longestPushbackMs = 2 ** 31 - 1;

/** The server does not want the call to be repeated. */
export const neverRepeat = -1;

/**
 * What the server of a failed attempt says of the next one (gRFC A6): after so many milliseconds; neverRepeat, also for what is
 * no such number; undefined if it says nothing.
 */
export function pushbackMs({ metadata }: RpcError): number | undefined {
  if (!metadata.has(retryPushbackKey)) return undefined;
  const [text, another] = metadata.getAll(retryPushbackKey);
  if (another !== undefined || text === undefined || !/^(?:0|[1-9]\d{0,9})$/.test(text)) return neverRepeat;
  const ms = Number(text);
  return ms <= longestPushbackMs ? ms : neverRepeat;
}
