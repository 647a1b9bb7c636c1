import { isRpcError, RpcError } from '../contract/errors.ts';
import { withGrpcPairs } from '../contract/grpc-metadata.ts';
import { encodeMetadata, Metadata, type MetadataInit } from '../contract/metadata.ts';
import type { ClientProtocol } from '../contract/transport.ts';
import { adopted, isThenable } from '../contract/user-code.ts';
import { messageOf } from '../contract/value-text.ts';

/** The attempt that credentials are for. */
export interface CredentialsRequest {
  /** `Service.method`. */
  readonly method: string;
  /** The target of the channel, as it was given. */
  readonly target: string;
  /** The number of the attempt, from 1; the retry policy makes further ones. */
  readonly attempt: number;
  /** Milliseconds until the deadline of the call; after it the credentials are of no use. */
  readonly timeRemainingMs: number;
}

/**
 * Returns the metadata that authenticates the caller, such as `{ authorization: 'Bearer …' }`, or a promise of it. It
 * is called for each attempt of each call, so it should cache a token that is valid for longer.
 */
export type CallCredentials = (call: CredentialsRequest) => MetadataInit | Promise<MetadataInit>;

/**
 * Asks the credentials for metadata, and calls back exactly once, perhaps before it returns: with the encoded metadata
 * of the call, in which keys of the credentials replace the same keys of the call, or with the error.
 *
 * @param own the metadata of the call, encoded.
 */
export function askCredentials(
  credentials: CallCredentials,
  call: CredentialsRequest,
  own: string,
  protocol: ClientProtocol,
  then: (metadata: string | undefined, error: RpcError | undefined) => void,
): void {
  const fail = (thrown: unknown): void => then(undefined, failureOf(thrown, call.method));
  const succeed = (given: unknown): void => {
    let metadata: string;
    try {
      metadata = signed(own, given, protocol);
    } catch {
      // The text of the error that was caught could quote a token.
      const text = `the credentials of the call of ${call.method} are no metadata that ${protocol} can carry`;
      return then(undefined, new RpcError('UNAUTHENTICATED', text, { requestWritten: false }));
    }
    then(metadata, undefined);
  };
  let given: unknown;
  try {
    given = credentials(call);
    if (isThenable(given)) {
      adopted(given).then(succeed, fail);
      return;
    }
  } catch (thrown) {
    return fail(thrown);
  }
  succeed(given);
}

function signed(own: string, given: unknown, protocol: ClientProtocol): string {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError('credentials must give metadata');
  // This checks it as any other metadata that is sent.
  const more = encodeMetadata(given as MetadataInit, protocol);
  // `own` may contain pairs of gRPC itself, which Metadata does not allow.
  if (protocol === 'grpc') return withGrpcPairs(own, more);
  const all = Metadata.decode(own);
  const checked = Metadata.decode(more);
  for (const [key] of checked) all.delete(key);
  for (const [key, value] of checked) all.append(key, value);
  return encodeMetadata(all, protocol);
}

function failureOf(thrown: unknown, method: string): RpcError {
  if (isRpcError(thrown)) return thrown;
  const text = `there are no credentials for the call of ${method}: ${messageOf(thrown)}`;
  return new RpcError('UNAUTHENTICATED', text, { cause: thrown, requestWritten: false });
}

export const insecureCredentials =
  'credentials are not sent without TLS, nor to a server that is not verified: use a target tls:// or grpcs://, or say allowInsecureCredentials: true';
