import { functionOption } from '../contract/option-shapes.ts';
import { type CallCredentials, insecureCredentials } from './call-credentials.ts';
import type { ChannelSettings } from './channel-settings.ts';
import type { MethodPlan } from './method-config.ts';

type Timeouts = Pick<ChannelSettings, 'timeoutMs' | 'streamTimeoutMs' | 'waitForReady' | 'isGiven'>;
type Credentials = Pick<ChannelSettings, 'credentials' | 'takesCredentials'>;

/**
 * The time limit of a call without one: the channel's. A service config may make it shorter; it counts alone where the
 * channel has only a default.
 */
export function defaultTimeoutMs(settings: Timeouts, streams: boolean, plan: MethodPlan | undefined): number {
  const own = streams ? settings.streamTimeoutMs : settings.timeoutMs;
  if (plan?.timeoutMs === undefined) return own;
  const isGiven = streams ? settings.isGiven.streamTimeoutMs : settings.isGiven.timeoutMs;
  return isGiven ? Math.min(own, plan.timeoutMs) : plan.timeoutMs;
}

/** Of a call that does not say so itself. */
export function defaultWaitForReady(settings: Timeouts, plan: MethodPlan | undefined): boolean {
  const isGiven = plan?.waitForReady === undefined || settings.isGiven.waitForReady;
  return isGiven ? settings.waitForReady : plan.waitForReady;
}

/**
 * Undefined: the call has none.
 *
 * @param own  of the call; undefined: those of the channel.
 * @throws TypeError if they would be sent to a server that is not verified.
 */
export function credentialsOf(settings: Credentials, own: unknown): CallCredentials | undefined {
  if (own === undefined) return settings.credentials;
  if (own === false) return undefined;
  const credentials = functionOption('credentials', own as CallCredentials);
  if (!settings.takesCredentials) throw new TypeError(insecureCredentials);
  return credentials;
}
