import type { Observable as ObservableType, Subscriber } from 'rxjs';
import { checkSignal } from '../contract/option-shapes.ts';
import { isPlain, maxTimeoutMs } from '../contract/options.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import type { CallOptions } from '../rpc/call-options.ts';
import type { Channel } from '../rpc/channel.ts';
import { isMetadata, metadataOf } from './nest-metadata.ts';
import { isObservable, Observable } from './nest-packages.ts';
import type { NestMethod, Plain } from './nest-services.ts';
import { ObservableReader } from './observable-reader.ts';
import { toServiceError } from './statuses.ts';

/** Options of a call of a service of a RocketClient: those of rocket-rpc, and grpc-js's `deadline`. */
export interface NestCallOptions extends CallOptions {
  /** When the caller stops waiting, in place of `timeoutMs`: a Date, or milliseconds since 1970. */
  readonly deadline?: Date | number;
}

/**
 * A function of a service. Each subscription to the Observable that it returns makes a call, and unsubscribing cancels
 * it.
 */
export type ClientMethod = (...args: unknown[]) => ObservableType<unknown>;

export function clientMethod(channel: Channel, method: NestMethod, limit: number): ClientMethod {
  const { definition, plainReply } = method;
  const { kind = 'unary' } = definition;
  const repliesStream = kind === 'serverStream' || kind === 'bidi';
  return (...args) =>
    new Observable((subscriber) => {
      const controller = new AbortController();
      const leave = (): void => controller.abort();
      run(repliesStream, args, controller.signal, subscriber).then(
        () => subscriber.complete(),
        (error: unknown) => {
          if (!controller.signal.aborted) subscriber.error(toServiceError(error));
        },
      );
      return leave;
    });

  async function run(
    streams: boolean,
    [data, ...more]: readonly unknown[],
    left: AbortSignal,
    subscriber: Subscriber<unknown>,
  ): Promise<void> {
    const options = callOptions(definition, more, left);
    const request = requestOf(data, definition, limit);
    if (!streams) {
      subscriber.next(plainReply(await channel.call(definition, request, options)));
      return;
    }
    await deliver(channel.stream(definition, request, options), plainReply, subscriber);
  }
}

/** The next reply is read only when the last one has been delivered, so no replies are kept here. */
async function deliver(
  replies: AsyncIterable<unknown>,
  plain: Plain,
  subscriber: Subscriber<unknown>,
): Promise<void> {
  for await (const reply of replies) {
    if (subscriber.closed) return;
    subscriber.next(plain(reply));
  }
}

/** An Observable of requests as an iterable. Any other value is passed on, for the channel to check. */
function requestOf(data: unknown, { kind, wireName }: MethodDefinition, limit: number): unknown {
  const takesStream = kind === 'clientStream' || kind === 'bidi';
  if (!takesStream || !isObservable(data)) return data;
  return new ObservableReader(data, limit, `the requests of ${wireName}`, (error) => error);
}

/** Of `(data, metadata?, options?)` or `(data, options)`, as with grpc-js. @throws TypeError for anything else. */
function callOptions(
  { wireName }: MethodDefinition,
  more: readonly unknown[],
  left: AbortSignal,
): CallOptions {
  const [first, second] = more;
  const given = isMetadata(first) ? second : (first ?? second);
  if (given !== undefined && given !== null && !isOptions(given))
    throw new TypeError(`${wireName} takes (data, metadata, options), not ${kindOf(given)} as options`);
  const { deadline, ...options } = (given ?? {}) as NestCallOptions;
  if (isMetadata(first) && options.metadata !== undefined)
    throw new TypeError(`${wireName}: metadata is given twice, also in its options`);
  checkSignal('signal', options.signal);
  return {
    ...options,
    ...(isMetadata(first) ? { metadata: metadataOf(first) } : {}),
    ...(deadline === undefined ? {} : { timeoutMs: msUntil(deadline, options.timeoutMs, wireName) }),
    signal: options.signal === undefined ? left : AbortSignal.any([left, options.signal]),
  };
}

/** Options are copied, which would lose the contents of a Map or a Promise. */
function isOptions(given: unknown): boolean {
  return typeof given === 'object' && given !== null && !Array.isArray(given) && isPlain(given);
}

function msUntil(deadline: unknown, timeoutMs: unknown, wireName: string): number {
  if (timeoutMs !== undefined) throw new TypeError(`${wireName}: deadline and timeoutMs are both given`);
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  if (typeof at !== 'number' || Number.isNaN(at))
    throw new TypeError(
      `${wireName}: deadline is a Date or milliseconds since 1970, not ${kindOf(deadline)}`,
    );
  return Math.min(maxTimeoutMs, Math.max(1, Math.ceil(at - Date.now())));
}
