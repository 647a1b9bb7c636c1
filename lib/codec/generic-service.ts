import { type DescribedMethod, defineService, methodKind } from '../contract/define-service.ts';
import type { GenericMessageType, GenericServiceDefinition } from '../contract/foreign-service.ts';
import { checkMethods } from '../contract/option-shapes.ts';
import type { AnyService, ServiceDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { methodKey } from '../proto/names.ts';
import { SerializerCodec } from './serializer-codec.ts';

/** @throws TypeError that names what is wrong. */
export function fromGeneric({ name, fullName, methods }: GenericServiceDefinition): ServiceDefinition {
  if (fullName !== name && !fullName.endsWith(`.${name}`))
    throw new TypeError(`${kindOf(fullName)}: the fullName of a service ends in its name, ${kindOf(name)}`);
  const described = Object.entries(methods).map(([key, method]): DescribedMethod => {
    const what = `${fullName}.${key}`;
    if (
      typeof method !== 'object' ||
      method === null ||
      typeof method.name !== 'string' ||
      !/^\w+$/.test(method.name)
    )
      throw new TypeError(`${what}: a method has a name such as makeOrder`);
    const { requestType, requestStream, responseType, responseStream } = method;
    return {
      key: methodKey(key),
      name: method.name,
      kind: methodKind(flag(what, { requestStream }), flag(what, { responseStream })),
      request: genericCodec(`${what}.requestType`, requestType),
      response: genericCodec(`${what}.responseType`, responseType),
    };
  });
  return defineService(fullName, described);
}

function flag(what: string, given: Readonly<Record<string, unknown>>): boolean {
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'boolean') return value;
    throw new TypeError(`${what}.${name} is true or false, not ${kindOf(value)}`);
  }
  return false;
}

function genericCodec(name: string, type: GenericMessageType): SerializerCodec {
  checkMethods(name, type, ['encode', 'decode'], 'a message type of ts-proto');
  const { fromPartial } = type as unknown as {
    readonly fromPartial?: (this: unknown, fields: unknown) => unknown;
  };
  if (fromPartial !== undefined && typeof fromPartial !== 'function')
    throw new TypeError(`${name}.fromPartial is a function, not ${kindOf(fromPartial)}`);
  return new SerializerCodec(
    (value) => {
      // ts-proto would take it for a message without fields.
      if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
        throw new TypeError(`an object is needed as a message, not ${kindOf(value)}`);
      return type.encode(fromPartial === undefined ? value : fromPartial.call(type, value)).finish();
    },
    (bytes) => type.decode(bytes),
  );
}

export function isGeneric(service: AnyService): service is GenericServiceDefinition {
  const { name, fullName, methods } = service as Readonly<Record<string, unknown>>;
  return (
    typeof name === 'string' &&
    typeof fullName === 'string' &&
    typeof methods === 'object' &&
    methods !== null
  );
}
