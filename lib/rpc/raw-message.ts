/**
 * An undecoded message, maybe compressed. It is decompressed only when the reader takes it: a window counts compressed
 * bytes, so the memory of waiting messages would not be bounded otherwise.
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
