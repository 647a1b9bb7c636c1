import { setTimeout as pause } from 'node:timers/promises';
import { Channel, RpcError } from '../index.ts';
import type { LoadSettings } from './load-options.ts';
import { rawMethod } from './raw-method.ts';

/** The target cannot be reached. */
export class UnreachableError extends Error {
  /** Always `UnreachableError`. */
  override readonly name = 'UnreachableError';

  constructor(target: string, reason: string, options?: ErrorOptions) {
    super(`cannot reach ${target}: ${reason}`, options);
  }
}

const pollMs = 2;
/** How long resolving a name may take before asking why there is no endpoint yet. */
const lookupMs = 500;
const askMs = 200;

/**
 * Waits until the channel, whose connect() has been called, has a connection, has failed to connect, or the time is up.
 */
export async function firstConnection(
  channel: Channel,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const giveUpAtMs = performance.now() + timeoutMs;
  for (;;) {
    const { connects, connectFailures, endpoints } = channel.stats();
    if (connects > 0) return true;
    const leftMs = giveUpAtMs - performance.now();
    const nowhere = endpoints.length === 0 && leftMs < timeoutMs - lookupMs;
    if (connectFailures > 0 || nowhere || leftMs <= 0 || signal?.aborted === true) return false;
    await pause(pollMs);
  }
}

/**
 * Opens one connection to the target, and makes no call. Waits for `timeoutMs`, 5 s at most; stops when `signal`
 * aborts.
 *
 * @throws UnreachableError that says why, also for an invalid target.
 */
export async function reach(
  settings: Pick<LoadSettings, 'target' | 'protocol' | 'timeoutMs' | 'tls'>,
  signal?: AbortSignal,
): Promise<void> {
  const { target } = settings;
  const boundMs = Math.min(settings.timeoutMs, 5000);
  await using channel = openChannel(settings, boundMs);
  channel.connect();
  if (await firstConnection(channel, boundMs, signal)) return;
  if (signal?.aborted === true) return;
  const reason = await reasonOf(channel);
  if (reason !== undefined) throw new UnreachableError(target, reason);
}

function openChannel(
  { target, protocol, tls }: Pick<LoadSettings, 'target' | 'protocol' | 'tls'>,
  connectTimeoutMs: number,
): Channel {
  try {
    const over = tls === undefined ? {} : { tls };
    return new Channel(target, { protocol, connections: 1, connectTimeoutMs, ...over });
  } catch (error) {
    const { message } = error as Error;
    // A wrong option, where the target has nothing to do with it.
    if (message.startsWith('tls')) throw error;
    throw new UnreachableError(target, message, { cause: error });
  }
}

/**
 * The error of a call: its text is the only place that has the error of connecting. Undefined if the call, to a method
 * that no server has, was answered after all.
 */
async function reasonOf(channel: Channel): Promise<string | undefined> {
  try {
    await channel.call(rawMethod('rocket.bench', Buffer.alloc(0)), undefined, { timeoutMs: askMs });
    return undefined;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (error.requestWritten === true) return undefined;
    const last = /\(last error: (.*)\)$/.exec(error.message)?.[1] ?? error.message;
    const reason = last.replace(/^connect to \S+: /, '');
    return reason.charAt(0).toLowerCase() + reason.slice(1);
  }
}
