import { AsyncResource } from 'node:async_hooks';
import { type EncodedBytes, encodedAside } from '../contract/encoded-bytes.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { type MessageIterator, requestIterator } from './message-iterator.ts';
import { type ReplayMemory, ReplayShare } from './replay-memory.ts';
import { isMarked, uncompressed } from './uncompressed.ts';

/** More than is sent to a server that reads nothing, so that such an attempt does not become the only one. */
const mostBytes = 1024 * 1024;

const done: IteratorResult<EncodedBytes, undefined> = Object.freeze({ value: undefined, done: true });

/** The requests for one attempt. `at`: how many of them it has asked for. */
export interface HedgedReader extends AsyncIterable<EncodedBytes> {
  readonly at: number;
}

/** The call whose attempts read the same stream of requests. */
export interface HedgedRequestsOwner {
  /** This reader asks for more than another attempt could send again. */
  onFull(reader: object): void;
  /** An error that the user's iterator threw while it was stopped. */
  onLateError(error: unknown): void;
}

/**
 * The requests of a hedged call: the caller's iterable is read once, and every attempt gets all of it. They are kept
 * encoded, since the caller may reuse the values. Their memory is bounded, apart from one message: the attempt that
 * asks for more becomes the only one.
 */
export class HedgedRequests {
  readonly #method: MethodDefinition;
  readonly #owner: HedgedRequestsOwner;
  readonly #iterator: MessageIterator;
  /** The asynchronous context in which the call was made; the user's code runs in it. */
  readonly #resource = new AsyncResource('RocketRpcRequests');
  #kept: EncodedBytes[] = [];
  /** Number of requests that were dropped before those. */
  #dropped = 0;
  readonly #share: ReplayShare;
  /** The reader of the only attempt that is left. */
  #only: object | undefined;
  #isComplete = false;
  #isStopped = false;
  #failure: { readonly error: unknown } | undefined;
  #pulling: Promise<void> | undefined;

  /** @throws TypeError if they cannot be iterated, and any error of the user's code. */
  constructor(method: MethodDefinition, requests: unknown, owner: HedgedRequestsOwner, replay: ReplayMemory) {
    this.#method = method;
    this.#share = new ReplayShare(replay, mostBytes);
    this.#owner = owner;
    this.#iterator = requestIterator(requests, method.wireName);
  }

  /** A reader of all requests, for one attempt. */
  reader(): HedgedReader {
    const reader = {
      at: 0,
      [Symbol.asyncIterator]: () => reader,
      next: (): Promise<IteratorResult<EncodedBytes, undefined>> => this.#read(reader, reader.at++),
    };
    return reader;
  }

  /**
   * One attempt is left: requests that it has read are dropped, and the readers of the other attempts, which may be
   * waiting, end.
   */
  commit(reader: HedgedReader | undefined): void {
    this.#only = reader;
    // It may still be asking for the request before this one.
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
