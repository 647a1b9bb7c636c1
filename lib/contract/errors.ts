import { checkedDetails, detailsToJson, type ErrorDetail, noDetails } from './error-details.ts';
import { Metadata, type MetadataInit } from './metadata.ts';
import { booleanOption } from './option-shapes.ts';
import { knownOptions } from './options.ts';
import {
  isRefusal,
  isStatusName,
  type StatusName,
  type StatusNumber,
  statusNames,
  statusNumbers,
  statusOfWireCode,
  statusOfWord,
  wireCodeOfStatus,
  wireCodeOfWord,
} from './status.ts';
import { kindOf, messageOf } from './value-text.ts';

/** The data of an error besides code and message. */
export interface RpcErrorOptions {
  /** The number on the wire. Default: the number of the code. An application may use any positive 32-bit number. */
  readonly wireCode?: number;
  /** gRPC sends it as trailers. TinyPB cannot carry it. */
  readonly metadata?: MetadataInit;
  /**
   * gRPC sends them as `grpc-status-details-bin`; TinyPB cannot carry them. At most 100, and 32 KiB encoded. Details
   * that cannot be sent, or exceed what the client accepts, are left out, which is logged. Default none.
   */
  readonly details?: readonly ErrorDetail[];
  /** The cause; stays in this process. */
  readonly cause?: unknown;
  /** Set on the client; see RpcError. */
  readonly requestWritten?: boolean;
}

const optionNames: readonly (keyof RpcErrorOptions)[] = [
  'wireCode',
  'metadata',
  'details',
  'cause',
  'requestWritten',
];

/** A call that failed: at the peer, in the network, or because it was cancelled. */
export class RpcError extends Error {
  /** The name of a gRPC status. */
  readonly code: StatusName;
  /**
   * The number that was, or will be, on the wire; useful if `code` is UNKNOWN because an application uses a number of
   * its own.
   */
  readonly wireCode: number;
  /** As given to the constructor; for an error received by gRPC, the metadata that its peer sent with it. */
  readonly metadata: Metadata;
  /** As given to the constructor; for an error received by gRPC, the details that its server sent. */
  readonly details: readonly ErrorDetail[];
  /**
   * On the client: whether the whole request had been handed to the kernel when the call failed. `false`: the server
   * cannot have seen it, so any call may be repeated. `undefined`: not known, as for errors created by handlers.
   */
  readonly requestWritten: boolean | undefined;
  /** `Service.method` of the call that failed; absent on an error that the application created. */
  declare readonly method?: string;
  /** The target of the call's channel, as given. */
  declare readonly target?: string;
  /** The endpoint that the call was sent to when it failed; absent if there was none. */
  declare readonly endpoint?: string;

  /**
   * @param code `'NOT_FOUND'`, which is also `Status.NOT_FOUND`, or its gRPC number (1 to 16), as in the `status` of
   * grpc-js.
   * @throws TypeError for an unknown status, for OK, for an unknown option, for invalid `metadata`, and for `details`
   * of an unknown form; RangeError for a `wireCode` that cannot be sent, and for too many `details`.
   */
  constructor(code: StatusName | StatusNumber, message: string, options: RpcErrorOptions = {}) {
    const name: unknown = typeof code === 'number' ? statusNames[code] : code;
    if (!isStatusName(name) || name === 'OK') {
      throw new TypeError(
        `RpcError: not an error status: ${kindOf(code)}; there are ${statusNames.slice(1).join(', ')}, and their numbers from 1 to 16`,
      );
    }
    knownOptions('RpcError', options, optionNames);
    const { wireCode, metadata, details, cause, requestWritten } = options;
    super(textOf(message), cause === undefined ? undefined : { cause });
    this.code = name;
    this.wireCode = wireCode === undefined ? wireCodeOfStatus(name) : checkedWireCode(wireCode);
    this.metadata = metadata instanceof Metadata ? metadata : new Metadata(metadata);
    this.details = checkedDetails(details);
    this.requestWritten =
      requestWritten === undefined
        ? undefined
        : booleanOption('RpcError: requestWritten', requestWritten, false);
  }

