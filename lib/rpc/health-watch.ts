import { healthService, ServingStatus } from '../codec/health.ts';
import { receivedError } from '../contract/errors.ts';
import type { MethodDefinition } from '../contract/service.ts';
import {
  type CallEnd,
  type ClientTransport,
  messageHeadBytes,
  noTimeoutMs,
  type PendingCall,
  type ReadyStrings,
  requestFlag,
} from '../contract/transport.ts';
import { messageOf } from '../contract/value-text.ts';
import { formatOfFlags, inflated } from './compression.ts';
import type { MethodNumbers } from './method-numbers.ts';

const firstPauseMs = 1000;
const longestPauseMs = 120_000;
/** The limit for a compressed message, which normally has a few bytes. */
const mostBytes = 4096;

/** `unknown`: the endpoint has been asked and has not answered yet. */
export type Health = 'unknown' | 'serving' | 'failing';

/** `grpc.health.v1.Health.Watch`, whose messages have the first fields of our own health service. */
let watchMethod: MethodDefinition | undefined;

function watchDefinition(): MethodDefinition {
  if (watchMethod === undefined) {
    const { request, response } = healthService().methods.check as MethodDefinition;
    watchMethod = {
      name: 'Watch',
      wireName: 'grpc.health.v1.Health.Watch',
      kind: 'serverStream',
      request,
      response,
    };
  }
  return watchMethod;
}

const names = new Map<number, string>(Object.entries(ServingStatus).map(([name, value]) => [value, name]));

/** Starts health watches on one transport. */
export class HealthWatcher {
  readonly service: string;
  readonly #transport: ClientTransport;
  readonly #method: number;

  constructor(service: string, transport: ClientTransport, methods: MethodNumbers) {
    this.service = service;
    this.#transport = transport;
    this.#method = methods.numberOf(watchDefinition());
  }

  /** `isReady`: whether the endpoint has a connection. */
  watch(endpoint: number, isReady: () => boolean, onChange: () => void): HealthWatch {
    return new HealthWatch(this.service, this.#transport, this.#method, endpoint, isReady, onChange);
  }
}

/**
 * Watches the health of a service at one endpoint (gRFC A17), and starts again whenever the watch ends. It does not
 * keep the process alive.
 */
export class HealthWatch implements PendingCall {
  handleIndex = 0;
  handleGeneration = 0;
  health: Health = 'unknown';
  /** The reason for `failing`. */
  why = '';
  readonly #service: string;
  readonly #transport: ClientTransport;
  readonly #method: number;
  readonly #endpoint: number;
  readonly #isReady: () => boolean;
  readonly #onChange: () => void;
  #isRunning = false;
  #isStopped = false;
  #startedAt = 0;
  /** The endpoint has no health service: it counts as healthy. */
  #isUnimplemented = false;
  /** Watches that have ended since the last answer. */
  #failures = 0;
  /** Starts the next watch. */
  #timer: NodeJS.Timeout | undefined;

  constructor(
    service: string,
    transport: ClientTransport,
    method: number,
    endpoint: number,
    isReady: () => boolean,
    onChange: () => void,
  ) {
    this.#service = service;
    this.#transport = transport;
    this.#method = method;
    this.#endpoint = endpoint;
    this.#isReady = isReady;
    this.#onChange = onChange;
  }

  /** The endpoint has a connection. */
  onConnected(): void {
    if (this.#timer === undefined) this.#start();
  }

  /**
   * One of its connections has ended, or accepts no more calls after GOAWAY. It may be the one that carries the watch,
   * whose answers would then be about a connection that calls no longer use.
   */
  onConnectionLost(): void {
    this.#end();
    this.health = 'unknown';
    this.#isUnimplemented = false;
    this.#failures = 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isRunning) return;
    this.#over();
    this.#transport.cancel(this);
  }

  readonly #start = (): void => {
    this.#timer = undefined;
    if (this.#isRunning || this.#isStopped || this.#isUnimplemented) return;
    this.#startedAt = performance.now();
    const { request } = watchDefinition();
    const value = { service: this.#service };
    try {
      this.#transport.start(this, this.#endpoint, this.#method, noTimeoutMs, request, value, '', '');
      this.#isRunning = true;
      this.#transport.setBackground?.(true);
      if (this.#failures < 2) this.#set('unknown', '');
    } catch (error) {
      this.#set('failing', messageOf(error));
      this.#again();
    }
  };

  onHeaders(): void {
    // Headers say nothing about health.
  }

  onRoom(): void {
    // There is a single request, so no room is needed.
  }

  onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    this.#transport.taken(this, end - start + messageHeadBytes);
    this.#read(buffer, start, end, strings, flags);
  }

  onReply(
    buffer: Buffer,
    start: number,
    end: number,
    _text: string,
    strings: ReadyStrings | undefined,
  ): void {
    this.#over();
    this.#read(buffer, start, end, strings, 0);
    this.#afterEnd(0, 0, '', true);
  }

  onEnd({ status, own, message, requestWritten }: CallEnd): void {
    this.onFailure(status, own, message, requestWritten);
  }

  onFailure(status: number, own: number, message: string, requestWritten: boolean): void {
    this.#over();
    this.#afterEnd(status, own, message, requestWritten);
  }

  /** Called before onChange(), whose receiver may stop the watch. */
  #over(): void {
    this.#isRunning = false;
    this.#transport.setBackground?.(false);
  }

  #afterEnd(status: number, own: number, message: string, requestWritten: boolean): void {
    if (this.#isStopped) return;
    if (!this.#isReady()) return this.#set('unknown', '');
    const { code } = receivedError(status, own, message, requestWritten);
    if (code === 'UNIMPLEMENTED') {
      this.#isUnimplemented = true;
      return this.#set('serving', '');
    }
    if (this.#failures > 0)
      this.#set('failing', `its health check has ended: ${status === 0 ? 'OK' : code} ${message}`.trimEnd());
    this.#again();
  }

  #read(buffer: Buffer, start: number, end: number, strings: ReadyStrings | undefined, flags: number): void {
    this.#failures = 0;
    const { response } = watchDefinition();
    let status: number;
    try {
      if ((flags & requestFlag.compressed) === 0) {
        ({ status } = response.decode(buffer, start, end, strings) as { status: number });
      } else {
        const bytes = inflated(buffer.subarray(start, end), formatOfFlags(flags), mostBytes);
        ({ status } = response.decode(bytes, 0, bytes.length, undefined) as { status: number });
      }
    } catch (error) {
      return this.#set('failing', `its health cannot be read: ${messageOf(error)}`);
    }
    if (status === ServingStatus.SERVING) this.#set('serving', '');
    else this.#set('failing', names.get(status) ?? String(status));
  }

  /**
   * If the endpoint had answered, the next watch starts a second after this one began at the earliest, and the last
   * answer counts until then. Otherwise the next one starts at once, and those after it after longer and longer pauses.
   */
  #again(): void {
    const failures = this.#failures;
    let pause = 0;
    if (failures > 0) pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
    else if (this.health !== 'unknown')
      pause = Math.max(0, firstPauseMs - (performance.now() - this.#startedAt));
    this.#failures = Math.min(failures + 1, 20);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#start, pause * (0.8 + Math.random() * 0.4));
    this.#timer.unref();
  }

  #set(health: Health, why: string): void {
    if (this.health === health && this.why === why) return;
    this.health = health;
    this.why = why;
    this.#onChange();
  }
}
