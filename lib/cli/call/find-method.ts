import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { nearest } from '../../contract/nearest.ts';
import { wrongArguments } from '../wrong-arguments.ts';
import { CallFailure } from './call-failure.ts';
import { printable } from './printable.ts';
import { type Declared, symbolIn } from './symbols.ts';
import type { TypeSource } from './type-source.ts';

/**
 * Finds a service by its full name, or by the last part of it if only one service has that. @throws CallFailure if
 * there is none.
 */
export async function findService(types: TypeSource, name: string): Promise<DescService> {
  if (await types.find(name)) {
    const service = types.registry.getService(name);
    if (service !== undefined) return service;
    throw new CallFailure(`${name} is not a service`, wrongArguments);
  }
  const names = await types.services();
  const [short, another] = names.filter((each) => each.endsWith(`.${name}`));
  if (short !== undefined && another === undefined && (await types.find(short))) {
    const service = types.registry.getService(short);
    if (service !== undefined) return service;
  }
  throw new CallFailure(noSuch('service', name, names), wrongArguments);
}

/** Finds the method named `Service/Method` or `Service.Method`. @throws CallFailure if there is none. */
export async function findMethod(types: TypeSource, given: string): Promise<DescMethod> {
  const [, serviceName = '', name = ''] = /^[./]?(.*)[./](\w+)$/.exec(given) ?? [];
  const service = await findService(types, serviceName);
  const isIt = (each: DescMethod): boolean => each.name === name;
  const isItInJavaScript = (each: DescMethod): boolean => lowerFirst(each.name) === lowerFirst(name);
  const method = service.methods.find(isIt) ?? service.methods.find(isItInJavaScript);
  if (method !== undefined) return method;
  const names = service.methods.map((each) => each.name);
  throw new CallFailure(noSuch(`method of ${service.typeName}`, name, names), wrongArguments);
}

/** Finds what is declared by that name, of any kind. @throws CallFailure if nothing is. */
export async function findSymbol(types: TypeSource, given: string): Promise<Declared> {
  const name = given.replace(/^[./]/, '').replace('/', '.');
  if (await types.find(name)) {
    const found = symbolIn(types.registry, name);
    if (found !== undefined) return found;
  }
  const names = await types.services();
  const [short, another] = names.filter(
    (each) => name === lastOf(each) || name.startsWith(`${lastOf(each)}.`),
  );
  if (short !== undefined && another === undefined) {
    const full = short + name.slice(lastOf(short).length);
    const found = (await types.find(full)) ? symbolIn(types.registry, full) : undefined;
    if (found !== undefined) return found;
  }
  throw new CallFailure(noSuch('symbol', name, names), wrongArguments);
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function noSuch(what: string, name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const hint = near === undefined ? 'there is none at all' : `is ${near} meant?`;
  return printable(`there is no ${what} ${name}; ${hint}`);
}
