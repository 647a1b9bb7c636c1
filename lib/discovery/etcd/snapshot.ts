import type { Endpoint } from '../resolver.ts';

/** What the thread that watches a service tells the others, as text in the table they share. */
export interface ServiceSnapshot {
  /** Undefined until anything is known. */
  readonly endpoints: readonly Endpoint[] | undefined;
  /** Why nothing newer can be found out now. */
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
