import { methodInfo } from '../contract/define-service.ts';
import type { MethodDefinition } from '../contract/service.ts';
import type { ClientProtocol, ClientTransport } from '../contract/transport.ts';

/**
 * The numbers that a transport has given to methods. A transport never frees a number. So definitions that look the
 * same to it share one number, and may be created again whenever a service config or a .proto is read.
 */
export class MethodNumbers {
  readonly #transport: ClientTransport;
  readonly #protocol: ClientProtocol;
  readonly #byDefinition = new WeakMap<MethodDefinition, number>();
  readonly #byInfo = new Map<string, number>();

  constructor(transport: ClientTransport, protocol: ClientProtocol) {
    this.#transport = transport;
    this.#protocol = protocol;
  }

  /** @throws RangeError if the method's name does not fit the protocol. */
  numberOf(method: MethodDefinition): number {
    return this.#byDefinition.get(method) ?? this.#add(method);
  }

  #add(method: MethodDefinition): number {
    checkWireName(method.wireName, this.#protocol);
    const info = methodInfo(method, method.response);
    const key = `${info.kind} ${info.stringFields} ${info.wireName}`;
    let number = this.#byInfo.get(key);
    if (number === undefined) {
      number = this.#transport.addMethod(info);
      this.#byInfo.set(key, number);
    }
    this.#byDefinition.set(method, number);
    return number;
  }
}

/** @throws RangeError */
function checkWireName(wireName: string, protocol: ClientProtocol): void {
  // In TinyPB, a C++ peer may take a control character for the end or the start of a frame.
  const refused = protocol === 'grpc' ? /[^\x21-\x7e]/ : /\p{Cc}/u;
  if (Buffer.byteLength(wireName) <= 511 && !refused.test(wireName)) return;
  const rule =
    protocol === 'grpc'
      ? 'gRPC: at most 511 printable ASCII characters'
      : 'TinyPB: at most 511 bytes and no control characters';
  throw new RangeError(`the method name ${JSON.stringify(wireName)} does not fit ${rule}`);
}
