/**
 * A call could not be made, or its reply could not be shown. The message is one line for stderr. A call that failed
 * with a status is an RpcError instead.
 */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
