import type { CompressionFormat } from '../contract/compression.ts';
import { encodedAside } from '../contract/encoded-bytes.ts';
import type { CallRequest } from './client-call.ts';
import { compressed, shortBytes } from './compression.ts';
import { encodedMethod } from './encoded-method.ts';
import { isMarked, shorterOf } from './uncompressed.ts';

/**
 * Encodes the one request of a call, compressed. Undefined: done; a promise is to be waited for, unless there is no `call` that
 * could: then a long one is sent as it is. @throws the error of encoding.
 */
export function compressRequest(
  what: CallRequest,
  format: CompressionFormat,
  call: { readonly ended: boolean } | undefined,
): Promise<void> | undefined {
  const isWhole = isMarked(what.request);
  const plain = encodedAside(what.method.request, what.request);
  what.method = encodedMethod(what.method);
  const set = (bytes: Buffer | undefined): void => {
    what.request = shorterOf(plain, bytes);
    what.isCompressed = bytes !== undefined;
  };
  set(undefined);
  if (isWhole || call?.ended === true || (call === undefined && plain.bytes.length > shortBytes))
    return undefined;
  const result = compressed(plain.bytes, format, () => call?.ended !== true);
  if (result instanceof Promise) return result.then(set);
  set(result);
  return undefined;
}
