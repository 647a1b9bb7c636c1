import {
  isRefusal,
  reasonOfWord,
  statusOfWireCode,
  statusReason,
  statusWord,
  wireCodeOfWord,
} from '../../lib/contract/status.ts';
import {
  type Encoder,
  type MethodInfo,
  requestFlag,
  type ServerReceiver,
  type ServerTransport,
  type ServerTransportOptions,
  type ServerTransportStats,
} from '../../lib/contract/transport.ts';
import type { FakeClock } from './fake-clock.ts';
import { MemoryStream, type StreamPeer, type StreamSource } from './memory-stream.ts';

/** A request as it is on the way. */
export interface MemoryRequest {
  readonly method: string;
  readonly body: Buffer;
  /** 0: the caller brings no deadline. */
  readonly timeoutMs: number;
  readonly metadata: string;
  readonly msgId: string;
  /** By gRPC: metadata is in its form. */
  readonly grpc?: boolean;
}

/** A reply as it is on the way; `text` is metadata, or the message of an error. */
export interface MemoryReply {
  readonly wireCode: number;
  readonly body: Buffer;
  readonly text: string;
  /** Metadata behind it. */
  readonly trailers?: string;
}

interface HeldCall {
  readonly request: MemoryRequest;
  readonly high: number;
  answer: ((reply: MemoryReply) => void) | undefined;
  readonly stream: StreamPeer | undefined;
  readonly cancelTimer: () => void;
}

/** The status word that a native transport makes of a wire code. */
export function wordOf(wireCode: number): number {
  const reason = wireCode === 10000000 ? statusReason.peerGone : statusReason.none;
  return statusWord(statusOfWireCode(wireCode), reason, isRefusal(wireCode));
}

const nothing = Buffer.alloc(0);
/** Encoded bodies longer than this are spilled, so that both ways of an Encoder are used. */
export const encodeRoomBytes = 256;

/** Encodes as a transport does: into memory that is not empty, and with little room. */
export function encoded(encoder: Encoder, value: unknown): Buffer {
  const room = Buffer.alloc(encodeRoomBytes + 7, 0xee);
  const end = encoder.encodeInto(value, room, 7);
  return Buffer.from(end < 0 ? encoder.spilled() : room.subarray(7, end));
}

/** The server's half of the in-memory transport. */
export class MemoryServer implements ServerTransport {
  readonly peerName = '10.0.0.1:5555';
  readonly options: ServerTransportOptions;
  /** Calls that were ended without an answer by the server. */
  ended = 0;
  closing = false;
  /** What was said of services, '' for all. */
  readonly health = new Map<string, boolean>();
  readonly #clock: FakeClock;
  readonly #methods: readonly MethodInfo[];
  readonly #receiver: ServerReceiver;
  readonly #onListen: (address: string, server: MemoryServer) => string;
  readonly #calls = new Map<number, HeldCall>();
  #slots = 0;
  #generations = 0;

  constructor(
    clock: FakeClock,
    options: ServerTransportOptions,
    methods: readonly MethodInfo[],
    receiver: ServerReceiver,
    onListen: (address: string, server: MemoryServer) => string,
  ) {
    this.#clock = clock;
    this.options = options;
    this.#methods = methods;
    this.#receiver = receiver;
    this.#onListen = onListen;
  }

  get callsHeld(): number {
    return this.#calls.size;
  }

