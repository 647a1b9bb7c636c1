import { getSystemErrorName } from 'node:util';
import type { TlsContext, TlsIdentity } from '../contract/tls.ts';
import type {
  Encoder,
  MethodInfo,
  ServerReceiver,
  ServerTransport,
  ServerTransportOptions,
  ServerTransportStats,
} from '../contract/transport.ts';
import { type Boundary, theBoundary } from './boundary.ts';
import { metadataOf, msgIdOf, peerOf } from './request-heads.ts';
import { TlsIdentities } from './tls-identities.ts';

/** Shared by all servers of this thread. */
const identities = new TlsIdentities();

/** A server of the core. */
class NativeServerTransport implements ServerTransport {
  readonly #boundary: Boundary;
  readonly #number: number;
  readonly #receiver: ServerReceiver;
  readonly hasTls: boolean;
  #listening = false;
  #last: ServerTransportStats | undefined;

  constructor(options: ServerTransportOptions, methods: readonly MethodInfo[], receiver: ServerReceiver) {
    this.#boundary = theBoundary();
    this.#receiver = receiver;
    this.hasTls = options.tls !== undefined;
    this.#number = this.#boundary.native.createServer(options, methods);
    this.#boundary.addServer(this.#number, { receiver, onClosed: () => this.#onClosed() });
  }

  listen(address: string, backlog: number): string {
    const bound = this.#boundary.native.listen(this.#number, address, backlog);
    if (typeof bound !== 'string') throw listenError(address, bound.errno, bound.step);
    if (!this.#listening) this.#boundary.hold();
    this.#listening = true;
    return bound;
  }

  reply(
    low: number,
    high: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    trailers: string,
    compressed: boolean,
  ): void {
    this.#boundary.outbox.reply(low, high, encoder, value, metadata, trailers, compressed);
  }

  fail(low: number, high: number, status: number, own: number, message: string, trailers: string): void {
    this.#boundary.outbox.fail(low, high, status, own, message, trailers);
  }

  headers(low: number, high: number, metadata: string): void {
    this.#boundary.outbox.headers(low, high, metadata);
  }

  message(low: number, high: number, encoder: Encoder, value: unknown, compressed: boolean): number {
    return this.#boundary.outbox.message(low, high, encoder, value, compressed);
  }

  finish(low: number, high: number, trailers: string): void {
    this.#boundary.outbox.finish(low, high, trailers);
  }

  taken(low: number, high: number, bytes: number): void {
    this.#boundary.outbox.taken(low, high, bytes);
  }

  end(low: number, high: number): void {
    this.#boundary.outbox.end(low, high);
  }

  msgId(heads: string, at: number): string {
    return msgIdOf(heads, at);
  }

  peer(heads: string, at: number): string {
    return peerOf(heads, at);
  }

  metadata(heads: string, at: number): string {
    return metadataOf(heads, at);
  }

  identity(low: number, high: number): TlsIdentity | undefined {
    return identities.of(this.#boundary.native, low, high);
  }

  clock(): number {
    return this.#boundary.native.clock();
  }

  setHealth(service: string, serving: boolean): void {
    // A closed server sends no answers.
    if (this.#last === undefined) this.#boundary.native.setHealth(this.#number, service, serving);
  }

  setTls(context: TlsContext): void {
    if (this.#last === undefined) this.#boundary.native.setTls(this.#number, context);
  }

  close(drainMs: number): void {
    this.#boundary.hold();
    this.#boundary.native.closeServer(this.#number, drainMs);
  }

  stats(): ServerTransportStats {
    return this.#last ?? this.#boundary.native.serverStats(this.#number);
  }

  #onClosed(): void {
    this.#last = this.#boundary.native.serverStats(this.#number);
    this.#boundary.removeServer(this.#number);
    this.#boundary.native.releaseServer(this.#number);
    this.#boundary.release();
    if (this.#listening) this.#boundary.release();
    this.#receiver.onClosed();
  }
}

/** An Error like that of node:net, so that `error.code === 'EADDRINUSE'` works. */
function listenError(address: string, errno: number, step: string): Error {
  const code = getSystemErrorName(-errno);
  const hint =
    code === 'EADDRINUSE'
      ? 'another process listens there; stop it or choose another port'
      : code === 'EACCES'
        ? 'this user may not use that address; choose a port from 1024 up'
        : `${step}() failed`;
  return Object.assign(new Error(`cannot listen on ${address}: ${code} (${hint})`), {
    code,
    errno: -errno,
    syscall: step,
    address,
  });
}

export function nativeServerTransport(
  options: ServerTransportOptions,
  methods: readonly MethodInfo[],
  receiver: ServerReceiver,
): ServerTransport {
  return new NativeServerTransport(options, methods, receiver);
}
