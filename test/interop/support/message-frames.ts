import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';

/** A message as gRPC frames it: a byte that tells whether it is compressed, its length, its bytes. */
export interface Message {
  readonly compressed: boolean;
  /** Not compressed. */
  readonly body: Uint8Array;
}

/** Names in `grpc-encoding`. */
export const encodings = ['gzip', 'deflate'] as const;
export type Encoding = (typeof encodings)[number];

const headBytes = 5;

/** An encoding is needed for what is compressed. */
export function frameOf({ compressed, body }: Message, encoding: Encoding | undefined): Buffer {
  const sent = compressed ? compress(body, encoding) : body;
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(sent.length, 1);
  return Buffer.concat([head, sent]);
}

/** Messages of a stream of bytes, each as soon as it is whole. Throws when the stream ends inside one. */
export async function* messagesIn(
  chunks: AsyncIterable<Uint8Array>,
  encoding: () => string | undefined,
): AsyncGenerator<Message> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= headBytes && rest.length >= headBytes + rest.readUInt32BE(1)) {
      const end = headBytes + rest.readUInt32BE(1);
      const compressed = rest[0] === 1;
      const body = rest.subarray(headBytes, end);
      yield { compressed, body: compressed ? decompress(body, encoding()) : body };
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) throw new Error(`${rest.length} bytes of a message that is not whole`);
}

function compress(body: Uint8Array, encoding: Encoding | undefined): Buffer {
  if (encoding === 'gzip') return gzipSync(body);
  if (encoding === 'deflate') return deflateSync(body);
  throw new Error('to compress a message takes an encoding');
}

function decompress(body: Uint8Array, encoding: string | undefined): Buffer {
  if (encoding === 'gzip') return gunzipSync(body);
  if (encoding === 'deflate') return inflateSync(body);
  throw new Error(`a compressed message, and grpc-encoding ${encoding}`);
}
