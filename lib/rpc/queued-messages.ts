/** Memory that a waiting object is assumed to take in addition to its bytes. */
const objectBytes = 128;
/** Past this, messages wait undecoded. */
const mostBytes = 16 * 1024 * 1024;

/**
 * Counts the messages that wait to be read in all streams of a server or a channel. Windows bound the bytes of each
 * stream, but a message of a few bytes becomes a far larger object: so the memory of messages that are decoded ahead of
 * their reader is bounded too.
 */
export class QueuedMessages {
  bytes = 0;
  #objects = 0;

  count(objects: number, bytes: number): void {
    this.#objects += objects;
    this.bytes += bytes;
  }

  get isCrowded(): boolean {
    return this.bytes + objectBytes * this.#objects > mostBytes;
  }
}
