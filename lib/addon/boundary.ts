import { availableParallelism } from 'node:os';
import type { ClientReceiver, LinkState, PendingCall, ServerReceiver } from '../contract/transport.ts';
import { BatchStrings } from './batch-strings.ts';
import { loadBinary, type NativeEnvironment, type Slabs } from './binary.ts';
import { maxCommands } from './command-batch.ts';
import {
  abortEvent,
  callEndEvent,
  command,
  endpointClosedEvent,
  endpointStateEvent,
  event,
  eventFlag,
  eventKind,
  failureEvent,
  halfCloseEvent,
  headPlaceBits,
  logEvent,
  messageEvent,
  replyEvent,
  replyHeadersEvent,
  replyMessageEvent,
  requestEvent,
  requestRoomEvent,
  roomEvent,
  serverCheckEvent,
  serverClosedEvent,
  stringWords,
} from './layout.ts';
import { Outbox } from './outbox.ts';
import { PendingCalls } from './pending-calls.ts';

const maxEvents = 4096;
const slabBytes = 1 << 20;
/** At most this many strings of a batch are created in advance; the rest when they are decoded. */
const maxStrings = 2048;
/** Room for the request heads of a batch; with much metadata fewer heads fit. */
const headBytes = 256 << 10;

const headPlaceMask = (1 << headPlaceBits) - 1;

/** So JavaScript works in parallel with the io threads. On a single core it would only take their place. */
const announceEvents = availableParallelism() > 1 ? 512 : maxEvents;

function makeSlabs(): Slabs {
  return {
    inBytes0: Buffer.alloc(slabBytes),
    inWords0: new Int32Array(maxEvents * event.words),
    inStrings0: new Int32Array(maxStrings * stringWords),
    inHeads0: Buffer.alloc(headBytes),
    inBytes1: Buffer.alloc(slabBytes),
    inWords1: new Int32Array(maxEvents * event.words),
    inStrings1: new Int32Array(maxStrings * stringWords),
    inHeads1: Buffer.alloc(headBytes),
    outBytes: Buffer.alloc(slabBytes),
    outWords: new Int32Array(maxCommands * command.words),
    maxEvents,
    maxStrings,
    headBytes,
    announceEvents,
    slabBytes,
    maxLargeBytes: 64 << 20,
  };
}

/** Receives the events of one server or endpoint; onClosed() is called last. */
export interface Subscriber<Receiver> {
  readonly receiver: Receiver;
  onClosed(): void;
  /** A handshake waits for the answer whether this certificate belongs to the right server. */
  onServerCheck?(link: number, question: number, der: Buffer): void;
}

/**
 * This JavaScript environment's end of the core: reads the events of a batch, passes each to its server or client call,
 * and keeps the process alive while a server listens or a call is pending.
 */
export class Boundary {
  readonly native: NativeEnvironment;
  readonly outbox: Outbox;
  readonly pending = new PendingCalls();
  readonly #servers = new Map<number, Subscriber<ServerReceiver>>();
  readonly endpoints = new Map<number, Subscriber<ClientReceiver>>();
  readonly #slabs: Slabs;
  // The server of the last request, which is usually that of the next one too.
  #lastOwner = 0;
  #lastServer: ServerReceiver | undefined;
  readonly #strings = new BatchStrings();
  /** The strings that came with the batch: first those of messages, then those of heads. */
  #made: readonly string[] = [];
  #firstHeads = 0;
  #holders = 0;
  #large = 0;
  /** Large payloads that are decoded while the batch is handled. */
  readonly #read: Buffer[] = [];

