import type { RpcError } from '../contract/errors.ts';
import { retryPushbackKey } from '../contract/grpc-metadata.ts';

const longestPushbackMs = 2 ** 31 - 1;

/** The server asks not to repeat the call. */
export const neverRepeat = -1;

/**
 * The pause before the next attempt that the server of a failed one asks for (gRFC A6), in milliseconds; neverRepeat,
 * also for an invalid value; undefined if it asks for none.
 */
export function pushbackMs({ metadata }: RpcError): number | undefined {
  if (!metadata.has(retryPushbackKey)) return undefined;
  const [text, another] = metadata.getAll(retryPushbackKey);
  if (another !== undefined || text === undefined || !/^(?:0|[1-9]\d{0,9})$/.test(text)) return neverRepeat;
  const ms = Number(text);
  return ms <= longestPushbackMs ? ms : neverRepeat;
}
