import { type DescMethod, fromBinary, type Message } from '@bufbuild/protobuf';
import { methodKind } from '../../contract/define-service.ts';
import type { MessageCodec, MethodDefinition } from '../../index.ts';

/**
 * The definition a Channel calls the method by: its requests are encoded already, its replies are decoded by their
 * descriptor.
 */
export function byteMethod({
  name,
  parent,
  output,
  methodKind: kind,
}: DescMethod): MethodDefinition<Uint8Array, Message> {
  let spilled: Buffer = Buffer.alloc(0);
  const request: MessageCodec<Uint8Array> = {
    encodeInto(bytes, into, offset) {
      if (offset + bytes.length <= into.length) {
        into.set(bytes, offset);
        return offset + bytes.length;
      }
      spilled = Buffer.from(bytes);
      return -1;
    },
    spilled: () => spilled,
    decode: (buffer, start, end) => new Uint8Array(buffer.subarray(start, end)),
  };
  const response: MessageCodec<Message> = {
    encodeInto: () => {
      throw new TypeError('replies are not sent');
    },
    spilled: () => spilled,
    // Copied, because bytes fields of the decoded message are views of its input.
    decode: (buffer, start, end) => fromBinary(output, new Uint8Array(buffer.subarray(start, end))),
  };
  const takesMany = kind === 'client_streaming' || kind === 'bidi_streaming';
  const givesMany = kind === 'server_streaming' || kind === 'bidi_streaming';
  return {
    name,
    wireName: `${parent.typeName}.${name}`,
    kind: methodKind(takesMany, givesMany),
    request,
    response,
  };
}
