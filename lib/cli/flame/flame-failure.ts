/** Why no flamegraph could be made, as a text for the terminal; the command exits with 1. */
export class FlameFailure extends Error {
  override readonly name = 'FlameFailure';
}
