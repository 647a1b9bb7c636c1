import type {
  ClientReceiver,
  ClientTransport,
  ClientTransportOptions,
  ClientTransportStats,
  Encoder,
  MethodInfo,
  PendingCall,
} from '../contract/transport.ts';
import { type Boundary, theBoundary } from './boundary.ts';
import { PendingCalls } from './pending-calls.ts';

/** A channel of the core. */
class NativeClientTransport implements ClientTransport {
  readonly #boundary: Boundary;
  readonly #number: number;
  readonly #receiver: ClientReceiver;
  readonly #links = new Map<number, number>();
  #last: ClientTransportStats | undefined;

  constructor(options: ClientTransportOptions, receiver: ClientReceiver) {
    if (options.protocol === 'grpc') throw noGrpc();
    this.#boundary = theBoundary();
    this.#receiver = receiver;
    this.#number = this.#boundary.native.createChannel(options);
  }

  addMethod({ wireName, stringFields }: MethodInfo): number {
    return this.#boundary.native.addMethod(this.#number, wireName, stringFields);
  }

  addEndpoint(name: string, addresses: readonly string[]): { number: number; links: number } {
    const { number, links } = this.#boundary.native.createEndpoint(this.#number, name, addresses);
    this.#boundary.endpoints.set(number, { receiver: this.#receiver, onClosed: () => undefined });
    this.#links.set(number, links);
    return { number, links };
  }

  connect(endpoint: number): void {
    this.#boundary.native.connectEndpoint(endpoint);
  }

  setAddresses(endpoint: number, addresses: readonly string[]): void {
    this.#boundary.native.setAddresses(endpoint, addresses);
  }

  removeEndpoint(endpoint: number): Promise<void> {
    const boundary = this.#boundary;
    let open = this.#links.get(endpoint) ?? 0;
    this.#links.delete(endpoint);
    boundary.hold();
    return new Promise((resolve) => {
      boundary.endpoints.set(endpoint, {
        receiver: this.#receiver,
        onClosed: () => {
          if (--open > 0) return;
          boundary.endpoints.delete(endpoint);
          boundary.native.releaseEndpoint(endpoint);
          boundary.release();
          resolve();
        },
      });
      // Calls just made refer to the endpoint's links; they must be handed over before the links end.
      boundary.outbox.flushBefore(() => boundary.native.closeEndpoint(endpoint));
    });
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
    const { pending, outbox } = this.#boundary;
    pending.add(call);
    const index = PendingCalls.index(call);
    const generation = PendingCalls.generation(call);
    try {
      outbox.call(index, generation, endpoint, method, timeoutMs, encoder, value, metadata, msgId);
    } catch (error) {
      pending.take(index, generation);
      throw error;
    }
    this.#boundary.hold();
  }

  open(): void {
    throw noGrpc();
  }

  message(): number {
    throw noGrpc();
  }

  halfClose(): void {
    throw noGrpc();
  }

  taken(): void {
    throw noGrpc();
  }

  cancel(call: PendingCall): void {
    const index = PendingCalls.index(call);
    const generation = PendingCalls.generation(call);
    if (this.#boundary.pending.take(index, generation) === undefined) return;
    this.#boundary.release();
    this.#boundary.outbox.cancel(index, generation);
  }

  close(): void {
    this.#last = this.#boundary.native.channelStats(this.#number);
    this.#boundary.native.releaseChannel(this.#number);
  }

  stats(): ClientTransportStats {
    return this.#last ?? this.#boundary.native.channelStats(this.#number);
  }
}

function noGrpc(): Error {
  return new Error('the native core of this version cannot call by gRPC');
}

export function nativeClientTransport(
  options: ClientTransportOptions,
  receiver: ClientReceiver,
): ClientTransport {
  return new NativeClientTransport(options, receiver);
}
