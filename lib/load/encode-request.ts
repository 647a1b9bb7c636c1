import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isUnary } from '../contract/define-service.ts';
import { stringOption } from '../contract/option-shapes.ts';
import { integerOption, knownOptions, MiB } from '../contract/options.ts';
import { loadProto, type MethodDefinition, type MethodKind } from '../index.ts';
import { packageRoot } from '../package-root.ts';
import { encodedBody, fillPayload } from './fill-payload.ts';

/** The request that the calls of a load send. */
export interface RequestOptions {
  /** The .proto file. Default: the package's proto/order.proto. */
  readonly proto?: string;
  /** `Service.method`. Default: the only method there is, or Order.makeOrder. */
  readonly method?: string;
  /**
   * The request as a JSON value (bytes: base64). Default: `{ price: 100, goods: 'apple' }` for an Order.makeOrder that
   * has these fields, else `{}`.
   */
  readonly data?: unknown;
  /** Fills the message's first string or bytes field until the encoded message has this many bytes. */
  readonly payloadBytes?: number | undefined;
}

/** The request of a call. */
export interface EncodedRequest {
  /** `package.Service.method`. */
  readonly method: string;
  /** The protobuf message. */
  readonly body: Uint8Array;
  /** Which sides send several messages; a caller sends this one once, and reads all replies. Default `unary`. */
  readonly kind?: MethodKind;
}

/** The .proto has no method with the given name. */
export class UnknownMethodError extends Error {
  /** Always `UnknownMethodError`. */
  override readonly name = 'UnknownMethodError';
  /** The valid names. */
  readonly methods: readonly string[];

  constructor(message: string, methods: readonly string[]) {
    super(`${message}; there is ${methods.length === 0 ? 'none' : methods.join(', ')}`);
    this.methods = methods;
  }
}

const defaultMethod = 'Order.makeOrder';
const sample = { price: 100, goods: 'apple' };

/** Whether the request has these fields: the caller's .proto may have a different Order.makeOrder. */
function takes({ wireName, request }: MethodDefinition, value: object): boolean {
  if (wireName !== defaultMethod) return false;
  try {
    const body = encodedBody(request, value);
    return isDeepStrictEqual({ ...(request.decode(body, 0, body.length) as object) }, value);
  } catch {
    return false; // a field of that name has another type
  }
}

/**
 * Encodes a request once, for all calls of a load.
 *
 * @throws UnknownMethodError; Error that names the .proto file if it cannot be read; TypeError that names the field of
 * `data` that is unknown or does not fit; RangeError if the message cannot have `payloadBytes`.
 */
export function encodeRequest(options: RequestOptions = {}): EncodedRequest {
  knownOptions('encodeRequest', options, ['proto', 'method', 'data', 'payloadBytes']);
  const proto = stringOption('proto', options.proto, join(packageRoot(), 'proto/order.proto'));
  const method = findMethod(proto, stringOption('method', options.method, undefined));
  const fallback = takes(method, sample) ? sample : {};
  const value = options.data === undefined ? fallback : options.data;
  const { payloadBytes } = options;
  integerOption('payloadBytes', payloadBytes, 0, 0, 1024 * MiB);
  const request = payloadBytes === undefined ? value : fillPayload(method, value, payloadBytes);
  return {
    method: method.wireName,
    body: encodedBody(method.request, request),
    ...(isUnary(method) ? {} : { kind: method.kind! }),
  };
}

function findMethod(proto: string, wanted: string | undefined): MethodDefinition {
  const found = new Map<string, MethodDefinition>();
  const services = loadProto(proto, { unknownFields: 'error', base64: true });
  for (const service of Object.values(services)) {
    for (const method of Object.values(service.methods)) found.set(method.wireName, method);
  }
  const names = [...found.keys()];
  if (wanted === undefined) {
    const unary = [...found.values()].filter(isUnary);
    const candidates = unary.length > 0 ? unary : [...found.values()];
    const only = found.get(defaultMethod) ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (only !== undefined) return only;
    throw new UnknownMethodError(`${proto} has more than one method`, names);
  }
  const dot = wanted.lastIndexOf('.');
  const key = wanted.charAt(dot + 1).toLowerCase() + wanted.slice(dot + 2);
  const named = services[wanted.slice(0, Math.max(dot, 0))]?.methods[key];
  const method = found.get(wanted) ?? found.get(named?.wireName ?? '');
  if (method === undefined) throw new UnknownMethodError(`${proto} has no method ${wanted}`, names);
  return method;
}
