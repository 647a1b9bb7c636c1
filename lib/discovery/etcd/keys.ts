import { isNumericAddress } from '../instance.ts';
import type { Endpoint } from '../resolver.ts';

/**
 * How instances are stored in etcd, as in C++ rocket:
 * `<prefix><service>/<ip:port>` → `ip:port`, to which we may add `;weight=10;zone=a`. The C++ reader stops at the `;`.
 */

/** With a slash at the end, or `Order` would also find `OrderAdmin`. */
export function servicePrefix(prefix: string, service: string): string {
  return `${prefix}${service}/`;
}

export function instanceKey(prefix: string, service: string, address: string): string {
  return `${servicePrefix(prefix, service)}${address}`;
}

export function instanceValue(
  address: string,
  weight: number,
  metadata: Readonly<Record<string, string>>,
): string {
  const fields = Object.entries(metadata).map(([key, value]) => `;${key}=${value}`);
  return `${address}${weight === 1 ? '' : `;weight=${weight}`}${fields.join('')}`;
}

/**
 * The endpoint of an entry; undefined if the entry is not an instance of this service: another service's key (`Order/x`
 * below `Order`), or a value that is not an address.
 */
export function endpointOf(prefixOfService: string, key: string, value: string): Endpoint | undefined {
  if (!key.startsWith(prefixOfService) || key.slice(prefixOfService.length).includes('/')) return undefined;
  const [address = '', ...fields] = value.split(';');
  if (!isNumericAddress(address)) return undefined;
  let weight = 1;
  const metadata: Record<string, string> = {};
  for (const field of fields) {
    const at = field.indexOf('=');
    if (at <= 0) continue;
    const name = field.slice(0, at).trim();
    const text = field.slice(at + 1);
    if (name === 'weight') weight = positive(text);
    else if (name !== '__proto__') metadata[name] = text;
  }
  return { name: address, addresses: [address], weight, metadata };
}

/** Written by another program: an invalid weight counts as none. */
function positive(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : 1;
}

/** The end of the range of keys that begin with `prefix` (etcd's convention). */
export function rangeEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! < 0xff) {
      end[i]!++;
      return end.subarray(0, i + 1);
    }
  }
  return Buffer.from([0]);
}
