/** Nothing was generated. The message is for the terminal; the command exits with 1. */
export class GenFailure extends Error {
  override readonly name = 'GenFailure';
}
