import { adopted, callUser, isThenable } from '../contract/user-code.ts';
import { errorOf } from '../contract/value-text.ts';
import type { Resolver, ResolverListener } from '../discovery/resolver.ts';

/** A resolver that may be the user's: what its methods throw keeps nothing of the channel from going on, or from closing. */
export class GuardedResolver implements Resolver {
  readonly #resolver: Resolver;
  readonly #onUserError: (what: string, error: unknown) => void;
  #refreshing = false;

  constructor(resolver: Resolver, onUserError: (what: string, error: unknown) => void) {
    this.#resolver = resolver;
    this.#onUserError = onUserError;
  }

  /** @throws what it throws: the channel cannot be made. */
  start(listener: ResolverListener): void {
    const started: unknown = this.#resolver.start(listener);
    if (isThenable(started)) adopted(started).catch((error: unknown) => listener.onError(errorOf(error)));
  }

  refresh(): void {
    // One that says at once that it failed would be asked again at once.
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
