import { AsyncLocalStorage } from 'node:async_hooks';
import { setCallSource } from '../log/current-call.ts';
import type { CallContext } from './call-context.ts';

/** Created on first use: an AsyncLocalStorage slows every promise of the process on Node 20 and 22. */
let storage: AsyncLocalStorage<CallContext> | undefined;

/** Runs a handler so that calls made inside it find their parent; for servers with `asyncContext: true`. */
export function runInContext<T>(context: CallContext, body: () => T): T {
  if (storage === undefined) {
    storage = new AsyncLocalStorage<CallContext>();
    setCallSource(currentCall);
  }
  return storage.run(context, body);
}

/** The context of the call being handled here, if its server has `asyncContext: true`. */
export function currentCall(): CallContext | undefined {
  return storage?.getStore();
}
