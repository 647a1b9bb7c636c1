import { callUser } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';
import { safeLogger } from '../log/logger.ts';
import type { RegistrationState } from './registry.ts';

export type StateListener = (state: RegistrationState) => void;

/** @throws TypeError for what cannot be called. */
export function checkStateListener(listener: StateListener): void {
  if (typeof listener !== 'function')
    throw new TypeError(`onState() takes a function, not ${kindOf(listener)}`);
}

/** A listener of the user's; what it throws must not keep the entry from being kept up, or withdrawn. */
export function tellState(listener: StateListener, state: RegistrationState): void {
  callUser(
    () => listener(state),
    (error) => safeLogger(undefined).error(`a listener threw at the state ${state} of a registration`, error),
  );
}
