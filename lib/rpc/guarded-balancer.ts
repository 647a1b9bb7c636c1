import type { Balancer, BalancerFactory } from '../balance/balancer.ts';
import { type BalancerName, balancerFactory } from '../balance/balancers.ts';
import { RpcError } from '../contract/errors.ts';
import { checkMethods } from '../contract/option-shapes.ts';
import { callUser } from '../contract/user-code.ts';
import { kindOf, messageOf } from '../contract/value-text.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';

type OnUserError = (what: string, error: unknown) => void;

/** The balancer selected by the option. @throws TypeError if it is not a balancer, or if its factory throws. */
export function madeBalancer(
  option: BalancerName | BalancerFactory | undefined,
  onUserError: OnUserError,
): Balancer<ChannelEndpoint> {
  if (option === undefined) return balancerFactory('round_robin')();
  if (typeof option !== 'function') return balancerFactory(option)();
  let balancer: Balancer<ChannelEndpoint>;
  try {
    balancer = option<ChannelEndpoint>();
  } catch (cause) {
    throw new TypeError(`the option balancer threw: ${messageOf(cause)}`, { cause });
  }
  checkMethods('what the option balancer makes', balancer, ['update', 'pick'], 'a Balancer');
  return guarded(balancer, onUserError);
}

/**
 * Wraps a user's balancer. If pick() throws, that call fails; other exceptions are reported and stop neither calls nor
 * the channel from ending.
 */
function guarded(balancer: Balancer<ChannelEndpoint>, onUserError: OnUserError): Balancer<ChannelEndpoint> {
  let given: ReadonlySet<ChannelEndpoint> = new Set();
  const isTold = typeof balancer.onEnd === 'function';
  return {
    update(endpoints) {
      given = new Set(endpoints);
      callUser(
        () => balancer.update(endpoints),
        (error) => onUserError('update() of the balancer', error),
      );
    },
    pick(key, tried) {
      let picked: ChannelEndpoint | undefined;
      try {
        picked = balancer.pick(key, tried);
      } catch (cause) {
        throw unplaced(`the balancer threw: ${messageOf(cause)}`, cause);
      }
      if (picked === undefined || given.has(picked)) return picked;
      throw unplaced(`the balancer picked ${kindOf(picked)} that is none of the endpoints it was given last`);
    },
    ...(isTold && {
      onEnd(endpoint: ChannelEndpoint, latencyMs: number, failed: boolean): void {
        callUser(
          () => balancer.onEnd?.(endpoint, latencyMs, failed),
          (error) => onUserError('onEnd() of the balancer', error),
        );
      },
    }),
  };
}

function unplaced(text: string, cause?: unknown): RpcError {
  return new RpcError('INTERNAL', text, { cause, requestWritten: false });
}
