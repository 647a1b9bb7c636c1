import type { CompressionFormat } from '../contract/compression.ts';
import { encodedAside } from '../contract/encoded-bytes.ts';
import { RpcError } from '../contract/errors.ts';
import type { CallRequest } from './client-call.ts';
import { compressed, shortBytes } from './compression.ts';
import { encodedMethod } from './encoded-method.ts';
import { isMarked, shorterOf } from './uncompressed.ts';

/**
 * Counts the requests of a channel that wait for a thread to compress them, including those of calls that have ended.
 */
export class BytesToCompress {
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** @throws RpcError if too many bytes wait; a single request is always accepted. */
  add(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#mostBytes) {
      const text = 'too many request bytes wait to be compressed (option maxQueuedBytes)';
      throw new RpcError('RESOURCE_EXHAUSTED', text, { requestWritten: false });
    }
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * Encodes and compresses the request of a call with a single one. Undefined: done; otherwise the call has to wait for
 * the promise. Without a `call` that could wait, a long request is sent uncompressed. @throws the error of encoding,
 * and RpcError if too many bytes wait already.
 */
export function compressRequest(
  what: CallRequest,
  format: CompressionFormat,
  call: { readonly ended: boolean } | undefined,
  waiting: BytesToCompress,
): Promise<void> | undefined {
  const isWhole = isMarked(what.request);
  const plain = encodedAside(what.method.request, what.request);
  what.method = encodedMethod(what.method);
  const set = (bytes: Buffer | undefined): void => {
    what.request = shorterOf(plain, bytes);
    what.isCompressed = bytes !== undefined;
  };
  set(undefined);
  const { length } = plain.bytes;
  const isLong = length > shortBytes;
  if (isWhole || call?.ended === true || (isLong && call === undefined)) return undefined;
  if (isLong) waiting.add(length);
  const result = compressed(plain.bytes, format, () => call?.ended !== true);
  if (result instanceof Promise) return result.finally(() => waiting.remove(length)).then(set);
  set(result);
  return undefined;
}
