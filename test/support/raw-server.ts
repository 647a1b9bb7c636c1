import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { RawPeer } from './raw-peer.ts';
import { encodeFrame, type Frame, type ReceivedFrame } from './tinypb.ts';
import { withDeadline } from './waits.ts';

/** The msg_id of the health checks that a client's core makes by itself. */
export const pingId = 'rocket-rpc-ping';

export type OnRequest = (frame: ReceivedFrame, connection: RawConnection) => void;

/** The server's end of one connection: all of `RawPeer`, and a reply that fills in what it takes from the request. */
export class RawConnection extends RawPeer {
  readonly #onRequest: OnRequest;
  readonly #answersPings: boolean;
  #requests = 0;

  constructor(socket: Socket, onRequest: OnRequest, answersPings: boolean) {
    super(socket);
    this.#onRequest = onRequest;
    this.#answersPings = answersPings;
  }

  /** Requests received on this connection, without the health checks that were answered. */
  get requests(): number {
    return this.#requests;
  }

  /** A success with an empty body under the request's id and method, and a checksum if it had one, but for `fields`. */
  reply(request: ReceivedFrame, fields: Partial<Frame> = {}): void {
    this.send(replyTo(request, fields));
  }

  protected override onFrame(frame: ReceivedFrame): void {
    if (frame.msgId === pingId && this.#answersPings) return this.reply(frame);
    this.#requests++;
    this.#onRequest(frame, this);
  }
}

export interface RawServer {
  readonly port: number;
  /** Every connection accepted so far, closed ones too, in order. */
  readonly connections: readonly RawConnection[];
  /** Stops listening and destroys every connection. */
  close(): Promise<void>;
}

export interface RawServerOptions {
  /** 0, the default, takes a free port; another is for a server that comes back at its old address. */
  port?: number;
  /** Called before the first byte is read, say to reset or to pause. */
  onConnection?: (connection: RawConnection) => void;
  /** False: the client's health checks come to `onRequest`; else they are answered, by which it knows rocket-rpc. */
  answersPings?: boolean;
}

const closeDeadlineMs = 5000;

/** A server on 127.0.0.1 that does only what `onRequest` does, beside health checks: not replying is staying silent. */
export async function startRawServer(
  onRequest: OnRequest,
  options: RawServerOptions = {},
): Promise<RawServer> {
  const connections: RawConnection[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new RawConnection(socket, onRequest, options.answersPings ?? true);
    connections.push(connection);
    options.onConnection?.(connection);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.destroy();
      await withDeadline(closed, { deadlineMs: closeDeadlineMs, what: 'the raw server to close' });
    },
  };
}

/** The bytes of `RawConnection.reply`, for a test that damages or delays them. */
export function replyTo(request: ReceivedFrame, fields: Partial<Frame> = {}): Buffer {
  return encodeFrame({
    msgId: request.msgId,
    method: request.method,
    errCode: 0,
    errInfo: '',
    body: Buffer.alloc(0),
    checksum: request.checksum === 1 ? 'none' : 'crc32c',
    ...fields,
  });
}