  constructor() {
    this.#slabs = makeSlabs();
    this.native = new (loadBinary().Environment)(this.#slabs, this.#onBatch);
    this.outbox = new Outbox(this.native, this.#slabs);
  }

  /** The process stays alive until release() was called as often as hold(). */
  hold(): void {
    if (this.#holders++ === 0) this.native.setRef(true);
  }

  release(): void {
    if (--this.#holders === 0) this.native.setRef(false);
  }

  addServer(number: number, subscriber: Subscriber<ServerReceiver>): void {
    this.#servers.set(number, subscriber);
  }

  removeServer(number: number): void {
    this.#servers.delete(number);
    this.#lastOwner = 0;
    this.#lastServer = undefined;
  }

  /** The server of this number; undefined once it is closed. Numbers are not reused. */
  #serverOf(number: number): ServerReceiver | undefined {
    this.#lastOwner = number;
    this.#lastServer = this.#servers.get(number)?.receiver;
    return this.#lastServer;
  }

  readonly #onBatch = (
    slab: number,
    events: number,
    nowMs: number,
    strings: number,
    ...made: string[]
  ): void => {
    const words = slab === 0 ? this.#slabs.inWords0 : this.#slabs.inWords1;
    const bytes = slab === 0 ? this.#slabs.inBytes0 : this.#slabs.inBytes1;
    this.#large = 0;
    this.#strings.begin(bytes, slab === 0 ? this.#slabs.inStrings0 : this.#slabs.inStrings1, made, strings);
    this.#made = made;
    this.#firstHeads = strings;
    this.outbox.beginBatch(events === 1 && words[0] === eventKind.request);
    for (let i = 0, at = 0; i < events; i++, at += event.words) {
      try {
        this.#dispatch(words, at, bytes, nowMs);
      } catch (error) {
        // A bug in this library or in a user's callback; the other events of the batch must still be handled.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.#strings.end();
    this.#made = [];
    if (this.#read.length > 0) this.#dropLarge();
  };

  #takeLarge(kind: number, flags: number): Buffer {
    const buffer = this.native.takeLarge(this.#large++);
    // Compressed payloads and replies of streams are decoded later.
    if (kind !== eventKind.replyMessage && (flags & eventFlag.compressed) === 0) this.#read.push(buffer);
    return buffer;
  }

  /**
   * If this were left to the garbage collector, a few dozen large payloads would start a collection of the whole heap
   * each time.
   */
  #dropLarge(): void {
    for (const buffer of this.#read) this.native.dropLarge(buffer);
    this.#read.length = 0;
  }

  // Profiled with bench:boundary: a flat switch over integers, no object per event.
  #dispatch(words: Int32Array, at: number, bytes: Buffer, nowMs: number): void {
    const kind = words[at]!;
    const flags = words[at + event.flags]!;
    // Before anything else, for every event, even if nothing receives it any more: large blocks come in the order of
    // the events.
    const buffer = (flags & eventFlag.largePayload) === 0 ? bytes : this.#takeLarge(kind, flags);
    switch (kind) {
      case eventKind.request: {
        const owner = words[at + requestEvent.server]!;
        const low = words[at + requestEvent.callLow]!;
        const high = words[at + requestEvent.callHigh]!;
        const server = owner === this.#lastOwner ? this.#lastServer : this.#serverOf(owner);
        const start = words[at + requestEvent.payloadAt]!;
        const end = start + words[at + requestEvent.payloadBytes]!;
        if (server === undefined) return this.outbox.end(low, high);
        const strings = this.#stringsOf(flags);
        const method = words[at + requestEvent.method]!;
        const deadline = words[at + requestEvent.deadlineMs]!;
        const head = words[at + requestEvent.head]!;
        const heads = this.#made[this.#firstHeads + (head >>> headPlaceBits)] ?? '';
        const headAt = head & headPlaceMask;
        return server.onRequest(
          low,
          high,
          method,
          deadline,
          nowMs,
          buffer,
          start,
          end,
          heads,
          headAt,
          strings,
          flags,
        );
      }
      case eventKind.message: {
        const owner = words[at + messageEvent.server]!;
        const server = owner === this.#lastOwner ? this.#lastServer : this.#serverOf(owner);
        const low = words[at + messageEvent.callLow]!;
        const high = words[at + messageEvent.callHigh]!;
        const start = words[at + messageEvent.payloadAt]!;
        const end = start + words[at + messageEvent.payloadBytes]!;
        return server?.onMessage(low, high, buffer, start, end, this.#stringsOf(flags), flags);
      }
      case eventKind.halfClose: {
        const server = this.#serverOf(words[at + halfCloseEvent.server]!);
        return server?.onHalfClose(words[at + halfCloseEvent.callLow]!, words[at + halfCloseEvent.callHigh]!);
      }
      case eventKind.room: {
        const server = this.#serverOf(words[at + roomEvent.server]!);
        const low = words[at + roomEvent.callLow]!;
        return server?.onRoom(low, words[at + roomEvent.callHigh]!, words[at + roomEvent.bytes]!);
      }
      case eventKind.reply: {
        const strings = this.#stringsOf(flags);
        const start = words[at + replyEvent.payloadAt]!;
        const end = start + words[at + replyEvent.payloadBytes]!;
        const call = this.#endCall(
          words[at + replyEvent.handleIndex]!,
          words[at + replyEvent.handleGeneration]!,
        );
        const text = (flags & eventFlag.grpc) === 0 ? textOf(words, at, bytes) : metadataOf(words, at, bytes);
        call?.onReply(buffer, start, end, text, strings);
        return;
      }
      case eventKind.replyHeaders: {
        const call = this.pending.at(
          words[at + replyHeadersEvent.handleIndex]!,
          words[at + replyHeadersEvent.handleGeneration]!,
        );
        return call?.onHeaders(metadataOf(words, at, bytes));
      }
      case eventKind.replyMessage: {
        const start = words[at + replyMessageEvent.payloadAt]!;
        const end = start + words[at + replyMessageEvent.payloadBytes]!;
        const call = this.pending.at(
          words[at + replyMessageEvent.handleIndex]!,
          words[at + replyMessageEvent.handleGeneration]!,
        );
        return call?.onMessage(buffer, start, end, this.#stringsOf(flags), flags);
      }
      case eventKind.requestRoom: {
        const call = this.pending.at(
          words[at + requestRoomEvent.handleIndex]!,
          words[at + requestRoomEvent.handleGeneration]!,
        );
        return call?.onRoom(words[at + requestRoomEvent.bytes]!);
      }
      case eventKind.callEnd: {
        const end = {
          status: words[at + callEndEvent.status]!,
          own: words[at + callEndEvent.own]!,
          message: textOf(words, at, bytes),
          requestWritten: (flags & eventFlag.requestWritten) !== 0,
        };
        const start = words[at + callEndEvent.payloadAt]!;
        const trailers = buffer.toString('latin1', start, start + words[at + callEndEvent.payloadBytes]!);
        const call = this.#endCall(
          words[at + callEndEvent.handleIndex]!,
          words[at + callEndEvent.handleGeneration]!,
        );
        call?.onEnd(end, trailers);
        return;
      }
      case eventKind.failure: {
        const status = words[at + failureEvent.status]!;
        const own = words[at + failureEvent.own]!;
        const written = (flags & eventFlag.requestWritten) !== 0;
        const call = this.#endCall(
          words[at + failureEvent.handleIndex]!,
          words[at + failureEvent.handleGeneration]!,
        );
        call?.onFailure(status, own, textOf(words, at, bytes), written);
        return;
      }
      case eventKind.abort: {
        const low = words[at + abortEvent.callLow]!;
        const high = words[at + abortEvent.callHigh]!;
        const server = this.#serverOf(words[at + abortEvent.server]!);
        if (server === undefined) this.outbox.end(low, high);
        else server.onAbort(low, high, words[at + abortEvent.status]!);
        return;
      }
      case eventKind.serverClosed:
        return this.#servers.get(words[at + serverClosedEvent.server]!)?.onClosed();
      case eventKind.endpointState: {
        const number = words[at + endpointStateEvent.endpoint]!;
        const link = words[at + endpointStateEvent.link]!;
        const state = words[at + endpointStateEvent.state] as LinkState;
        return this.endpoints
          .get(number)
          ?.receiver.onLinkState(number, link, state, textOf(words, at, bytes));
      }
      case eventKind.serverCheck: {
        const start = words[at + serverCheckEvent.payloadAt]!;
        const der = Buffer.from(buffer.subarray(start, start + words[at + serverCheckEvent.payloadBytes]!));
        return this.endpoints
          .get(words[at + serverCheckEvent.endpoint]!)
          ?.onServerCheck?.(words[at + serverCheckEvent.link]!, words[at + serverCheckEvent.question]!, der);
      }
      case eventKind.endpointClosed:
        return this.endpoints.get(words[at + endpointClosedEvent.endpoint]!)?.onClosed();
      case eventKind.log:
        return this.#serverOf(words[at + logEvent.server]!)?.onLog(textOf(words, at, bytes));
    }
  }

  #stringsOf(flags: number): BatchStrings | undefined {
    return (flags & eventFlag.asciiText) === 0 ? undefined : this.#strings;
  }

  #endCall(index: number, generation: number): PendingCall | undefined {
    const call = this.pending.take(index, generation);
    if (call !== undefined) this.release();
    return call;
  }
}

function textOf(words: Int32Array, at: number, bytes: Buffer): string {
  const length = words[at + event.textBytes]!;
  if (length === 0) return '';
  const start = words[at + event.textAt]!;
  return bytes.toString('utf8', start, start + length);
}

/** The metadata of a gRPC call, undecoded. */
function metadataOf(words: Int32Array, at: number, bytes: Buffer): string {
  const length = words[at + event.textBytes]!;
  if (length === 0) return '';
  const start = words[at + event.textAt]!;
  return bytes.toString('latin1', start, start + length);
}

let boundary: Boundary | undefined;

/** The boundary of this environment (the main thread, or this worker thread), created on first use. */
export function theBoundary(): Boundary {
  boundary ??= new Boundary();
  return boundary;
}
