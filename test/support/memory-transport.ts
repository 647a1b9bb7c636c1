import {
  type ClientReceiver,
  type ClientTransport,
  type ClientTransportFactory,
  type ClientTransportOptions,
  type ClientTransportStats,
  type Encoder,
  type LinkState,
  linkState,
  type MethodInfo,
  type PendingCall,
  type ServerTransportFactory,
} from '../../lib/contract/transport.ts';
import { FakeClock } from './fake-clock.ts';
import { MemoryGrpcCall } from './memory-grpc-call.ts';
import { encoded, type MemoryRequest, MemoryServer, wordOf } from './memory-server.ts';

/** A call as a channel handed it over. */
export interface StartedCall {
  readonly endpoint: string;
  readonly method: string;
  readonly timeoutMs: number;
  readonly body: Buffer;
  readonly metadata: string;
  readonly msgId: string;
}

interface MemoryEndpoint {
  readonly name: string;
  addresses: readonly string[];
  readonly links: LinkState[];
  readonly receiver: ClientReceiver;
  readonly number: number;
}

/**
 * Servers and channels without a socket: values are encoded and decoded, time is the fake clock's, and the state of
 * every link is what the test makes it. A link that is asked to connect is ready when a server listens at its address.
 */
export class MemoryNetwork {
  /** By gRPC: bytes of requests that servers have not taken, and of replies that callers have not, at most, of a call. */
  mostRequestBytes = 0;
  mostReplyBytes = 0;
  readonly clock = new FakeClock();
  readonly servers = new Map<string, MemoryServer>();
  /** Every call that channels started, in order. */
  readonly started: StartedCall[] = [];
  cancelled = 0;
  /** Calls hear of headers, so many messages, and the end one by one; undefined: of all at once, on the quick path. */
  pieces: number | undefined = undefined;
  nextNumber = 100;
  readonly #endpoints: MemoryEndpoint[] = [];
  #ports = 40_000;

  readonly serverTransport: ServerTransportFactory = (options, methods, receiver) =>
    new MemoryServer(this.clock, options, methods, receiver, (address, server) => {
      const bound = address.replace(/:0$/, () => `:${this.#ports++}`);
      if (this.servers.has(bound))
        throw Object.assign(new Error(`${bound} is taken`), { code: 'EADDRINUSE' });
      this.servers.set(bound, server);
      return bound;
    });

  readonly clientTransport: ClientTransportFactory = (options, receiver) =>
    new MemoryClient(this, options, receiver, this.#endpoints);

  /** Endpoints by name that channels know now, in order. */
  get endpoints(): string[] {
    return this.#endpoints.map(({ name }) => name);
  }

  addressesOf(name: string): readonly string[] {
    return this.#endpoints.find((endpoint) => endpoint.name === name)?.addresses ?? [];
  }

  /** Puts a link of every endpoint of that name into a state, as the core would report it. */
  setLink(name: string, state: LinkState, link = 0): void {
    for (const endpoint of this.#endpoints.filter((each) => each.name === name)) {
      endpoint.links[link] = state;
      endpoint.receiver.onLinkState(endpoint.number, link, state);
    }
  }
}

interface Pending {
  readonly endpoint: number;
  readonly forget: () => void;
  /** By gRPC. */
  readonly grpc: MemoryGrpcCall | undefined;
}

class MemoryClient implements ClientTransport {
  readonly #network: MemoryNetwork;
  readonly #options: ClientTransportOptions;
  readonly #receiver: ClientReceiver;
  readonly #endpoints: MemoryEndpoint[];
  readonly #methods: MethodInfo[] = [];
  readonly #pending = new Map<PendingCall, Pending>();
  #closed = false;

  constructor(
    network: MemoryNetwork,
    options: ClientTransportOptions,
    receiver: ClientReceiver,
    endpoints: MemoryEndpoint[],
  ) {
    this.#network = network;
    this.#options = options;
    this.#receiver = receiver;
    this.#endpoints = endpoints;
  }

  addMethod(method: MethodInfo): number {
    return this.#methods.push(method) - 1;
  }

