import { AsyncResource } from 'node:async_hooks';
import type { CompressionFormat } from '../contract/compression.ts';
import { type EncodedBytes, encodedOnce } from '../contract/encoded-bytes.ts';
import { RpcError } from '../contract/errors.ts';
import type { MethodDefinition } from '../contract/service.ts';
import {
  type ClientTransport,
  messageHeadBytes,
  type PendingCall,
  type ReadyStrings,
  requestFlag,
  streamRoomBytes,
} from '../contract/transport.ts';
import { unreadable } from './call-failure.ts';
import { compressed, decompressed, formatOfFlags, type MessageLimit } from './compression.ts';
import { IncomingMessages, type IncomingOwner } from './incoming-messages.ts';
import { type MessageIterator, requestIterator } from './message-iterator.ts';
import { memoryError } from './out-of-memory.ts';
import { OutgoingMessages, type OutgoingOwner } from './outgoing-messages.ts';
import type { QueuedMessages } from './queued-messages.ts';
import { RawMessage } from './raw-message.ts';
import { type ReplayMemory, ReplayShare } from './replay-memory.ts';
import { isMarked, shorterOf } from './uncompressed.ts';

/**
 * The memory that the kept requests of one stream may take, including that of their objects. Requests of 32 bytes or
 * more reach `streamRoomBytes` first.
 */
const mostKeptBytes = 256 * 1024;

/** The call that streams belong to. */
export interface StreamedCall extends PendingCall {
  readonly ended: boolean;
  readonly replyLimit: MessageLimit;
  /** Cancels the call, which ends with this error. */
  cancel(error: unknown): void;
  /** A user's iterator threw after the call had ended. */
  onUserError(what: string, error: unknown): void;
}

/**
 * The part of a client's call that only methods with a stream have: the requests that are pulled from the caller, and
 * the replies that wait to be read. It lives as long as the call, through all its attempts.
 */
export class ClientStreams implements IncomingOwner, OutgoingOwner {
  readonly sendsRequests: boolean;
  /** Undefined if the method has a single reply. */
  readonly replies: IncomingMessages | undefined;
  /** The compression of requests; undefined: none. */
  format: CompressionFormat | undefined = undefined;
  /** The longest wait for an endpoint, of each attempt, milliseconds. */
  waitMs = 0;
  /**
   * When this attempt stops waiting for an endpoint, on the clock of performance.now(); undefined: it has not begun to
   * wait.
   */
  #placeBy: number | undefined = undefined;
  /** When the first reply arrived, on the clock of performance.now(). */
  answeredAt: number | undefined = undefined;
  #method: MethodDefinition;
  #call: StreamedCall | undefined;
  #left: Pick<StreamedCall, 'cancel'> | undefined;
  /** The transport of the attempt that is under way; undefined between two attempts. */
  #transport: ClientTransport | undefined;
  #requests: OutgoingMessages | undefined;
  /** The asynchronous context in which the call was made; the user's code that makes the requests runs in it. */
  #resource: AsyncResource | undefined;
  /**
   * The requests so far, kept while another attempt could send them again. They are encoded, since the caller may reuse
   * the values.
   */
  #sent: EncodedBytes[] | undefined = [];
  readonly #share: ReplayShare;
  #sentBytes = 0;
  #sentAll = false;
  #isDropped = false;
  #isOver = false;

  readonly queued: QueuedMessages;
  readonly replay: ReplayMemory;

  /**
   * `method` is not checked yet. `shared`: the replies of a call with several attempts; setOwner() says which attempt
   * they come from.
   */
  constructor(
    method: MethodDefinition,
    hasReplies: boolean,
    queued: QueuedMessages,
    replay: ReplayMemory,
    shared?: IncomingMessages,
  ) {
    this.queued = queued;
    this.replay = replay;
    this.#share = new ReplayShare(replay, mostKeptBytes);
    const kind = method?.kind;
    this.#method = method;
    this.sendsRequests = kind === 'clientStream' || kind === 'bidi';
    this.replies = shared ?? (hasReplies ? new IncomingMessages(this) : undefined);
  }

