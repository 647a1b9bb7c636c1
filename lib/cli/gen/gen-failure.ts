/** Why nothing was generated, as a text for the terminal; the command exits with 1. */
export class GenFailure extends Error {
  override readonly name = 'GenFailure';
}