  /**
   * On the client: whether the server has certainly not started to handle the request, because it was not written or
   * was refused before its handler; repeating the call then cannot have an effect twice.
   */
  get safeToRepeat(): boolean {
    return this.requestWritten === false || isRefusal(this.wireCode);
  }

  /** What JSON.stringify() writes: includes the message, which JSON leaves out of other errors, but not the cause. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, method, target, endpoint, wireCode, requestWritten, metadata, details } =
      this;
    const json: Record<string, unknown> = {
      name,
      code,
      message,
      method,
      target,
      endpoint,
      wireCode,
      requestWritten,
    };
    if (metadata.size > 0) json['metadata'] = metadata;
    if (details.length > 0) json['details'] = detailsToJson(details);
    return json;
  }

  /**
   * The error for a wire code and text received from a peer. @throws RangeError if it is not the wire code of an error.
   */
  static fromWire(wireCode: number, message: string, requestWritten?: boolean): RpcError {
    const options = requestWritten === undefined ? { wireCode } : { wireCode, requestWritten };
    return new RpcError(statusOfWireCode(checkedWireCode(wireCode)), message, options);
  }

  static {
    // On the prototype, so that the stack begins with this name too.
    Object.defineProperty(RpcError.prototype, 'name', {
      value: 'RpcError',
      configurable: true,
      writable: true,
    });
  }
}

/**
 * The error of a call that a transport reports: a status word, and the number that its protocol has for it (0: none).
 * `more` was received with it.
 */
export function receivedError(
  word: number,
  own: number,
  message: string,
  requestWritten: boolean,
  more?: Pick<RpcErrorOptions, 'metadata' | 'details'>,
): RpcError {
  const code = statusOfWord(word);
  // A failure never has the status OK: a word that says so is a bug.
  const wireCode = own === 0 ? wireCodeOfWord(word) : own;
  const options = { wireCode, requestWritten, ...more };
  return new RpcError(code === 'OK' ? 'UNKNOWN' : code, message, options);
}

/** Whether the server refused the call before it was handled; false for a call that this side could not send. */
export function wasRefused(error: RpcError): boolean {
  return isRefusal(error.wireCode);
}

/** The part of an error that a transport gets: its status word, its own number if it has one, its message. */
export interface Failure {
  readonly status: number;
  readonly own: number;
  readonly message: string;
  /** Sent with the error if the protocol has trailers. */
  readonly metadata: Metadata | undefined;
  /** `details`, sent with the trailers; undefined: none. User code may have replaced them by any value. */
  readonly details: unknown;
}

type ReadField = 'wireCode' | 'code' | 'metadata' | 'details';

/**
 * The part of a handler's RpcError that is sent. Undefined for anything else, and for an RpcError that was changed so
 * that its `wireCode` is not an error code: it would arrive as a success. Never throws.
 */
export function wireFailure(thrown: unknown): Failure | undefined {
  try {
    if (!(thrown instanceof RpcError)) return undefined;
    // Read once, because user code may have replaced them by getters.
    const { wireCode, code, metadata, details }: Readonly<Record<ReadField, unknown>> = thrown;
    if (!isErrorCode(wireCode)) return undefined;
    const name = isStatusName(code) && code !== 'OK' ? code : 'UNKNOWN';
    const own = wireCode === wireCodeOfStatus(name) ? 0 : wireCode;
    return {
      status: statusNumbers[name],
      own,
      message: messageOf(thrown),
      metadata: metadata instanceof Metadata && metadata.size > 0 ? metadata : undefined,
      details: details === noDetails ? undefined : details,
    };
  } catch {
    return undefined;
  }
}

/** JavaScript may pass anything, such as an Error that was caught; the status must be sent all the same. */
function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  return message === undefined ? '' : messageOf(message);
}

/** False for a value that throws when it is examined. */
export function isRpcError(value: unknown): value is RpcError {
  try {
    return value instanceof RpcError;
  } catch {
    return false;
  }
}

function checkedWireCode(code: number): number {
  if (isErrorCode(code)) return code;
  throw new RangeError(`RpcError: wireCode must be a 32-bit integer other than 0, not ${kindOf(code)}`);
}

function isErrorCode(code: unknown): code is number {
  return typeof code === 'number' && code !== 0 && (code | 0) === code;
}