  /** Called when the attempt waits, or still waits, for an endpoint. Returns the time until which it may. */
  waitUntil(now: number): number {
    this.#placeBy ??= now + this.waitMs;
    return this.#placeBy;
  }

  /**
   * Takes the requests, if they stream. `method` is the one that the attempts call.
   *
   * @throws TypeError if they cannot be iterated, and any error of the user's code.
   */
  take(method: MethodDefinition, requests: unknown): void {
    this.#method = method;
    if (!this.sendsRequests) return;
    const iterator: MessageIterator = requestIterator(requests, this.#method.wireName);
    this.#resource = new AsyncResource('RocketRpcRequests');
    this.#requests = new OutgoingMessages(this, iterator, 0);
    // Making the iterator ran user code, which may have ended the call.
    if (this.#isOver) return this.#stopRequests();
    // There is no room yet, so this only waits for it.
    this.#requests.pull();
  }

  bind(call: StreamedCall): void {
    this.#call = call;
  }

  /** For a call with several attempts: a reader that leaves before one of them is answered cancels this. */
  leaveTo(call: Pick<StreamedCall, 'cancel'>): void {
    this.#left = call;
  }

  /** This attempt has got so far that no other one may follow. */
  get isCommitted(): boolean {
    return this.answeredAt !== undefined || this.#sent === undefined;
  }

  /** No other attempt will follow, so no request needs to be kept. */
  commit(): void {
    if (this.#sent === undefined) return;
    this.#sent = undefined;
    this.#share.dropAll();
  }

  /** The attempt has been started at an endpoint. */
  onStarted(transport: ClientTransport): void {
    this.#transport = transport;
    this.#placeBy = undefined;
    const requests = this.#requests;
    if (requests === undefined) return;
    try {
      for (const bytes of this.#sent ?? [])
        transport.message(this.#call!, bytes, undefined, bytes.isCompressed);
      this.#forgetLongSent();
    } catch (error) {
      return this.fail(memoryError(error, this.#aRequest));
    }
    if (this.#sentAll) transport.halfClose(this.#call!);
    else if (requests.resume(streamRoomBytes - this.#sentBytes)) this.#pull();
  }

  /** The attempt has failed; another one may follow. */
  onAttemptOver(): void {
    this.#transport = undefined;
    this.#requests?.pause();
  }

  onRoom(bytes: number): void {
    if (this.#requests?.addRoom(bytes) === true) this.#pull();
  }

  #pull(): void {
    this.#resource?.runInAsyncScope(pullRequests, undefined, this.#requests);
  }

  /** One reply. */
  onMessage(
    buffer: Buffer,
    start: number,
    end: number,
    strings: ReadyStrings | undefined,
    flags: number,
  ): void {
    this.answeredAt ??= performance.now();
    this.commit();
    if (this.replies?.isCrowded === true) return this.replies.pack(buffer, start, end, flags);
    if ((flags & requestFlag.compressed) !== 0) {
      const message = new RawMessage(Buffer.from(buffer.subarray(start, end)), flags);
      return this.replies?.pushRaw(message, end - start + messageHeadBytes);
    }
    let value: unknown;
    try {
      value = this.#method.response.decode(buffer, start, end, strings);
    } catch (error) {
      return this.refuse(error);
    }
    this.replies?.push(value, end - start + messageHeadBytes);
  }

  open({ bytes, flags }: RawMessage): Buffer | Promise<Buffer | undefined> {
    return decompressed(bytes, formatOfFlags(flags), this.#call!.replyLimit, isWanted);
  }

  decode(bytes: Buffer): unknown {
    return this.#method.response.decode(bytes, 0, bytes.length, undefined);
  }

  onTaken(): void {
    // How a reply was compressed is not reported to callers.
  }

  refuse(error: unknown): void {
    const told = unreadable(this.#method, error);
    // The call may have ended while this reply waited to be decompressed.
    if (this.#isOver) this.replies?.fail(told);
    else this.#call?.cancel(told);
  }

  giveBack(bytes: number): void {
    this.#transport?.taken(this.#call!, bytes);
  }

  onLeft(): void {
    if (this.#isOver) return;
    const text = `the caller of ${this.#method.wireName} has left the loop over its replies`;
    (this.#left ?? this.#call)?.cancel(new RpcError('CANCELLED', text));
  }

  /** @throws the error of encoding. */
  send(value: unknown): number {
    const transport = this.#transport;
    try {
      if (this.format !== undefined) return this.#sendCompressed(value, this.format);
      if (this.#sent !== undefined) return this.#sendEncoded(encodedOnce(this.#method.request, value));
      // The attempt has failed and no other one can follow: the call is about to end.
      if (transport === undefined) return messageHeadBytes;
      return transport.message(this.#call!, this.#method.request, value, false) + messageHeadBytes;
    } catch (error) {
      throw memoryError(error, this.#aRequest);
    }
  }

  #sendCompressed(value: unknown, format: CompressionFormat): number {
    const plain = encodedOnce(this.#method.request, value);
    const result = isMarked(value) ? undefined : compressed(plain.bytes, format, this.#isWanted);
    if (!(result instanceof Promise)) return this.#sendEncoded(shorterOf(plain, result));
    result
      .then((bytes) => {
        if (this.#isOver) return;
        this.#requests?.sent(this.#sendEncoded(shorterOf(plain, bytes)));
        this.#pull();
      })
      .catch((error: unknown) => this.#requests?.unsent(memoryError(error, this.#aRequest)));
    return 0;
  }

  readonly #isWanted = (): boolean => !this.#isOver;

  /** Between two attempts the request is only kept: the next attempt sends it. */
  #sendEncoded(encoded: EncodedBytes): number {
    const bytes = encoded.bytes.length + messageHeadBytes;
    // Encoding ran the user's getters, which may have ended the call.
    if (this.#isOver) return bytes;
    this.#sentBytes += bytes;
    if (this.#sent !== undefined) {
      this.#sent.push(encoded);
      this.#share.keep(encoded);
    }
    if (this.#transport === undefined) return bytes;
    this.#transport.message(this.#call!, encoded, undefined, encoded.isCompressed);
    this.#forgetLongSent();
    return bytes;
  }

  /**
   * Stops keeping requests once they are longer than the room that an attempt begins with, because they could not all
   * be sent again at once, or once they take too much memory.
   */
  #forgetLongSent(): void {
    if (this.#sent !== undefined && (this.#sentBytes >= streamRoomBytes || this.#share.isFull)) this.commit();
  }

  get #aRequest(): string {
    return `a request of ${this.#method.wireName}`;
  }

  finish(): void {
    this.#sentAll = true;
    this.#transport?.halfClose(this.#call!);
  }

  fail(error: unknown): void {
    this.#call?.cancel(error);
  }

  onLateError(error: unknown): void {
    this.#call?.onUserError(`the iterator of the requests of ${this.#method.wireName}`, error);
  }

  /** The caller ends the call: replies that have arrived and are not read are dropped. */
  drop(): void {
    this.#isDropped = true;
  }

  /** The call has failed. */
  failReplies(error: unknown): void {
    if (this.#isDropped) this.replies?.fail(error);
    else this.replies?.completeWith(error);
  }

  /** The call has ended: no further request is pulled. */
  close(): void {
    this.#isOver = true;
    this.#transport = undefined;
    this.replies?.leaveCount(this);
    this.commit();
    this.#stopRequests();
  }

  #stopRequests(): void {
    const requests = this.#requests;
    if (requests !== undefined) this.#resource?.runInAsyncScope(stopRequests, undefined, requests);
  }
}

function pullRequests(requests: OutgoingMessages): void {
  requests.pull();
}

function stopRequests(requests: OutgoingMessages): void {
  requests.stop();
}

function isWanted(): boolean {
  // A reply is only decompressed when its reader asks for it.
  return true;
}