  /** Hands a request to the server; the answer comes when its handler, or its deadline, gives one. */
  request(request: MemoryRequest): Promise<MemoryReply> {
    const number = this.#methods.findIndex(({ wireName }) => wireName === request.method);
    if (number < 0)
      return Promise.resolve({
        wireCode: 10000009,
        body: nothing,
        text: `method not found: ${request.method}`,
      });
    return new Promise((answer) => this.#begin(request, number, answer, undefined));
  }

  /** Begins a call by gRPC of a method with a stream; `request.body` is sent if its requests do not stream. */
  open(request: MemoryRequest): MemoryStream {
    const stream = this.openFor(request, (source) => new MemoryStream(source));
    if (stream === undefined) throw new Error(`the server has no ${request.method}`);
    return stream;
  }

  /** As open(), for whoever hears of the call; undefined if there is no such method. */
  openFor<Peer extends StreamPeer>(
    request: MemoryRequest,
    makePeer: (source: StreamSource) => Peer,
  ): Peer | undefined {
    const number = this.#methods.findIndex(({ wireName }) => wireName === request.method);
    if (number < 0) return undefined;
    let low = 0;
    let high = 0;
    const isHeld = (): boolean => this.#calls.get(low)?.high === high;
    const stream = makePeer({
      message: (body) =>
        this.#inSlab(body, (slab, start, end) =>
          this.#receiver.onMessage(low, high, slab, start, end, undefined, 0),
        ),
      halfClose: () => this.#receiver.onHalfClose(low, high),
      room: (bytes) => this.#receiver.onRoom(low, high, bytes),
      abort: (wireCode) => {
        if (isHeld()) this.abort(low, wireCode);
      },
    });
    const onEnd = (reply: MemoryReply): void => {
      if (reply.wireCode === 0 && reply.body !== nothing) stream.onReply(reply.body);
      stream.onEnd(reply, reply.trailers ?? '');
    };
    this.#begin({ ...request, grpc: true }, number, onEnd, stream, (l, h) => {
      low = l;
      high = h;
    });
    return stream;
  }

  /** `body` in memory that is used again after the callback. */
  #inSlab(body: Buffer, use: (slab: Buffer, start: number, end: number) => void): void {
    const slab = Buffer.concat([Buffer.alloc(5, 0xee), body, Buffer.alloc(5, 0xee)]);
    use(slab, 5, slab.length - 5);
    slab.fill(0xaa); // a view that somebody kept shows itself
  }

  #begin(
    request: MemoryRequest,
    number: number,
    answer: (reply: MemoryReply) => void,
    stream: StreamPeer | undefined,
    onId: (low: number, high: number) => void = () => undefined,
  ): void {
    // Slots are used again, so that stale generations meet new calls.
    const slot = [...Array(this.#slots + 1).keys()].find((each) => !this.#calls.has(lowOf(each))) ?? 0;
    this.#slots = Math.max(this.#slots, slot + 1);
    const low = lowOf(slot);
    const high = ++this.#generations;
    const timeoutMs = request.timeoutMs > 0 ? request.timeoutMs : this.options.defaultTimeoutMs;
    const cancelTimer = this.#clock.after(timeoutMs, () => this.abort(low, 10000007));
    this.#calls.set(low, { request, high, answer, stream, cancelTimer });
    onId(low, high);
    const { nowMs } = this.#clock;
    const deadlineMs = (nowMs + timeoutMs) | 0;
    // Behind what belongs to somebody else.
    const heads = `other${request.msgId}\n${request.metadata}`;
    const flags = request.grpc === true ? requestFlag.grpc : 0;
    this.#inSlab(request.body, (slab, start, end) =>
      this.#receiver.onRequest(
        low,
        high,
        number,
        deadlineMs,
        nowMs,
        slab,
        start,
        end,
        heads,
        5,
        undefined,
        flags,
      ),
    );
  }

  /** The peer went away (10000000), the deadline passed (10000007), or whatever else ends a call. */
  abort(low: number, wireCode: number): void {
    const call = this.#calls.get(low);
    if (call === undefined) return;
    call.answer?.({ wireCode, body: nothing, text: 'aborted' });
    call.answer = undefined;
    this.#receiver.onAbort(low, call.high, wordOf(wireCode));
  }

  abortAll(wireCode: number): void {
    for (const low of [...this.#calls.keys()]) this.abort(low, wireCode);
  }

  /** An abort for a call whose slot has another generation by now. */
  staleAbort(low: number, high: number): void {
    this.#receiver.onAbort(low, high, wordOf(10000000));
  }

  log(line: string): void {
    this.#receiver.onLog(line);
  }

  listen(address: string): string {
    return this.#onListen(address, this);
  }

  reply(
    low: number,
    high: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    trailers: string,
  ): void {
    const body = encoded(encoder, value);
    const call = this.#take(low, high);
    if (call.stream !== undefined && call.stream.headers === undefined) call.stream.onHeaders(metadata);
    call.answer?.({ wireCode: 0, body, text: metadata, ...(trailers === '' ? {} : { trailers }) });
  }

  headers(low: number, high: number, metadata: string): void {
    this.#held(low, high).stream?.onHeaders(metadata);
  }

  message(low: number, high: number, encoder: Encoder, value: unknown): number {
    const body = encoded(encoder, value);
    this.#held(low, high).stream?.onReply(body);
    return body.length;
  }

  finish(low: number, high: number, trailers: string): void {
    this.#take(low, high).answer?.({ wireCode: 0, body: nothing, text: '', trailers });
  }

  taken(low: number, high: number, bytes: number): void {
    this.#held(low, high).stream?.onTaken(bytes);
  }

  fail(low: number, high: number, status: number, own: number, message: string, trailers: string): void {
    const unreadable = reasonOfWord(status) === statusReason.unreadable;
    const wireCode = own !== 0 ? own : unreadable ? 10000003 : wireCodeOfWord(status);
    this.#take(low, high).answer?.({
      wireCode,
      body: nothing,
      text: message,
      ...(trailers === '' ? {} : { trailers }),
    });
  }

  end(low: number, high: number): void {
    this.ended++;
    this.#take(low, high).answer?.({ wireCode: 10000007, body: nothing, text: 'expired' });
  }

  msgId(heads: string, at: number): string {
    return heads.slice(at, heads.indexOf('\n'));
  }

  metadata(heads: string): string {
    return heads.slice(heads.indexOf('\n') + 1);
  }

  peer(): string {
    return this.peerName;
  }

  readonly hasTls = false;

  identity(): undefined {
    return undefined;
  }

  clock(): number {
    return this.#clock.nowMs | 0;
  }

  setTls(): void {}

  setHealth(service: string, serving: boolean): void {
    if (service === '') this.health.clear();
    this.health.set(service, serving);
  }

  close(): void {
    this.closing = true;
    this.abortAll(20000014);
    queueMicrotask(() => this.#receiver.onClosed());
  }

  stats(): ServerTransportStats {
    const callsInFlight = this.#calls.size;
    const zeros = { connections: 0, connectionsTotal: 0, callsTotal: this.#generations, callsExpired: 0 };
    const more = { callsRefused: 0, queuedBytes: 0, logLinesDropped: 0, acceptBackoffs: 0, nativeBytes: 0 };
    return {
      ...zeros,
      ...more,
      handshakes: 0,
      handshakesRefused: 0,
      callsInFlight,
      framesRejected: {},
      foreignConnections: {},
      connectionsClosed: {},
    };
  }

  #held(low: number, high: number): HeldCall {
    const call = this.#calls.get(low);
    if (call === undefined || call.high !== high) throw new Error('the server names a call it does not hold');
    return call;
  }

  #take(low: number, high: number): HeldCall {
    const call = this.#held(low, high);
    call.cancelTimer();
    this.#calls.delete(low);
    return call;
  }
}

/** On two io threads in turn. */
function lowOf(slot: number): number {
  return ((slot % 2) << 24) | slot;
}
