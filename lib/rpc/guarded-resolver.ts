import { adopted, callUser, isThenable } from '../contract/user-code.ts';
import { errorOf } from '../contract/value-text.ts';
import type { Resolver, ResolverListener } from '../discovery/resolver.ts';

/**
 * Wraps a resolver that may be the user's: an exception from its methods does not stop the channel from working, or
 * from closing.
 */
export class GuardedResolver implements Resolver {
  readonly #resolver: Resolver;
  readonly #onUserError: (what: string, error: unknown) => void;
  #refreshing = false;

  constructor(resolver: Resolver, onUserError: (what: string, error: unknown) => void) {
    this.#resolver = resolver;
    this.#onUserError = onUserError;
  }

  /** @throws what the resolver throws: the channel cannot be created. */
  start(listener: ResolverListener): void {
    const started: unknown = this.#resolver.start(listener);
    if (isThenable(started)) adopted(started).catch((error: unknown) => listener.onError(errorOf(error)));
  }

  refresh(): void {
    // A resolver that fails immediately would otherwise be asked again immediately.
    if (this.#refreshing) return;
    this.#refreshing = true;
    callUser(
      () => this.#resolver.refresh(),
      (error) => this.#onUserError('refresh() of the resolver', error),
    );
    this.#refreshing = false;
  }

  close(): void {
    callUser(
      () => this.#resolver.close(),
      (error) => this.#onUserError('close() of the resolver', error),
    );
  }
}
