// Compresses and decompresses messages of gRPC with Node's zlib. Short messages are done synchronously, long ones on
// libuv's threads, so that they do not block the event loop (docs/decisions/0038).

import {
  deflate,
  deflateSync,
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  inflate,
  inflateSync,
  type Zlib,
  type ZlibOptions,
} from 'node:zlib';
import { type CompressionFormat, compressionOfFlags } from '../contract/compression.ts';
import { RpcError } from '../contract/errors.ts';
import { messageOf } from '../contract/value-text.ts';
import { isOutOfMemory } from './out-of-memory.ts';
import { runZlibJob } from './zlib-jobs.ts';

/** A message with at most this many bytes of input, */
export const shortBytes = 16 * 1024;
/**
 * and at most this many of output, is done synchronously: that takes 10 to 150 microseconds, and using another thread
 * would add 100.
 */
const shortOutputBytes = 64 * 1024;
const mostChunkBytes = 1024 * 1024;
/** A message of this length or less never gets shorter. */
const leastBytes = 20;
/** It takes a fifth of the CPU time of level 6, for a tenth more bytes. */
const level = 1;

/** The longest message after decompression, and which message it is, for errors. */
export interface MessageLimit {
  readonly what: 'request' | 'reply';
  readonly maxMessageBytes: number;
}

/** Why a message could not be decompressed. */
export class DecompressError extends RpcError {}

/** The format of a compressed message. */
export function formatOfFlags(flags: number): CompressionFormat {
  return compressionOfFlags(flags) === 'deflate' ? 'deflate' : 'gzip';
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: Zlib;
}

/**
 * `bytes` are used only until this returns. A promise gives undefined if the message is not wanted any more.
 *
 * @throws DecompressError, as the promise does: RESOURCE_EXHAUSTED past the limit, INTERNAL for bytes that are not of
 * the format.
 */
export function decompressed(
  bytes: Uint8Array,
  format: CompressionFormat,
  limit: MessageLimit,
  isWanted: () => boolean,
): Buffer | Promise<Buffer | undefined> {
  const most = limit.maxMessageBytes;
  if (bytes.length <= shortBytes) {
    try {
      return inflated(bytes, format, Math.min(most, shortOutputBytes));
    } catch (error) {
      if (!isTooLong(error) || most <= shortOutputBytes) throw whyNot(error, format, limit);
    }
  }
  const copy = Buffer.from(bytes);
  const options = inflateOptions(copy, most);
  const run = format === 'gzip' ? gunzip : inflate;
  return runZlibJob<Buffer>((settle) => run(copy, options, settle), isWanted)
    .then((result) => (result === undefined ? undefined : whole(result as unknown as Inflated, copy.length)))
    .catch((error: unknown) => {
      throw whyNot(error, format, limit);
    });
}

/**
 * Synchronously; for a message that is known to be short. @throws the error of zlib, or an Error if bytes follow the
 * compressed ones.
 */
export function inflated(bytes: Uint8Array, format: CompressionFormat, most: number): Buffer {
  const run = format === 'gzip' ? gunzipSync : inflateSync;
  return whole(run(bytes, inflateOptions(bytes, most)) as unknown as Inflated, bytes.length);
}

/** With `info` the result includes the engine, which has the number of bytes read. */
function inflateOptions(bytes: Uint8Array, maxOutputLength: number): ZlibOptions {
  const chunkSize = Math.min(Math.max(4 * bytes.length, 1024), mostChunkBytes);
  return { maxOutputLength, chunkSize, info: true };
}

/** zlib stops at the end of the compressed data and ignores bytes that follow it. */
function whole({ buffer, engine }: Inflated, length: number): Buffer {
  if (engine.bytesWritten === length) return buffer;
  throw new Error(`${length - engine.bytesWritten} bytes behind its end`);
}

function isTooLong(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}

function whyNot(error: unknown, format: CompressionFormat, { what, maxMessageBytes }: MessageLimit): Error {
  if (isTooLong(error))
    return new DecompressError(
      'RESOURCE_EXHAUSTED',
      `the ${what} has a message that is over ${maxMessageBytes} bytes decompressed (option maxMessageBytes)`,
    );
  if (isOutOfMemory(error) || (error as NodeJS.ErrnoException).code === 'Z_MEM_ERROR')
    return new DecompressError('RESOURCE_EXHAUSTED', `there is no memory to decompress the ${what}`);
  const name = format === 'gzip' ? 'gzip' : 'zlib (deflate)';
  return new DecompressError(
    'INTERNAL',
    `the ${what} has a message that is not ${name}: ${messageOf(error)}`,
  );
}

/**
 * Undefined: it would not get shorter, or is not wanted any more. `bytes` must stay unchanged until the promise
 * settles.
 */
export function compressed(
  bytes: Uint8Array,
  format: CompressionFormat,
  isWanted: () => boolean,
): Buffer | undefined | Promise<Buffer | undefined> {
  const { length } = bytes;
  if (length <= leastBytes) return undefined;
  const options = { level, chunkSize: Math.min(Math.max(length, 1024), mostChunkBytes) };
  if (length <= shortBytes) {
    const run = format === 'gzip' ? gzipSync : deflateSync;
    return ifShorter(run(bytes, options), length);
  }
  const run = format === 'gzip' ? gzip : deflate;
  return runZlibJob<Buffer>((settle) => run(bytes, options, settle), isWanted).then((result) =>
    ifShorter(result, length),
  );
}

function ifShorter(result: Buffer | undefined, length: number): Buffer | undefined {
  return result !== undefined && result.length < length ? result : undefined;
}
