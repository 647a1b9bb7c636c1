import type { MethodDefinition, MethodKind } from '../index.ts';

/**
 * A method whose request is already encoded and whose replies are not decoded: the load then costs the client as little
 * as possible, and the server as much as usual.
 */
export function rawMethod(wireName: string, body: Uint8Array, kind: MethodKind = 'unary'): MethodDefinition {
  const bytes = Buffer.from(body);
  return {
    name: wireName.slice(wireName.lastIndexOf('.') + 1),
    wireName,
    kind,
    request: {
      encodeInto(_value, into, offset) {
        const end = offset + bytes.length;
        if (end > into.length) return -1;
        into.set(bytes, offset);
        return end;
      },
      spilled: () => bytes,
      decode: () => undefined,
    },
    response: {
      encodeInto: (_value, _into, offset) => offset,
      spilled: () => bytes,
      decode: () => undefined,
    },
  };
}
