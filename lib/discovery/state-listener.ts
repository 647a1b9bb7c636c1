import { callUser } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';
import { safeLogger } from '../log/logger.ts';
import type { RegistrationState } from './registry.ts';

export type StateListener = (state: RegistrationState) => void;

/** @throws TypeError if it is not a function. */
export function checkStateListener(listener: StateListener): void {
  if (typeof listener !== 'function')
    throw new TypeError(`onState() takes a function, not ${kindOf(listener)}`);
}

/** Calls a user's listener; an exception from it must not stop the entry from being maintained or withdrawn. */
export function tellState(listener: StateListener, state: RegistrationState): void {
  callUser(
    () => listener(state),
    (error) => safeLogger(undefined).error(`a listener threw at the state ${state} of a registration`, error),
  );
}
