import type { EncodedBytes } from '../contract/encoded-bytes.ts';
import type { MessageCodec, MethodDefinition } from '../contract/service.ts';

/** The variant of each method for encoded requests. */
const made = new WeakMap<MethodDefinition, MethodDefinition>();

/** A variant of the method whose requests are encoded already (EncodedBytes). */
export function encodedMethod(method: MethodDefinition): MethodDefinition {
  let found = made.get(method);
  if (found === undefined) {
    found = { ...method, request: new EncodedCodec(method) };
    made.set(method, found);
  }
  return found;
}

class EncodedCodec implements MessageCodec<unknown> {
  readonly #method: MethodDefinition;
  #spilled: Buffer = Buffer.alloc(0);

  constructor(method: MethodDefinition) {
    this.#method = method;
  }

  encodeInto(value: unknown, into: Buffer, offset: number): number {
    const message = value as EncodedBytes;
    const end = message.encodeInto(undefined, into, offset);
    if (end === -1) this.#spilled = message.bytes;
    return end;
  }

  spilled(): Buffer {
    return this.#spilled;
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    return this.#method.request.decode(buffer, start, end);
  }
}
