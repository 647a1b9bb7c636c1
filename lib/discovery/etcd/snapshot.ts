import type { Endpoint } from '../resolver.ts';

/** The state that the thread that watches a service publishes to the others, as text in the shared table. */
export interface ServiceSnapshot {
  /** Undefined until anything is known. */
  readonly endpoints: readonly Endpoint[] | undefined;
  /** Why no newer list is available now. */
  readonly error: string | undefined;
}

export function writeSnapshot({ endpoints, error }: ServiceSnapshot): string {
  return JSON.stringify({ endpoints, error });
}

/** Text that this process has written itself, so it is not checked. */
export function readSnapshot(text: string): ServiceSnapshot {
  const { endpoints, error } = JSON.parse(text) as ServiceSnapshot;
  return { endpoints, error };
}
