/** Why a call could not be made, or its reply not be shown, in a line for stderr; not a status. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
