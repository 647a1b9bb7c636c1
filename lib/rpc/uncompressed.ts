import { EncodedBytes } from '../contract/encoded-bytes.ts';
import { kindOf } from '../contract/value-text.ts';

const asTheyAre = new WeakSet<object>();

/**
 * Marks a message that is sent uncompressed although the option `compression` applies to its call, and returns it. For
 * messages that cannot get shorter, and for secrets next to text that an attacker chooses.
 *
 * @throws TypeError for anything but an object.
 */
export function uncompressed<Message extends object>(message: Message): Message {
  if (typeof message !== 'object' || message === null)
    throw new TypeError(`uncompressed() takes a message, not ${kindOf(message)}`);
  asTheyAre.add(message);
  return message;
}

export function isMarked(message: unknown): boolean {
  return typeof message === 'object' && message !== null && asTheyAre.has(message);
}

/** The bytes to send: the compressed ones, or the plain ones if those are not longer. */
export function shorterOf(plain: EncodedBytes, bytes: Buffer | undefined): EncodedBytes {
  return bytes === undefined ? plain : new EncodedBytes(bytes, true);
}
