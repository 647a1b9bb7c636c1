import { RpcError } from '../contract/errors.ts';
import { reasonOfWord, statusOfWord, statusReason } from '../contract/status.ts';

/** The reason of a call's signal when the call is aborted with this status word. */
export function abortReason(status: number): RpcError {
  const code = statusOfWord(status);
  if (reasonOfWord(status) === statusReason.peerGone)
    return new RpcError('CANCELLED', 'the caller has gone away');
  switch (code) {
    case 'DEADLINE_EXCEEDED':
      return new RpcError(code, 'the deadline of the call has passed');
    case 'OK':
    case 'CANCELLED':
      return new RpcError('CANCELLED', 'the caller has cancelled the call');
    case 'UNAVAILABLE':
      return new RpcError('CANCELLED', 'the server is closing');
    case 'RESOURCE_EXHAUSTED':
      return new RpcError(
        code,
        'the call was ended at a limit: a message too long, or a caller that does not read',
      );
    default:
      return new RpcError(code, `the call was answered ${code} before its handler had ended`);
  }
}
