/** Why nothing was generated, in words for the person at the terminal; the command exits with 1. */
export class GenFailure extends Error {
  override readonly name = 'GenFailure';
}
