import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateNameOf, hostOf } from '../contract/target.ts';
import type { ClientTlsSettings, TlsContext } from '../contract/tls.ts';
import type {
  ClientReceiver,
  ClientTransport,
  ClientTransportOptions,
  ClientTransportStats,
  Encoder,
  MethodInfo,
  PendingCall,
} from '../contract/transport.ts';
import { packageRoot } from '../package-root.ts';
import { type Boundary, theBoundary } from './boundary.ts';

let ownName: string | undefined;

/** The user-agent of gRPC requests. */
function userAgent(): string {
  if (ownName === undefined) {
    const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
    const { version } = JSON.parse(text) as { readonly version: string };
    ownName = `rocket-rpc-node/${version}`;
  }
  return ownName;
}

/** A channel of the core. */
class NativeClientTransport implements ClientTransport {
  readonly #boundary: Boundary;
  readonly #number: number;
  readonly #receiver: ClientReceiver;
  readonly #tls: ClientTlsSettings | undefined;
  readonly #links = new Map<number, number>();
  #last: ClientTransportStats | undefined;

  constructor(options: ClientTransportOptions, receiver: ClientReceiver) {
    this.#boundary = theBoundary();
    this.#receiver = receiver;
    this.#tls = options.tls;
    this.#number = this.#boundary.native.createChannel({ ...options, userAgent: userAgent() });
  }

  addMethod({ wireName, stringFields, kind }: MethodInfo): number {
    return this.#boundary.native.addMethod(this.#number, wireName, stringFields, kind);
  }

  addEndpoint(name: string, addresses: readonly string[]): { number: number; links: number } {
    const serverName =
      this.#tls === undefined ? '' : (this.#tls.servername ?? certificateNameOf(hostOf(name)));
    const { number, links } = this.#boundary.native.createEndpoint(this.#number, name, addresses, serverName);
    const { native } = this.#boundary;
    const judge = this.#tls?.judge;
    this.#boundary.endpoints.set(number, {
      receiver: this.#receiver,
      onClosed: () => undefined,
      onServerCheck(link, question, der) {
        if (judge !== undefined) native.answerServerCheck(number, link, question, judge(serverName, der));
      },
    });
    this.#links.set(number, links);
    return { number, links };
  }

  connect(endpoint: number): void {
    this.#boundary.native.connectEndpoint(endpoint);
  }

  setAddresses(endpoint: number, addresses: readonly string[]): void {
    this.#boundary.native.setAddresses(endpoint, addresses);
  }

  setTls(context: TlsContext): void {
    if (this.#last === undefined) this.#boundary.native.setChannelTls(this.#number, context);
  }

  releaseWaiting(endpoint: number): void {
    const { native, outbox } = this.#boundary;
    // Calls that were just made must be handed over before, because they may be waiting as well.
    outbox.flushBefore(() => native.releaseWaiting(endpoint));
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
      // Calls that were just made refer to the endpoint's links, so they must be handed over before the links end.
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
    compressed = false,
  ): void {
    const { pending, outbox } = this.#boundary;
    pending.add(call);
    const index = call.handleIndex;
    const generation = call.handleGeneration;
    try {
      outbox.call(
        index,
        generation,
        endpoint,
        method,
        timeoutMs,
        encoder,
        value,
        metadata,
        msgId,
        compressed,
      );
    } catch (error) {
      pending.take(index, generation);
      throw error;
    }
    this.#boundary.hold();
  }

  open(
    call: PendingCall,
    endpoint: number,
    method: number,
    timeoutMs: number,
    metadata: string,
    msgId: string,
  ): void {
    const { pending, outbox } = this.#boundary;
    pending.add(call);
    const index = call.handleIndex;
    outbox.open(index, call.handleGeneration, endpoint, method, timeoutMs, metadata, msgId);
    this.#boundary.hold();
  }

  message(call: PendingCall, encoder: Encoder, value: unknown, compressed = false): number {
    const { outbox } = this.#boundary;
    const index = call.handleIndex;
    return outbox.requestMessage(index, call.handleGeneration, encoder, value, compressed);
  }

  halfClose(call: PendingCall): void {
    this.#boundary.outbox.requestEnd(call.handleIndex, call.handleGeneration);
  }

  taken(call: PendingCall, bytes: number): void {
    this.#boundary.outbox.repliesTaken(call.handleIndex, call.handleGeneration, bytes);
  }

  cancel(call: PendingCall): void {
    const index = call.handleIndex;
    const generation = call.handleGeneration;
    if (this.#boundary.pending.take(index, generation) === undefined) return;
    this.#boundary.release();
    this.#boundary.outbox.cancel(index, generation);
  }

  setBackground(begins: boolean): void {
    if (begins) this.#boundary.release();
    else this.#boundary.hold();
  }

  close(): void {
    this.#last = this.#boundary.native.channelStats(this.#number);
    this.#boundary.native.releaseChannel(this.#number);
  }

  stats(): ClientTransportStats {
    return this.#last ?? this.#boundary.native.channelStats(this.#number);
  }
}

export function nativeClientTransport(
  options: ClientTransportOptions,
  receiver: ClientReceiver,
): ClientTransport {
  return new NativeClientTransport(options, receiver);
}
