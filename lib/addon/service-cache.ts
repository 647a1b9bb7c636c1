import { loadBinary, type NativeServiceCache } from './binary.ts';

/** Listener for one service. Both methods are called asynchronously, and never after close(). */
export interface ServiceListener {
  /** There is a newer snapshot. */
  onChange(): void;
  /** This subscription is now the one that watches the service and publishes snapshots. Called at most once. */
  onLead(): void;
}

export interface ServiceSnapshotText {
  /** Counts from 1. */
  readonly version: number;
  readonly text: string;
}

/** One subscription to a service in the table shared by all JavaScript threads of the process. */
export interface ServiceSubscription {
  /** Undefined if nothing has been published yet. */
  snapshot(): ServiceSnapshotText | undefined;
  /** False, and nothing is published, if another subscription leads. */
  publish(text: string): boolean;
  /** Passes the lead on to another subscription on any thread, if there is one. */
  close(): void;
}

interface Cache {
  readonly native: NativeServiceCache;
  readonly listeners: Map<number, ServiceListener>;
}

let cache: Cache | undefined;

/** This environment's end of the shared table (native/core/discovery/service_cache.h), created on first use. */
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

/** A listener that throws must not stop the others from being called. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Subscribes to a service. Does not keep the process alive. */
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
