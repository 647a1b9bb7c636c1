import { AsyncResource } from 'node:async_hooks';
import { type EncodedBytes, encodedAside } from '../contract/encoded-bytes.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { type MessageIterator, requestIterator } from './message-iterator.ts';
import { type ReplayMemory, ReplayShare } from './replay-memory.ts';
import { isMarked, uncompressed } from './uncompressed.ts';

/** More than a server that reads nothing is sent: that one must not be the attempt that remains. */
const mostBytes = 1024 * 1024;

const done: IteratorResult<EncodedBytes, undefined> = Object.freeze({ value: undefined, done: true });

/** Requests for one attempt; it has asked for so many. */
export interface HedgedReader extends AsyncIterable<EncodedBytes> {
  readonly at: number;
}

/** Whoever is told of a stream of requests that several attempts read. */
export interface HedgedRequestsOwner {
  /** This reader asks for more than another attempt could send again. */
  onFull(reader: object): void;
  /** What the user's code throws when it is told to stop. */
  onLateError(error: unknown): void;
}

/**
 * The requests of a hedged call: the caller's iterable is read once, and every attempt gets all of it. Encoded, since the
 * caller may reuse the values. What is kept is bounded, give or take one message: the attempt that asks for more remains.
 */
export class HedgedRequests {
  readonly #method: MethodDefinition;
  readonly #owner: HedgedRequestsOwner;
  readonly #iterator: MessageIterator;
  /** What was current where the call was made, for the user's code. */
  readonly #resource = new AsyncResource('RocketRpcRequests');
  #kept: EncodedBytes[] = [];
  /** So many were read before those. */
  #dropped = 0;
  readonly #share: ReplayShare;
  /** The reader of the attempt that remains. */
  #only: object | undefined;
  #isComplete = false;
  #isStopped = false;
  #failure: { readonly error: unknown } | undefined;
  #pulling: Promise<void> | undefined;

  /** @throws TypeError if they cannot be iterated, and what the user's code throws. */
  constructor(method: MethodDefinition, requests: unknown, owner: HedgedRequestsOwner, replay: ReplayMemory) {
    this.#method = method;
    this.#share = new ReplayShare(replay, mostBytes);
    this.#owner = owner;
    this.#iterator = requestIterator(requests, method.wireName);
  }

  /** All of them, for one attempt. */
  reader(): HedgedReader {
    const reader = {
      at: 0,
      [Symbol.asyncIterator]: () => reader,
      next: (): Promise<IteratorResult<EncodedBytes, undefined>> => this.#read(reader, reader.at++),
    };
    return reader;
  }

  /** One attempt remains: nothing is read again, and nothing is for the readers of others, who may be waiting. */
  commit(reader: HedgedReader | undefined): void {
    this.#only = reader;
    // It may be asking for the one before this.
    if (reader !== undefined) this.#dropBelow(reader.at - 1);
  }

  /** The call is over. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#kept = [];
    this.#share.dropAll();
    if (!this.#isComplete && this.#failure === undefined)
      this.#resource.runInAsyncScope(() => this.#iterator.stop((error) => this.#owner.onLateError(error)));
  }

  async #read(reader: object, at: number): Promise<IteratorResult<EncodedBytes, undefined>> {
    for (;;) {
      if (this.#only !== undefined && this.#only !== reader) return done;
      const value = this.#kept[at - this.#dropped];
      if (value !== undefined) {
        if (this.#only === reader) this.#dropBelow(at + 1);
        return { value, done: false };
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isComplete || this.#isStopped) return done;
      if (this.#only === undefined && this.#share.isFull) this.#owner.onFull(reader);
      this.#pulling ??= this.#pull();
      await this.#pulling;
    }
  }

  #dropBelow(at: number): void {
    for (const message of this.#kept.splice(0, Math.max(0, at - this.#dropped))) {
      this.#share.drop(message);
      this.#dropped++;
    }
  }

  async #pull(): Promise<void> {
    try {
      const result: unknown = await this.#resource.runInAsyncScope(() => this.#iterator.next());
      if (typeof result !== 'object' || result === null)
        throw new TypeError(`next() of an iterator of messages returns an object, not ${kindOf(result)}`);
      const { done: isDone, value } = result as { readonly done?: unknown; readonly value?: unknown };
      if (isDone) this.#isComplete = true;
      else this.#keep(this.#iterator.isAsync ? value : await value);
    } catch (error) {
      this.#failure = { error };
    }
    this.#pulling = undefined;
  }

  #keep(value: unknown): void {
    if (this.#isStopped) return;
    const message = encodedAside(this.#method.request, value);
    if (isMarked(value)) uncompressed(message);
    this.#kept.push(message);
    this.#share.keep(message);
  }
}
