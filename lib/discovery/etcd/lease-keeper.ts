import { pause } from '../backoff.ts';
import { type EtcdClient, type KeepAliveStream, leaveStream } from './client.ts';
import { Pace } from './pace.ts';

export interface LeaseToKeep {
  readonly client: EtcdClient;
  readonly lease: string;
  readonly ttlSeconds: number;
  readonly requestTimeoutMs: number;
  /** The entry that depends on the lease; it is checked each time, in case somebody has deleted it. */
  readonly key: string;
  /** A stream broke; another will be opened. */
  readonly onError: (error: Error) => void;
}

/**
 * Keeps a lease alive until it is lost, and returns the reason; or until the signal aborts. The local monotonic clock
 * decides whether the lease can still be alive, because an etcd that does not answer cannot say.
 */
export async function keepLease(task: LeaseToKeep, signal: AbortSignal): Promise<string> {
  const pace = new Pace(50);
  let aliveUntil = performance.now() + task.ttlSeconds * 1000;
  while (!signal.aborted) {
    let reason: unknown;
    try {
      const why = await keepOnStream(task, signal, (leftMs) => {
        pace.reset();
        aliveUntil = performance.now() + leftMs;
      });
      if (why !== undefined) return why;
    } catch (error) {
      reason = error;
      if (!signal.aborted) task.onError(error instanceof Error ? error : new Error(String(error)));
    }
    if (performance.now() >= aliveUntil) return `the lease ran out after ${task.ttlSeconds} s without etcd`;
    await pause(pace.next(reason), signal);
  }
  return 'closed';
}

/**
 * On one stream: returns the reason if the lease or the entry is lost, undefined if aborted; throws if the stream
 * fails.
 */
async function keepOnStream(
  task: LeaseToKeep,
  signal: AbortSignal,
  onAlive: (leftMs: number) => void,
): Promise<string | undefined> {
  const { client, lease, ttlSeconds, key } = task;
  const stream = await client.keepAlive();
  const answers = new Answers(client, stream);
  try {
    while (!signal.aborted) {
      const left = await answers.ask(lease, Math.min(task.requestTimeoutMs, (ttlSeconds * 1000) / 3), signal);
      if (signal.aborted) return undefined;
      if (left <= 0) return 'etcd does not know the lease any more';
      onAlive(left * 1000);
      const entry = await client.get(key);
      if (entry === undefined) return 'the entry is gone';
      await answers.untilBroken((ttlSeconds * 1000) / 3, signal);
    }
    return undefined;
  } finally {
    leaveStream(stream);
  }
}

/** Turns the stream into requests and answers, one at a time. */
class Answers {
  readonly #stream: KeepAliveStream;
  #broken: Error | undefined;
  #onAnswer: ((left: number) => void) | undefined;
  #onBroken: ((error: Error) => void) | undefined;

  constructor(client: EtcdClient, stream: KeepAliveStream) {
    this.#stream = stream;
    stream.on('data', ({ TTL }) => this.#onAnswer?.(Number(TTL)));
    stream.on('error', (error) => this.#breakOff(client.explain(error, 'keeping a lease alive')));
    stream.on('end', () => this.#breakOff(new Error('etcd ended the stream that keeps a lease alive')));
  }

  #breakOff(error: Error): void {
    this.#broken ??= error;
    this.#onBroken?.(error);
  }

  /** Seconds the lease has left. */
  ask(lease: string, timeoutMs: number, signal: AbortSignal): Promise<number> {
    return this.#wait<number>(
      timeoutMs,
      signal,
      (resolve) => {
        this.#onAnswer = resolve;
        this.#stream.write({ ID: lease });
      },
      (_resolve, reject) =>
        reject(
          new Error(
            `etcd did not answer for a lease within ${Math.round(timeoutMs)} ms (options requestTimeoutMs and ttlSeconds, of which it is a third)`,
          ),
        ),
    );
  }

  /** A pause that ends with an error as soon as the stream does. */
  async untilBroken(ms: number, signal: AbortSignal): Promise<void> {
    await this.#wait<number>(
      ms,
      signal,
      () => undefined,
      (resolve) => resolve(0),
    );
  }

  #wait<T>(
    ms: number,
    signal: AbortSignal,
    begin: (resolve: (value: T) => void) => void,
    late: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
  ): Promise<T | 0> {
    return new Promise<T | 0>((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken);
      if (signal.aborted) return resolve(0);
      const aborted = (): void => settle(() => resolve(0));
      const timer = setTimeout(() => settle(() => late(resolve, reject)), ms);
      timer.unref();
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        this.#onAnswer = undefined;
        this.#onBroken = undefined;
        how();
      };
      signal.addEventListener('abort', aborted);
      this.#onBroken = (error) => settle(() => reject(error));
      begin((value) => settle(() => resolve(value)));
    }) as Promise<T | 0>;
  }
}
