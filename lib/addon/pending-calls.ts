import type { PendingCall } from '../contract/transport.ts';

const indexLimit = 1 << 24;
const generationLimit = 1 << 28;

/**
 * The client calls of this environment that have not ended, by handle. An index is reused only with a different
 * generation, so an event for a cancelled call finds no entry.
 */
export class PendingCalls {
  readonly #calls: (PendingCall | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#calls.length - this.#free.length;
  }

  add(call: PendingCall): void {
    const index = this.#free.pop() ?? this.#calls.length;
    if (index >= indexLimit) throw new RangeError('rocket-rpc: more than 16,777,216 calls are pending');
    const generation = ((this.#generations[index] ?? 0) + 1) % generationLimit;
    this.#calls[index] = call;
    this.#generations[index] = generation;
    call.handleIndex = index;
    call.handleGeneration = generation;
  }

  /** The call of this handle; undefined once it has ended. */
  at(index: number, generation: number): PendingCall | undefined {
    return this.#generations[index] === generation ? this.#calls[index] : undefined;
  }

  take(index: number, generation: number): PendingCall | undefined {
    const call = this.#calls[index];
    if (call === undefined || this.#generations[index] !== generation) return undefined;
    this.#calls[index] = undefined;
    this.#free.push(index);
    return call;
  }
}
