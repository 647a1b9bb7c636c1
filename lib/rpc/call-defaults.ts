import { functionOption } from '../contract/option-shapes.ts';
import { type CallCredentials, insecureCredentials } from './call-credentials.ts';
import type { ChannelSettings } from './channel-settings.ts';
import type { MethodPlan } from './method-config.ts';

type Timeouts = Pick<ChannelSettings, 'timeoutMs' | 'streamTimeoutMs' | 'waitForReady' | 'isGiven'>;
type Credentials = Pick<ChannelSettings, 'credentials' | 'takesCredentials'>;

/**
 * The time limit of a call that has none of its own: the channel's option. If the channel has only a default, the time
 * limit of the service config takes its place; otherwise the shorter one counts.
 */
export function defaultTimeoutMs(settings: Timeouts, streams: boolean, plan: MethodPlan | undefined): number {
  const own = streams ? settings.streamTimeoutMs : settings.timeoutMs;
  if (plan?.timeoutMs === undefined) return own;
  const isGiven = streams ? settings.isGiven.streamTimeoutMs : settings.isGiven.timeoutMs;
  return isGiven ? Math.min(own, plan.timeoutMs) : plan.timeoutMs;
}

/** `waitForReady` of a call that does not set it. */
export function defaultWaitForReady(settings: Timeouts, plan: MethodPlan | undefined): boolean {
  const isGiven = plan?.waitForReady === undefined || settings.isGiven.waitForReady;
  return isGiven ? settings.waitForReady : plan.waitForReady;
}

/**
 * The credentials of a call; undefined if it has none.
 *
 * @param own the option of the call; undefined: the channel's is used.
 * @throws TypeError if they would be sent to a server that is not verified.
 */
export function credentialsOf(settings: Credentials, own: unknown): CallCredentials | undefined {
  if (own === undefined) return settings.credentials;
  if (own === false) return undefined;
  const credentials = functionOption('credentials', own as CallCredentials);
  if (!settings.takesCredentials) throw new TypeError(insecureCredentials);
  return credentials;
}
