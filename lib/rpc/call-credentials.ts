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
  /** Of the channel, as it was given. */
  readonly target: string;
  /** 1 for the first; the retry policy makes others. */
  readonly attempt: number;
  /** Milliseconds until nobody waits for the call, and so for the credentials, any more. */
  readonly timeRemainingMs: number;
}

/**
 * Gives the metadata that says who calls, such as `{ authorization: 'Bearer …' }`, at once or as a promise. It is asked for
 * each attempt of each call, so it keeps what is valid for longer itself.
 */
export type CallCredentials = (call: CredentialsRequest) => MetadataInit | Promise<MetadataInit>;

/**
 * Asks, and passes on the metadata of the call with that of the credentials in place of what has the same key, encoded;
 * or why there is none. Calls back once, perhaps at once.
 *
 * @param own of the call, encoded.
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
      // Its text could quote a token.
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
  // Checked as any metadata that is sent.
  const more = encodeMetadata(given as MetadataInit, protocol);
  // That of gRPC has pairs of the protocol's own.
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
