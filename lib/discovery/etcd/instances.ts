import type { EtcdClient } from './client.ts';
import { endpointOf, servicePrefix } from './keys.ts';

/** One entry of the registry, as shown to operators. */
export interface RegisteredInstance {
  /** Name of its service. */
  readonly service: string;
  /** `ip:port`. */
  readonly address: string;
  /** As registered; 1 if none was given. */
  readonly weight: number;
  /** As registered: zone, version … */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Remaining and granted time of its lease, in seconds; undefined for an entry without a lease, which never expires.
   */
  readonly lease:
    | {
        /** Until it expires; under 0 if it has expired. */
        readonly left: number;
        /** When it was refreshed last. */
        readonly granted: number;
      }
    | undefined;
}

/** Lease requests in flight at a time. */
const concurrency = 32;

/** Every instance below `prefix`, or of one service; sorted by service and address. */
export async function listInstances(
  client: EtcdClient,
  prefix: string,
  service: string | undefined,
): Promise<RegisteredInstance[]> {
  const entries = await client.listLeases(service === undefined ? prefix : servicePrefix(prefix, service));
  const waiting = [...new Set(entries.map(({ lease }) => lease))].filter((lease) => lease !== '0');
  const leases = new Map<string, { left: number; granted: number }>();
  const ask = async (): Promise<void> => {
    for (let lease = waiting.pop(); lease !== undefined; lease = waiting.pop()) {
      leases.set(lease, await client.timeToLive(lease));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, ask));
  const instances = entries.flatMap(({ key, value, lease }) => {
    const name = key.slice(prefix.length, key.indexOf('/', prefix.length));
    const endpoint = endpointOf(servicePrefix(prefix, name), key, value);
    if (endpoint === undefined) return [];
    const { weight = 1, metadata = {} } = endpoint;
    return [{ service: name, address: endpoint.name, weight, metadata, lease: leases.get(lease) }];
  });
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return instances.sort((a, b) => order(a.service, b.service) || order(a.address, b.address));
}
