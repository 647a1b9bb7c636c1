import { RpcError } from '../contract/errors.ts';
import { Metadata } from '../contract/metadata.ts';
import { isStatusName, type StatusName, type StatusNumber, statusNumbers } from '../contract/status.ts';
import { messageOf } from '../contract/value-text.ts';
import { GrpcMetadata, isMetadata, metadataOf } from './nest-metadata.ts';

/** The properties of a controller's error that grpc-js reads. */
interface GivenStatus {
  readonly code?: unknown;
  readonly details?: unknown;
  readonly message?: unknown;
  readonly metadata?: unknown;
}

/**
 * The RpcError for a value that a controller threw: an RpcError is returned as it is. Of any other value the `code` (a
 * number or a name), the `details` or else the `message`, and the `metadata` are used. Without a code it is UNKNOWN.
 * Never throws.
 */
export function toRpcError(thrown: unknown): RpcError {
  try {
    if (thrown instanceof RpcError) return thrown;
    if (typeof thrown !== 'object' || thrown === null)
      return new RpcError('UNKNOWN', typeof thrown === 'string' ? thrown : 'Unknown Error');
    const { code, details, message, metadata } = thrown as GivenStatus;
    const texts = [details, message].filter((each) => typeof each === 'string');
    return new RpcError(statusOf(code), texts[0] ?? 'Unknown Error', {
      metadata: isMetadata(metadata) ? metadataOf(metadata) : new Metadata(),
      cause: thrown,
    });
  } catch (error) {
    // A getter that throws, or metadata that cannot be sent.
    return new RpcError('UNKNOWN', 'Unknown Error', { cause: error });
  }
}

function statusOf(code: unknown): StatusName | StatusNumber {
  if (isStatusName(code) && code !== 'OK') return code;
  return typeof code === 'number' && Number.isInteger(code) && code >= 1 && code <= 16
    ? (code as StatusNumber)
    : 'UNKNOWN';
}

/** A call that failed, in the form of grpc-js's ServiceError, as Nest's clients have it; `cause` is the RpcError. */
export class ServiceError extends Error {
  /** The number of a gRPC status. */
  readonly code: StatusNumber;
  /** The message of the server. */
  readonly details: string;
  /** The metadata that came with the error. */
  readonly metadata: GrpcMetadata;
  /** The RpcError. */
  declare readonly cause: RpcError;

  /** Of an RpcError. */
  constructor(cause: RpcError) {
    const code = statusNumbers[cause.code] as StatusNumber;
    super(`${code} ${cause.code}: ${cause.message}`, { cause });
    this.name = 'ServiceError';
    this.code = code;
    this.details = cause.message;
    this.metadata = new GrpcMetadata(cause.metadata);
  }
}

/** The error that the subscriber of an Observable gets. */
export function toServiceError(error: unknown): unknown {
  return error instanceof RpcError ? new ServiceError(error) : error;
}

/** For a log. */
export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error);
}
