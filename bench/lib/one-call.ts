import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { grpcMessage, orderBody } from './grpc-message.ts';

const orderId = '20230514';
const callTimeoutMs = 10_000;

/** One Order.makeOrder in TinyPB on a connection of its own; rejects when the reply is not the benches' one. */
export async function callTinypb(port: number): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setTimeout(callTimeoutMs, () => socket.destroy(new Error('no reply')));
  try {
    socket.write(tinypbRequest());
    let reply = Buffer.alloc(0);
    while (reply.length < 5 || reply.length < reply.readUInt32BE(1)) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      reply = Buffer.concat([reply, chunk]);
    }
    if (!reply.includes(orderId)) throw new Error(`an unexpected reply: ${reply.toString('hex')}`);
  } finally {
    socket.destroy();
  }
}

/** One Order.makeOrder in gRPC on a connection of its own; rejects unless it ends in grpc-status 0 with the benches' reply. */
export async function callGrpc(port: number, { tls = false } = {}): Promise<void> {
  const session = http2.connect(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
  });
  const failed = once(session, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/Order/makeOrder',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.setTimeout(callTimeoutMs, () => stream.destroy(new Error('no reply')));
    const trailers = once(stream, 'trailers') as Promise<[http2.IncomingHttpHeaders]>;
    trailers.catch(() => {});
    stream.end(grpcMessage(orderBody(100)));
    const chunks: Buffer[] = [];
    const read = (async () => {
      for await (const chunk of stream) chunks.push(chunk as Buffer);
    })();
    await Promise.race([read, failed]);
    const [{ 'grpc-status': status }] = await Promise.race([trailers, failed]);
    const reply = Buffer.concat(chunks);
    if (status !== '0' || !reply.includes(orderId))
      throw new Error(`grpc-status ${status}, ${reply.length} bytes`);
  } finally {
    session.destroy();
  }
}

function tinypbRequest(): Buffer {
  const sized = (bytes: Uint8Array): Buffer => Buffer.concat([int32(bytes.length), bytes]);
  const fields = Buffer.concat([
    sized(Buffer.from('cold-start-00000001')),
    sized(Buffer.from('Order.makeOrder')),
    int32(0),
    int32(0),
    orderBody(100),
    int32(1),
  ]);
  return Buffer.concat([Buffer.of(0x02), int32(fields.length + 6), fields, Buffer.of(0x03)]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
