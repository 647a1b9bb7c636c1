// Compressed requests and replies of unary calls, kept apart from the path of all other calls.

import type { CompressionFormat } from '../contract/compression.ts';
import { EncodedBytes, encodedAside } from '../contract/encoded-bytes.ts';
import type { ServerTransport } from '../contract/transport.ts';
import { compressed, decompressed, type MessageLimit } from './compression.ts';
import type { ServerCall } from './server-call.ts';
import type { MethodHandler } from './service-handlers.ts';

/** The server's calls, of which a compressed call is one. */
export interface CallsHost {
  readonly transport: ServerTransport;
  readonly requestLimit: MessageLimit;
  /** Calls the handler. */
  run(call: ServerCall, method: MethodHandler, request: unknown): void;
  /** Ends the call, because its request cannot be read. */
  refuse(call: ServerCall, error: unknown): void;
  fail(call: ServerCall, error: unknown): void;
  unsent(call: ServerCall, error: unknown): unknown;
  forget(call: ServerCall): void;
}

/** `bytes`: the request as it arrived, valid only until this returns. */
export function runCompressed(host: CallsHost, call: ServerCall, method: MethodHandler, bytes: Buffer): void {
  const format = call.requestCompression === 'deflate' ? 'deflate' : 'gzip';
  try {
    const opened = decompressed(bytes, format, host.requestLimit, () => !call.ended);
    if (!(opened instanceof Promise)) return runOpened(host, call, method, opened);
    opened.then(
      (later) => runOpened(host, call, method, later),
      (error: unknown) => refuse(host, call, error),
    );
  } catch (error) {
    refuse(host, call, error);
  }
}

function runOpened(
  host: CallsHost,
  call: ServerCall,
  method: MethodHandler,
  bytes: Buffer | undefined,
): void {
  if (call.ended || bytes === undefined) return;
  let request: unknown;
  try {
    request = call.definition.request.decode(bytes, 0, bytes.length, undefined);
  } catch (error) {
    return host.refuse(call, error);
  }
  host.run(call, method, request);
}

function refuse(host: CallsHost, call: ServerCall, error: unknown): void {
  if (!call.ended) host.refuse(call, error);
}

/** Sends the reply of a call that has a replyFormat. */
export function replyCompressed(host: CallsHost, call: ServerCall, value: unknown): void {
  const format = call.replyFormat!;
  try {
    const plain = encodedAside(call.definition.response, value);
    const result = compressed(plain.bytes, format, () => !call.ended);
    if (!(result instanceof Promise)) return reply(host, call, plain, result, format);
    result.then(
      (bytes) => reply(host, call, plain, bytes, format),
      (error: unknown) => host.fail(call, host.unsent(call, error)),
    );
  } catch (error) {
    host.fail(call, host.unsent(call, error));
  }
}

function reply(
  host: CallsHost,
  call: ServerCall,
  plain: EncodedBytes,
  bytes: Buffer | undefined,
  format: CompressionFormat,
): void {
  if (call.ended) return;
  const isCompressed = bytes !== undefined;
  const body = isCompressed ? new EncodedBytes(bytes) : plain;
  try {
    const metadata = call.encodedResponseMetadata(isCompressed ? format : undefined);
    const trailers = call.encodedTrailers();
    host.transport.reply(call.low, call.high, body, undefined, metadata, trailers, isCompressed);
  } catch (error) {
    return host.fail(call, host.unsent(call, error));
  }
  host.forget(call);
}
