import { EtcdClient } from './client.ts';
import type { EtcdSettings } from './options.ts';

interface Shared {
  readonly client: EtcdClient;
  users: number;
}

/** The clients of this JavaScript thread that are in use, so that many services cost one connection. */
const inUse = new Map<string, Shared>();

/** The client for these settings; call release() once for each call. */
export function acquireClient(settings: EtcdSettings): EtcdClient {
  const key = `${settings.identity} ${settings.requestTimeoutMs}`;
  let shared = inUse.get(key);
  if (shared === undefined) {
    shared = { client: new EtcdClient(settings), users: 0 };
    inUse.set(key, shared);
  }
  shared.users++;
  return shared.client;
}

export function releaseClient(client: EtcdClient): void {
  for (const [key, shared] of inUse) {
    if (shared.client !== client) continue;
    if (--shared.users > 0) return;
    inUse.delete(key);
    client.close();
  }
}
