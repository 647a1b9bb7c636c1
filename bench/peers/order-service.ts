import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** One method of the service: its message types and the code behind it. */
export interface Method {
  readonly requestType: protobuf.Type;
  readonly responseType: protobuf.Type;
  readonly handler: (request: object) => Promise<object>;
}

/** What a peer does not find, in the wire's error codes. */
export const wireCode = {
  failedDeserialize: 10000003,
  serviceNotFound: 10000008,
  methodNotFound: 10000009,
  parseServiceName: 10000010,
  internal: 20000013,
} as const;

/** Methods by the name they have on the wire. */
export class MethodTable {
  readonly #methods = new Map<string, Method>();
  readonly #services = new Set<string>();
  #lastName = new Uint8Array(0);
  #last: Method | undefined;

  add(service: string, name: string, method: Method): void {
    this.#services.add(service);
    this.#methods.set(`${service}.${name}`, method);
  }

  /**
   * The method named by the bytes from `start` up to `end`, or the wire code that says why there is none. A peer
   * mostly calls the same method again, and comparing bytes costs less than making the string to look up.
   */
  find(bytes: Buffer, start: number, end: number): Method | number {
    if (this.#last !== undefined && this.#isLast(bytes, start, end)) return this.#last;
    const name = bytes.toString('latin1', start, end);
    const method = this.#methods.get(name);
    if (method === undefined) return this.#whyMissing(name);
    this.#lastName = Uint8Array.from(bytes.subarray(start, end));
    this.#last = method;
    return method;
  }

  #isLast(bytes: Buffer, start: number, end: number): boolean {
    const last = this.#lastName;
    if (end - start !== last.length) return false;
    for (let i = 0; i < last.length; i++) {
      if (bytes[start + i] !== last[i]) return false;
    }
    return true;
  }

  #whyMissing(name: string): number {
    const dot = name.lastIndexOf('.');
    if (dot < 0) return wireCode.parseServiceName;
    return this.#services.has(name.slice(0, dot)) ? wireCode.methodNotFound : wireCode.serviceNotFound;
  }
}

/** The service of the benches, from the same .proto file that the library's server reads. */
export function orderService(): MethodTable {
  const proto = readFileSync(new URL('../../proto/order.proto', import.meta.url), 'utf8');
  const { root } = protobuf.parse(proto);
  const methods = new MethodTable();
  methods.add('Order', 'makeOrder', {
    requestType: root.lookupType('makeOrderRequest'),
    responseType: root.lookupType('makeOrderResponse'),
    handler: async () => ({ retCode: 0, orderId: '20230514' }),
  });
  return methods;
}
