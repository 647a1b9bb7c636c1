import type { SignalWatcher } from '../contract/signal-watch.ts';
import { SignalWatch } from '../contract/signal-watch.ts';
import type { EndpointState } from './channel-endpoint.ts';

/**
 * The state of a channel's connections for unary calls. `idle`: none was asked for; `connecting`; `ready`: a call finds
 * one; `failed`: no endpoint is known, or none of them can be connected to at the moment, or none is healthy; `closed`:
 * close() was called.
 */
export type ChannelState = 'idle' | 'connecting' | 'ready' | 'failed' | 'closed';

/** The state of a channel with these listed endpoints. `isLost`: the resolver has failed, or named no endpoint. */
export function stateOf(endpoints: readonly EndpointState[], isLost: boolean): ChannelState {
  const states = new Set(endpoints.map(({ state }) => state));
  if (states.has('ready') || states.has('ejected')) return 'ready';
  if (states.has('connecting')) return 'connecting';
  if (states.has('idle')) return 'idle';
  return states.has('failed') || states.has('unhealthy') || isLost ? 'failed' : 'idle';
}

/** The iterators that watch the state of a channel. */
export class StateWatchers {
  readonly #watchers = new Set<StateWatcher>();
  readonly #read: () => ChannelState;

  constructor(read: () => ChannelState) {
    this.#read = read;
  }

  watch(signal: AbortSignal | undefined): StateWatcher {
    const watcher = new StateWatcher(this.#read, signal, () => this.#watchers.delete(watcher));
    if (signal?.aborted !== true) this.#watchers.add(watcher);
    return watcher;
  }

  /** The state may have changed. */
  onChange(): void {
    for (const watcher of [...this.#watchers]) watcher.onChange();
  }
}

type Result = IteratorResult<ChannelState, undefined>;

const done: Result = Object.freeze({ value: undefined, done: true });

/**
 * Yields the state, then each later state that differs from the one before. A state that lasts only between two calls
 * of next() is not seen.
 */
class StateWatcher implements AsyncIterableIterator<ChannelState, undefined>, SignalWatcher {
  readonly #read: () => ChannelState;
  readonly #onOver: () => void;
  readonly #signal: SignalWatch | undefined;
  readonly #waiting: ((result: Result) => void)[] = [];
  #last: ChannelState | undefined;
  #isOver = false;

  constructor(read: () => ChannelState, signal: AbortSignal | undefined, onOver: () => void) {
    this.#read = read;
    this.#onOver = onOver;
    this.#signal = signal && SignalWatch.of(signal);
    if (signal?.aborted === true) this.#isOver = true;
    else this.#signal?.add(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return new Promise((resolve) => {
      if (this.#isOver) return resolve(done);
      this.#waiting.push(resolve);
      this.onChange();
    });
  }

  return(): Promise<Result> {
    this.#end();
    return Promise.resolve(done);
  }

  onSignal(): void {
    this.#end();
  }

  onChange(): void {
    if (this.#isOver || this.#waiting.length === 0) return;
    const state = this.#read();
    if (state === this.#last) return;
    this.#last = state;
    this.#waiting.shift()?.({ value: state, done: false });
    // `closed` is the last state.
    if (state === 'closed') this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.delete(this);
    this.#onOver();
    for (const resolve of this.#waiting.splice(0)) resolve(done);
  }
}
