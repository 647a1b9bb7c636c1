import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { Order, type OrderReply, type OrderRequest } from './order.ts';
import { RawPeer } from './raw-peer.ts';

const { request, response } = Order.methods.makeOrder;

/** Makes orders over TLS with grpc-js; closed when the test ends. */
export function grpcOverTls(
  address: string,
  ca: string,
  identity?: { readonly key: string; readonly cert: string },
): (order: OrderRequest) => Promise<OrderReply> {
  const [key, cert] = identity === undefined ? [] : [Buffer.from(identity.key), Buffer.from(identity.cert)];
  const client = new Client(address, credentials.createSsl(Buffer.from(ca), key, cert), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  onTestFinished(() => client.close());
  return (order) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        '/Order/makeOrder',
        encoded,
        (bytes: Buffer) => response.decode(bytes, 0, bytes.length),
        order,
        new Metadata(),
        { deadline: Date.now() + 10_000 },
        (error: ServiceError | null, reply?: OrderReply) =>
          error === null ? resolve(reply!) : reject(error),
      );
    });
}

function encoded(value: OrderRequest): Buffer {
  const room = Buffer.alloc(5 << 20);
  return room.subarray(0, request.encodeInto(value, room, 0));
}

/** A connection of node:tls to a port of 127.0.0.1; destroyed when the test ends. @throws the error of the handshake. */
export async function tlsTo(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...options });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  // A server that closes before it has read the end of the handshake resets it. What a test waits for rejects then.
  socket.on('error', () => undefined);
  return socket;
}

/** TinyPB over TLS. */
export async function rawOverTls(port: number, options: ConnectionOptions): Promise<RawPeer> {
  return new RawPeer(await tlsTo(port, { ALPNProtocols: ['tinypb'], ...options }));
}

export interface Ran {
  readonly code: number;
  readonly output: string;
}

const run = promisify(execFile);

/** Runs a program to its end; what it says on both streams. */
export async function ran(command: string, args: readonly string[], input = ''): Promise<Ran> {
  const child = run(command, args, { encoding: 'utf8', timeout: 20_000 });
  child.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await child;
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}
