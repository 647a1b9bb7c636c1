import { EventEmitter } from 'node:events';
import type { CallContext } from '../rpc/call-context.ts';
import { type GrpcMetadata, GrpcMetadata as Metadata, metadataOf } from './nest-metadata.ts';

/** The third argument, `call`, of controllers, like that of grpc-js. Emits `cancelled` when the call ends early. */
export class GrpcServerCall extends EventEmitter {
  /** The context of rocket-rpc: calls made with `{ parent: call.context }` inherit its deadline. */
  readonly context: CallContext;
  /** The request, for a method that takes one message. */
  readonly request: unknown;
  /** The metadata of the request. */
  readonly metadata: GrpcMetadata;

  /** @internal */
  constructor(context: CallContext, request: unknown) {
    super();
    this.context = context;
    this.request = request;
    this.metadata = new Metadata(() => context.metadata);
  }

  /** Whether the caller has gone, the deadline has passed or the server has closed. */
  get cancelled(): boolean {
    return this.context.signal.aborted;
  }

  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    // The signal is made only for calls that use it.
    if (event === 'cancelled' && this.listenerCount(event) === 0) tellOfAbort(this.context.signal, this);
    return super.on(event, listener as () => void);
  }

  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener);
  }

  /** `ip:port` of the caller. */
  getPeer(): string {
    return this.context.peer.address;
  }

  /** When the caller stops waiting. */
  getDeadline(): Date {
    return this.context.deadline;
  }

  /** `/package.Service/Method`. */
  getPath(): string {
    return pathOf(this.context);
  }

  /** Sends headers, before the first reply. @throws TypeError or RangeError for metadata that cannot be sent. */
  sendMetadata(metadata: unknown): void {
    sendHeaders(this.context, metadata);
  }
}

/** Emits `cancelled`, at once for a call that has ended already. */
export function tellOfAbort(signal: AbortSignal, call: EventEmitter): void {
  const tell = (): void => {
    call.emit('cancelled', 'cancelled');
  };
  if (signal.aborted) process.nextTick(tell);
  else signal.addEventListener('abort', tell, { once: true });
}

export function pathOf({ method }: CallContext): string {
  const dot = method.lastIndexOf('.');
  return `/${method.slice(0, dot)}/${method.slice(dot + 1)}`;
}

export function sendHeaders(context: CallContext, metadata: unknown): void {
  for (const [key, value] of metadataOf(metadata)) context.responseMetadata.append(key, value as string);
  context.sendHeaders();
}