  addEndpoint(name: string, addresses: readonly string[]): { number: number; links: number } {
    if (this.#closed) throw new Error('addEndpoint() on a closed transport');
    const number = this.#network.nextNumber++;
    const links = Array.from({ length: this.#options.connections }, () => linkState.idle);
    this.#endpoints.push({ name, addresses, links, receiver: this.#receiver, number });
    return { number, links: links.length };
  }

  connect(endpoint: number): void {
    const { addresses, links } = this.#endpoint(endpoint);
    const isThere = addresses.some((address) => this.#network.servers.has(address));
    for (const [link, state] of links.entries()) {
      if (state !== linkState.idle) continue;
      links[link] = isThere ? linkState.ready : linkState.failed;
      queueMicrotask(() => this.#receiver.onLinkState(endpoint, link, links[link]!));
    }
  }

  setAddresses(endpoint: number, addresses: readonly string[]): void {
    this.#endpoint(endpoint).addresses = addresses;
  }

  setTls(): void {}

  /** Calls are sent at once, or fail. */
  releaseWaiting(): void {}

  removeEndpoint(endpoint: number): Promise<void> {
    const at = this.#endpoints.findIndex(({ number }) => number === endpoint);
    if (at < 0) throw new Error('removeEndpoint() of an endpoint that is not there');
    this.#endpoints.splice(at, 1);
    for (const [call, { endpoint: of, forget, grpc }] of [...this.#pending]) {
      if (of !== endpoint) continue;
      forget();
      grpc?.abort();
      this.#fail(call, 20000001, 'the channel was closed before the call was finished', true);
    }
    return Promise.resolve();
  }

  start(
    call: PendingCall,
    endpoint: number,
    method: number,
    timeoutMs: number,
    encoder: Encoder,
    value: unknown,
    metadata: string,
    msgId: string,
  ): void {
    const body = encoded(encoder, value);
    this.#begin(call, endpoint, method, timeoutMs, body, metadata, msgId, false);
  }

  open(
    call: PendingCall,
    endpoint: number,
    method: number,
    timeoutMs: number,
    metadata: string,
    msgId: string,
  ): void {
    this.#begin(call, endpoint, method, timeoutMs, Buffer.alloc(0), metadata, msgId, true);
  }

  #begin(
    call: PendingCall,
    endpoint: number,
    method: number,
    timeoutMs: number,
    body: Buffer,
    metadata: string,
    msgId: string,
    opens: boolean,
  ): void {
    const { name, addresses, links } = this.#endpoint(endpoint);
    const { wireName, kind } = this.#methods[method]!;
    const isGrpc = this.#options.protocol === 'grpc';
    if (!isGrpc && kind !== 0) throw new Error('a call that streams, by TinyPB');
    this.#network.started.push({
      endpoint: name,
      method: wireName,
      timeoutMs,
      body,
      metadata,
      msgId,
    });
    const cancelTimer = this.#network.clock.after(timeoutMs, () => {
      forget();
      grpc?.abort();
      this.#fail(call, 10000007, 'deadline exceeded', true);
    });
    const forget = (): void => {
      cancelTimer();
      this.#pending.delete(call);
      grpc?.forget();
    };
    const grpc = isGrpc ? new MemoryGrpcCall(call, this.#network, kind === 0, opens, forget) : undefined;
    const pending = { endpoint, forget, grpc };
    this.#pending.set(call, pending);
    // Never from inside start(): a channel hears of the outcome in a later turn.
    queueMicrotask(() => {
      if (this.#pending.get(call) !== pending) return;
      const server = addresses
        .map((address) => this.#network.servers.get(address))
        .find((each) => each !== undefined);
      if (server === undefined || links.every((state) => state === linkState.failed)) {
        forget();
        this.#fail(call, 10000001, `connection to ${name} refused`, false);
        return;
      }
      const request = { method: wireName, body, timeoutMs, metadata, msgId };
      if (grpc === undefined) this.#request(server, call, request, pending);
      else grpc.begin(server, request);
    });
  }

  #request(server: MemoryServer, call: PendingCall, request: MemoryRequest, pending: Pending): void {
    void server.request(request).then(({ wireCode, body: reply, text }) => {
      if (this.#pending.get(call) !== pending) return;
      pending.forget();
      if (wireCode === 0) this.#answer(call, reply, text);
      else this.#fail(call, wireCode, text, true);
    });
  }

  message(call: PendingCall, encoder: Encoder, value: unknown): number {
    const body = encoded(encoder, value);
    this.#opened(call).message(body);
    return body.length;
  }

  halfClose(call: PendingCall): void {
    this.#opened(call).halfClose();
  }

  taken(call: PendingCall, bytes: number): void {
    this.#opened(call).taken(bytes);
  }

  #opened(call: PendingCall): MemoryGrpcCall {
    const grpc = this.#pending.get(call)?.grpc;
    if (grpc === undefined) throw new Error('a command for a call that is not pending, or not by gRPC');
    return grpc;
  }

  cancel(call: PendingCall): void {
    const pending = this.#pending.get(call);
    if (pending === undefined) throw new Error('cancel() of a call that is not pending');
    this.#network.cancelled++;
    pending.forget();
    pending.grpc?.abort();
  }

  close(): void {
    if (this.#closed) throw new Error('closed twice');
    this.#closed = true;
  }

  stats(): ClientTransportStats {
    const zeros = {
      connections: 0,
      callsTotal: 0,
      queuedBytes: 0,
      waitingBytes: 0,
      connects: 0,
      nativeBytes: 0,
    };
    return {
      ...zeros,
      callsInFlight: this.#pending.size,
      connectFailures: 0,
      lateReplies: 0,
      framesRejected: 0,
    };
  }

  #answer(call: PendingCall, reply: Buffer, metadata: string): void {
    const slab = Buffer.concat([Buffer.alloc(3, 0xee), reply, Buffer.alloc(3, 0xee)]);
    const { pieces } = this.#network;
    if (pieces !== undefined) {
      call.onHeaders(metadata);
      for (let n = 0; n < pieces; n++) call.onMessage(slab, 3, slab.length - 3, undefined, 0);
      slab.fill(0xaa);
      call.onEnd({ status: 0, own: 0, message: '', requestWritten: true }, '');
      return;
    }
    call.onReply(slab, 3, slab.length - 3, metadata, undefined);
    slab.fill(0xaa);
  }

  #fail(call: PendingCall, own: number, message: string, requestWritten: boolean): void {
    const status = wordOf(own);
    if (this.#network.pieces !== undefined) call.onEnd({ status, own, message, requestWritten }, '');
    else call.onFailure(status, own, message, requestWritten);
  }

  #endpoint(number: number): MemoryEndpoint {
    const endpoint = this.#endpoints.find((each) => each.number === number);
    if (endpoint === undefined) throw new Error('a channel names an endpoint that is not there');
    return endpoint;
  }
}
