/** Who is told, once, that a signal has aborted. */
export interface SignalWatcher {
  onSignal(signal: AbortSignal): void;
}

/** Where watchers wait. */
export interface SignalSource {
  add(watcher: SignalWatcher): void;
  delete(watcher: SignalWatcher): void;
}

/** Those who wait for the same. Mostly there is one, and a Set for it would cost each call. */
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

  /** They may leave while they are told. */
  tell(signal: AbortSignal): void {
    const all = [...(this.others ?? [])];
    this.first?.onSignal(signal);
    for (const watcher of all) watcher.onSignal(signal);
  }
}

/**
 * Everybody of ours who waits for one signal, behind one listener: a signal may be shared by any number of calls, and
 * Node.js warns of a leak from the eleventh listener on. There is no listener while nobody waits.
 */
export class SignalWatch extends SignalWatchers {
  private readonly signal: AbortSignal;

  private constructor(signal: AbortSignal) {
    super();
    this.signal = signal;
  }

  /** The one of this signal. */
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
      // A signal of the user's. Whoever it tells has gone.
    }
  }

  /** EventListenerObject: no closure for each. */
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
