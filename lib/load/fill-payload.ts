import type { MessageCodec, MethodDefinition } from '../index.ts';

type Codec = Pick<MessageCodec<unknown>, 'encodeInto' | 'spilled' | 'decode'>;
type Fields = Readonly<Record<string, unknown>>;

const probe = Buffer.from('rocket-bench');
const highestNumber = 1000;
const lengthDelimited = 2;

/** The bytes of one message. @throws TypeError that names the field that does not fit. */
export function encodedBody(codec: Codec, value: unknown): Buffer {
  const room = Buffer.alloc(64 * 1024);
  const end = codec.encodeInto(value, room, 0);
  return Buffer.from(end < 0 ? codec.spilled() : room.subarray(0, end));
}

/**
 * Fills the first string or bytes field (by field number) of a request until the encoded message has `bytes` bytes. The
 * field's own tag and length can make it a few bytes fewer.
 *
 * @throws RangeError when there is no such field, or the rest of the message is longer.
 */
export function fillPayload(method: MethodDefinition, value: unknown, bytes: number): unknown {
  const codec = method.request;
  const field = firstTextField(codec);
  if (field === undefined) {
    throw new RangeError(`the request of ${method.wireName} has no string or bytes field to fill`);
  }
  const filled = (length: number): Fields => ({
    ...(value as Fields),
    [field.name]: field.isBytes ? Buffer.alloc(length, 'x') : 'x'.repeat(length),
  });
  const least = encodedBody(codec, filled(0)).length;
  if (bytes < least) {
    throw new RangeError(
      `the request of ${method.wireName} takes at least ${least} bytes, more than ${bytes}`,
    );
  }
  let length = bytes - least;
  while (length > 0 && encodedBody(codec, filled(length)).length > bytes) length--;
  return filled(length);
}

interface TextField {
  readonly name: string;
  readonly isBytes: boolean;
}

/** Asks the codec itself, by decoding a message of one field at a time, so any codec will do. */
function firstTextField(codec: Codec): TextField | undefined {
  for (let number = 1; number <= highestNumber; number++) {
    const message = Buffer.concat([varint(number * 8 + lengthDelimited), Buffer.from([probe.length]), probe]);
    let decoded: unknown;
    try {
      decoded = codec.decode(message, 0, message.length);
    } catch {
      continue; // a field of another type cannot be parsed
    }
    for (const [name, value] of Object.entries(decoded as Fields)) {
      if (value === probe.toString()) return { name, isBytes: false };
      if (Buffer.isBuffer(value) && value.equals(probe)) return { name, isBytes: true };
    }
  }
  return undefined;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
