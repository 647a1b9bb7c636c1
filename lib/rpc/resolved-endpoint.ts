import { numberOption } from '../contract/options.ts';
import { kindOf } from '../contract/value-text.ts';
import type { Endpoint } from '../discovery/resolver.ts';

/**
 * A checked copy of an endpoint from a resolver, which may be the user's.
 *
 * @throws TypeError or RangeError that says what is wrong with it.
 */
export function resolvedEndpoint(given: Endpoint): Endpoint {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`an endpoint is an object with name and addresses, not ${kindOf(given)}`);
  const { name, addresses, weight, metadata } = given;
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`the name of an endpoint is a string such as host:port, not ${kindOf(name)}`);
  if (!Array.isArray(addresses))
    throw new TypeError(`addresses must be an array of ip:port, not ${kindOf(addresses)}`);
  for (const address of addresses as unknown[]) {
    if (typeof address !== 'string')
      throw new TypeError(`addresses must be an array of ip:port, not of ${kindOf(address)}`);
  }
  return {
    name,
    addresses: [...(addresses as string[])],
    weight: numberOption('weight', weight, 1, { over: 0, max: 1e6 }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
