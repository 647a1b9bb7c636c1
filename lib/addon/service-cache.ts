import { loadBinary, type NativeServiceCache } from './binary.ts';

/** Follows one service. Both come asynchronously, and never after close(). */
export interface ServiceListener {
  /** There is a newer snapshot. */
  onChange(): void;
  /** This subscription is now the one that finds out what there is to know, and publishes it. At most once. */
  onLead(): void;
}

export interface ServiceSnapshotText {
  /** Counts from 1. */
  readonly version: number;
  readonly text: string;
}

/** One follower of a service in the table that all JavaScript threads of the process share. */
export interface ServiceSubscription {
  /** Nothing when nobody has published anything yet. */
  snapshot(): ServiceSnapshotText | undefined;
  /** False, and nothing is published, when another subscription leads. */
  publish(text: string): boolean;
  /** Passes the lead on to another subscription, if there is one, in whichever thread. */
  close(): void;
}

interface Cache {
  readonly native: NativeServiceCache;
  readonly listeners: Map<number, ServiceListener>;
}

let cache: Cache | undefined;

/** This environment's end of the shared table (native/core/discovery/service_cache.h), made when first asked for. */
function theCache(): Cache {
  if (cache !== undefined) return cache;
  const listeners = new Map<number, ServiceListener>();
  const native = new (loadBinary().ServiceCache)((changed, leads) => {
    for (const number of leads) guarded(() => listeners.get(number)?.onLead());
    for (const number of changed) guarded(() => listeners.get(number)?.onChange());
  });
  cache = { native, listeners };
  return cache;
}

/** A listener that throws must not keep the others from hearing. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Follows a service. Does not keep the process alive. */
export function subscribeService(key: string, listener: ServiceListener): ServiceSubscription {
  const { native, listeners } = theCache();
  const number = native.subscribe(key);
  listeners.set(number, listener);
  return {
    snapshot: () => native.snapshot(number),
    publish: (text) => native.publish(number, text) !== 0,
    close: () => {
      listeners.delete(number);
      native.unsubscribe(number);
    },
  };
}
