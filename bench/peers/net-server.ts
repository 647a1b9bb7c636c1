/**
 * The yardstick of the benches: a TinyPB server as fast as plain node:net allows. It leaves out what our server does
 * besides (checksums, deadlines, metadata, timeouts), so no figure against it flatters us.
 *
 * Each choice was measured against its alternatives with rocket_loadgen: one buffer for all replies of a flush (corked
 * writes cost over a third more at 20 calls in flight), copying short fields in a loop (a fifth less than Buffer.copy), and
 * above all writing at the end of the loop turn. FLUSH=microtask writes at the end of the microtask turn instead.
 *
 * PORT chooses the port (default 0: any). Prints "listening PORT".
 */
import net from 'node:net';
import protobuf from 'protobufjs';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { emptyFrameBytes, FrameSplitter, ProtocolError, readInt32 } from './frame-splitter.ts';
import { type Method, type MethodTable, orderService, wireCode } from './order-service.ts';
import { ReplyBatch } from './reply-batch.ts';

const endByte = 0x03;
const noBody = new Uint8Array(0);
/** Used between an encode and the copy of its bytes, with nothing awaited in between. */
const writer = protobuf.Writer.create();

/** Gathers the connections that have replies to write and flushes them together. */
class FlushTurn {
  readonly #alwaysMicrotask: boolean;
  #due: Connection[] = [];
  openConnections = 0;

  constructor(alwaysMicrotask: boolean) {
    this.#alwaysMicrotask = alwaysMicrotask;
  }

  /**
   * With several connections the writes wait until all readable sockets of this loop turn have been read. Clients
   * then get their replies, and send their next requests, together, so a loop turn finds more to do: it halves the
   * CPU time of a call with 50 connections. A lone connection has nobody to wait for.
   */
  add(connection: Connection): void {
    if (this.#due.push(connection) > 1) return;
    if (this.#alwaysMicrotask || this.openConnections === 1) queueMicrotask(this.#flush);
    else setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const connection of due) connection.flush();
  };
}

class Connection {
  readonly #socket: net.Socket;
  readonly #methods: MethodTable;
  readonly #turn: FlushTurn;
  readonly #splitter = new FrameSplitter((bytes, start, end) => this.#onFrame(bytes, start, end));
  readonly #replies = new ReplyBatch();
  #running = 0;
  #peerEnded = false;

  constructor(socket: net.Socket, methods: MethodTable, turn: FlushTurn) {
    this.#socket = socket;
    this.#methods = methods;
    this.#turn = turn;
    turn.openConnections += 1;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => socket.resume());
    socket.on('end', () => {
      this.#peerEnded = true;
      this.flush();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      turn.openConnections -= 1;
    });
  }

  flush(): void {
    if (this.#socket.destroyed) return;
    const batch = this.#replies.take();
    // A peer that does not read its replies gets no more requests read.
    if (batch !== undefined && !this.#socket.write(batch)) this.#socket.pause();
    if (this.#peerEnded && this.#running === 0) this.#socket.end();
  }

  #onData(chunk: Buffer): void {
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#socket.destroy();
    }
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    const msgIdAt = start + 5;
    let left = end - start - emptyFrameBytes;
    const msgIdBytes = fieldBytes(bytes, msgIdAt, left);
    left -= msgIdBytes;
    const methodAt = msgIdAt + 4 + msgIdBytes;
    const methodBytes = fieldBytes(bytes, methodAt, left);
    left -= methodBytes;
    const methodEnd = methodAt + 4 + methodBytes;
    const errInfoBytes = fieldBytes(bytes, methodEnd + 4, left);
    if (bytes[end - 1] !== endByte) throw new ProtocolError('a frame does not end with 0x03');

    const method = this.#methods.find(bytes, methodAt + 4, methodEnd);
    if (typeof method === 'number') {
      this.#reply(bytes, msgIdAt, methodEnd, method, noBody, 0);
      return;
    }
    const request = decode(method, bytes, methodEnd + 8 + errInfoBytes, end - 5);
    if (request === undefined) {
      this.#reply(bytes, msgIdAt, methodEnd, wireCode.failedDeserialize, noBody, 0);
      return;
    }
    void this.#call(method, request, bytes, msgIdAt, methodEnd);
  }

  async #call(
    method: Method,
    request: object,
    bytes: Buffer,
    echoStart: number,
    echoEnd: number,
  ): Promise<void> {
    this.#running += 1;
    try {
      const response = await method.handler(request);
      writer.reset();
      method.responseType.encode(response, writer);
      this.#reply(bytes, echoStart, echoEnd, 0, writer.buf, writer.pos);
    } catch {
      this.#reply(bytes, echoStart, echoEnd, wireCode.internal, noBody, 0);
    } finally {
      this.#running -= 1;
    }
  }

  #reply(
    bytes: Buffer,
    echoStart: number,
    echoEnd: number,
    errCode: number,
    body: Uint8Array,
    bodyBytes: number,
  ): void {
    if (this.#replies.isEmpty) this.#turn.add(this);
    this.#replies.add(bytes, echoStart, echoEnd, errCode, body, bodyBytes);
  }
}

function fieldBytes(bytes: Buffer, at: number, left: number): number {
  const size = readInt32(bytes, at);
  if (size < 0 || size > left) throw new ProtocolError('a field reaches past its frame');
  return size;
}

/** Undefined for bytes that are not the message. */
function decode(method: Method, bytes: Buffer, start: number, end: number): object | undefined {
  const reader = protobuf.Reader.create(bytes);
  reader.pos = start;
  // Without it a length in the message could reach into the frames behind.
  reader.len = end;
  try {
    return method.requestType.decode(reader);
  } catch {
    return undefined;
  }
}

collectOnSignal();
const methods = orderService();
const turn = new FlushTurn(process.env.FLUSH === 'microtask');
const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  new Connection(socket, methods, turn);
});
// The backlog is that of our server: with node:net's own 511 a burst of connections is partly dropped.
server.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(`listening ${(server.address() as net.AddressInfo).port}`);
});
