/** What an object that waits is taken to need, besides its bytes. */
const objectBytes = 128;
/** More than this, and messages wait as they came. */
const mostBytes = 16 * 1024 * 1024;

/**
 * What waits in the streams of a server, or of a channel, to be read. Windows bound the bytes of each stream; a message
 * of a few bytes is a far larger object, though, so there is a bound on what is decoded ahead of its reader.
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
