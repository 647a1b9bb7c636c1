import {
  booleanOption,
  checkSignal,
  functionOption,
  isSignal,
  stringOption,
} from '../contract/option-shapes.ts';
import { checkIsPlain, refuseOption } from '../contract/options.ts';
import { kindOf } from '../contract/value-text.ts';
import type { CallContext } from './call-context.ts';
import { callOptionTable } from './channel-options.ts';
import type { InterceptedClientCall } from './interceptors.ts';
import { ServerCall } from './server-call.ts';

const names = Object.keys(callOptionTable);

/**
 * Like knownOptions(), but for the options of every call: loops over their names and allocates nothing.
 *
 * @throws TypeError with the nearest name.
 */
export function checkCallOptions(options: object): void {
  let any = false;
  for (const name in options) {
    switch (name) {
      case 'timeoutMs':
      case 'signal':
      case 'metadata':
      case 'waitForReady':
      case 'parent':
      case 'onMetadata':
      case 'onHeaders':
      case 'onTrailers':
      case 'balanceKey':
      case 'compression':
      case 'retry':
      case 'credentials':
        any = true;
        break;
      default:
        refuseOption('a call', options, name, names);
    }
  }
  if (!any) checkIsPlain('a call', options);
}

/** Checks that each has the right type or is undefined. @throws TypeError that names the option. */
export function checkCallValues(
  signal: unknown,
  waitForReady: boolean | undefined,
  balanceKey: string | undefined,
  onHeaders: unknown,
  onTrailers: unknown,
  onMetadata: unknown,
  parent: unknown,
): void {
  if (signal !== undefined) checkSignal('signal', signal);
  if (waitForReady !== undefined) booleanOption('waitForReady', waitForReady, false);
  if (balanceKey !== undefined) stringOption('balanceKey', balanceKey, undefined);
  if (onHeaders !== undefined) functionOption('onHeaders', onHeaders);
  if (onTrailers !== undefined) functionOption('onTrailers', onTrailers);
  if (onMetadata !== undefined) functionOption('onMetadata', onMetadata);
  if (parent !== undefined) checkParent(parent);
}

function checkParent(parent: unknown): void {
  if (parent instanceof ServerCall) return;
  if (typeof parent === 'object' && parent !== null) {
    const { signal, timeRemainingMs } = parent as CallContext;
    if (isSignal(signal) && typeof timeRemainingMs === 'number') return;
  }
  throw new TypeError(`parent must be the context of the call being handled, not ${kindOf(parent)}`);
}

const interceptedNames: readonly (keyof InterceptedClientCall)[] = [
  'method',
  'kind',
  'request',
  'timeoutMs',
  'metadata',
  'signal',
  'waitForReady',
];

/**
 * Checks what an interceptor passes to `next`: the call with other options, but not another method. @throws TypeError
 * that says so.
 */
export function checkIntercepted(call: unknown, { method, kind }: InterceptedClientCall): void {
  if (typeof call !== 'object' || call === null)
    throw new TypeError(
      `next() of an interceptor takes the call, as in next({ ...call }), not ${kindOf(call)}`,
    );
  for (const name in call) {
    if (!(interceptedNames as readonly string[]).includes(name))
      refuseOption('next() of an interceptor', call, name, interceptedNames);
  }
  const { method: given, kind: givenKind = kind } = call as Partial<InterceptedClientCall>;
  if (given !== method)
    throw new TypeError(`next() of an interceptor calls ${method}; it cannot call ${kindOf(given)}`);
  if (givenKind !== kind)
    throw new TypeError(`next() of an interceptor calls ${method} as ${kind}, not as ${kindOf(givenKind)}`);
}
