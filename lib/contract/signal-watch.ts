/** A watcher that is notified once when a signal aborts. */
export interface SignalWatcher {
  onSignal(signal: AbortSignal): void;
}

/** A place where watchers are registered. */
export interface SignalSource {
  add(watcher: SignalWatcher): void;
  delete(watcher: SignalWatcher): void;
}

/** The watchers of one signal. Usually there is only one, for which a Set would cost each call too much. */
export class SignalWatchers implements SignalSource {
  private first: SignalWatcher | undefined = undefined;
  private others: Set<SignalWatcher> | undefined = undefined;

  get size(): number {
    return (this.first === undefined ? 0 : 1) + (this.others?.size ?? 0);
  }

  add(watcher: SignalWatcher): void {
    if (this.first === undefined) {
      this.first = watcher;
    } else {
      this.others ??= new Set();
      this.others.add(watcher);
    }
  }

  delete(watcher: SignalWatcher): void {
    if (this.first === watcher) this.first = undefined;
    else this.others?.delete(watcher);
  }

  /** They may remove themselves while they are notified. */
  tell(signal: AbortSignal): void {
    const all = [...(this.others ?? [])];
    this.first?.onSignal(signal);
    for (const watcher of all) watcher.onSignal(signal);
  }
}

/**
 * All our watchers of one signal, behind one listener: a signal may be shared by any number of calls, and
 * Node.js warns of a leak from the eleventh listener on. There is no listener while there are no watchers.
 */
export class SignalWatch extends SignalWatchers {
  private readonly signal: AbortSignal;

  private constructor(signal: AbortSignal) {
    super();
    this.signal = signal;
  }

  /** The watch of this signal. */
  static of(signal: AbortSignal): SignalWatch {
    return WatchOf.get(signal) ?? WatchOf.set(signal, new SignalWatch(signal));
  }

  override add(watcher: SignalWatcher): void {
    if (this.size === 0) this.signal.addEventListener('abort', this);
    super.add(watcher);
  }

  override delete(watcher: SignalWatcher): void {
    super.delete(watcher);
    if (this.size > 0) return;
    try {
      this.signal.removeEventListener('abort', this);
    } catch {
      // A user's signal may throw. Its watchers have been removed already.
    }
  }

  /** EventListenerObject: avoids a closure for each. */
  handleEvent(): void {
    this.tell(this.signal);
  }
}

class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: what a derived class then adds its private field to
    return object;
  }
}

/** A private field of signals: like a WeakMap, without its cost to the garbage collector when each call has a signal. */
class WatchOf extends Given {
  readonly #watch: SignalWatch;

  private constructor(signal: AbortSignal, watch: SignalWatch) {
    super(signal);
    this.#watch = watch;
  }

  static get(signal: AbortSignal): SignalWatch | undefined {
    return #watch in signal ? signal.#watch : undefined;
  }

  static set(signal: AbortSignal, watch: SignalWatch): SignalWatch {
    new WatchOf(signal, watch);
    return watch;
  }
}
