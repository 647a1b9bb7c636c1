import {
  type ClientSessionOptions,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** A message as it is on the wire. */
export interface WireMessage {
  readonly compressed: boolean;
  readonly body: Buffer;
}

/** What a server sent. */
export interface GrpcAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly messages: readonly WireMessage[];
  /** `grpc-status`; NaN: the stream was reset. */
  readonly status: number;
  /** `grpc-message`. */
  readonly text: string;
  /** Of the headers too, where the answer is nothing else. */
  readonly trailers: IncomingHttpHeaders;
}

export type Format = 'gzip' | 'deflate';

export function pack(format: Format, body: Uint8Array): Buffer {
  return format === 'gzip' ? gzipSync(body) : deflateSync(body);
}

/** With the five bytes in front that gRPC has. */
export function frame(body: Uint8Array, flag = 0): Buffer {
  const head = Buffer.from([flag, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** A message whose field 1 is that string. */
export function textMessage(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = [0x0a];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...head, rest]), bytes]);
}

/** The reverse, of a message that may be compressed; '' without the field. */
export function textIn(message: WireMessage | undefined, format?: Format): string | undefined {
  if (message === undefined) return undefined;
  const { compressed, body } = message;
  const bytes = !compressed ? body : format === 'gzip' ? gunzipSync(body) : inflateSync(body);
  let at = 1;
  while (at < bytes.length && bytes[at]! > 0x7f) at++;
  return bytes.toString('utf8', at + 1);
}

/** A client that sends and shows bytes as they are; closed when the test ends. */
export function bareGrpc(address: string, options: ClientSessionOptions = {}) {
  const session = connect(`http://${address}`, options);
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());

  /** Each chunk leaves in DATA of its own. */
  return async (
    path: string,
    chunks: readonly Uint8Array[],
    more: OutgoingHttpHeaders = {},
    signal?: AbortSignal,
  ): Promise<GrpcAnswer> => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...more,
    });
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const received: Buffer[] = [];
    stream.on('response', (fields) => {
      headers = fields;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.on('data', (bytes: Buffer) => received.push(bytes));
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    stream.on('error', () => undefined);
    signal?.addEventListener('abort', () => stream.close(constants.NGHTTP2_CANCEL));
    for (const chunk of chunks) {
      if (stream.closed || stream.destroyed || stream.writableEnded) break;
      await new Promise<void>((resolve) => stream.write(chunk, () => resolve()));
    }
    stream.end();
    await closed;
    const end = trailers['grpc-status'] === undefined ? headers : trailers;
    const wasReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR && end['grpc-status'] === undefined;
    return {
      headers,
      trailers: end,
      messages: messagesIn(Buffer.concat(received)),
      status: wasReset ? Number.NaN : Number(end['grpc-status']),
      text: decodeURIComponent(String(end['grpc-message'] ?? '')),
    };
  };
}

function messagesIn(bytes: Buffer): WireMessage[] {
  const messages: WireMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push({ compressed: bytes[at] === 1, body: bytes.subarray(at + 5, end) });
    at = end;
  }
  return messages;
}
