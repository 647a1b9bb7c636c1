/** Why no flamegraph could be made, in words for the person at the terminal; the command exits with 1. */
export class FlameFailure extends Error {
  override readonly name = 'FlameFailure';
}
