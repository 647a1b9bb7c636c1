/**
 * A message as it came, maybe compressed. It is decompressed only when the reader takes it: a window counts compressed
 * bytes, so what waits would not be bounded otherwise.
 */
export class RawMessage {
  readonly bytes: Buffer;
  /** requestFlag. */
  readonly flags: number;

  constructor(bytes: Buffer, flags: number) {
    this.bytes = bytes;
    this.flags = flags;
  }
}
