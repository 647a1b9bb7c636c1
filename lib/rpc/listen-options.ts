import { checkMethods } from '../contract/option-shapes.ts';
import { checked, type OptionTable, signal, timeout } from '../contract/option-table.ts';
import { defaultTimeoutMs, givenOption } from '../contract/options.ts';
import { kindOf } from '../contract/value-text.ts';
import { registerOptionTable } from '../discovery/register-options.ts';
import type { RegisterOptions, Registry } from '../discovery/registry.ts';

/** Whether and how the server registers its address. */
export interface ListenOptions extends Omit<RegisterOptions, 'signal' | 'onError'> {
  /** The registry in which the server enters its services once it listens; listen() resolves when they are entered. */
  readonly registry?: Registry;
  /** How long the registry may take; past it listen() rejects with the registry's last error. Default 30 s. */
  readonly registerTimeoutMs?: number;
  /** Cancels listen(): it rejects with an AbortError, and nothing stays registered. Has no effect later. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The `ip:port` under which clients reach the server; required with `registry` if it listens on all addresses.
   * Default: as bound.
   */
  readonly advertise?: string;
}

/** How long closing a server may take. */
export interface CloseOptions {
  /** How long running calls may take to finish, milliseconds; 0 aborts them at once. Default 5 s. */
  readonly drainMs?: number;
  /**
   * How long a registered server continues as before after it has withdrawn its entries, so that clients that watch the
   * registry switch to other instances before anything is refused; less if all clients have disconnected. Default 1 s;
   * 0 if it was not registered.
   */
  readonly withdrawMs?: number;
}

const { ttlSeconds, weight, metadata } = registerOptionTable;

export const listenOptionTable = {
  registry: checked((name, value: Registry | undefined) => {
    if (value !== undefined) checkMethods(name, value, ['register'], 'a Registry such as etcd()');
    return value;
  }),
  registerTimeoutMs: timeout(defaultTimeoutMs),
  signal: signal(),
  advertise: checked((_name, value: string | undefined) => {
    if (value !== undefined) checkAdvertised(value);
    return value;
  }),
  ttlSeconds,
  weight,
  metadata,
} satisfies OptionTable<ListenOptions>;

export const closeOptionTable = {
  drainMs: timeout(5000, 0),
  withdrawMs: timeout(1000, 0),
} satisfies OptionTable<CloseOptions>;

/** Those that are given, without defaults: a registry may have its own. */
export function givenRegisterOptions(options: ListenOptions): RegisterOptions {
  const names = ['ttlSeconds', 'weight', 'metadata'] as const satisfies (keyof RegisterOptions)[];
  const given = names.map((name) => [name, givenOption(options, name)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function checkAdvertised(advertise: unknown): void {
  if (typeof advertise !== 'string' || advertise === '')
    throw new TypeError(`advertise must be the ip:port that clients use, not ${kindOf(advertise)}`);
}
