import { EncodedBytes } from '../contract/encoded-bytes.ts';
import { kindOf } from '../contract/value-text.ts';

const asTheyAre = new WeakSet<object>();

/**
 * Marks a request that is sent as it is, where the others of its call, by the option `compression`, are compressed; returns it. For
 * what cannot get shorter, or is secret beside what an attacker chooses.
 *
 * @throws TypeError for what is no object.
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

/** What is sent of a message: compressed, or itself where that is not shorter. */
export function shorterOf(plain: EncodedBytes, bytes: Buffer | undefined): EncodedBytes {
  return bytes === undefined ? plain : new EncodedBytes(bytes, true);
}
