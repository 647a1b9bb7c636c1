import type { IWatchResponse } from 'etcd3';
import { pause } from '../backoff.ts';
import type { Endpoint } from '../resolver.ts';
import type { EtcdClient, EtcdListing } from './client.ts';
import { endpointOf, servicePrefix } from './keys.ts';
import { Pace } from './pace.ts';
import { SettlingList } from './settling-list.ts';
import { followWatch } from './watch-stream.ts';

export interface ServiceWatchListener {
  onEndpoints(endpoints: readonly Endpoint[]): void;
  /** etcd cannot be reached; the last list stays in use. */
  onError(error: Error): void;
}

export interface ServiceWatchOptions {
  readonly client: EtcdClient;
  readonly prefix: string;
  readonly service: string;
  readonly requestTimeoutMs: number;
  readonly graceMs: number;
  /** The previously known instances, until etcd provides a list. */
  readonly remembered: readonly Endpoint[];
}

/** How often etcd is asked whether the watch has missed anything. */
const watchdogMs = 3000;
/** How long a change found by the watchdog may take to arrive through the watch. */
const catchUpMs = 300;

/**
 * Follows one service in etcd: reads the list, watches from its revision on, and starts over with the list whenever
 * anything unexpected happens: the stream ended, the watch was cancelled (compaction, lost token), it missed a change,
 * or etcd is a different cluster. So a watch only has to be complete within one connection.
 */
export class ServiceWatch {
  readonly #options: ServiceWatchOptions;
  readonly #listener: ServiceWatchListener;
  readonly #prefix: string;
  readonly #list: SettlingList;
  readonly #closing = new AbortController();
  readonly #pace = new Pace(100);
  #clusterId: string | undefined;
  #revision = 0;
  /** Of the watch, with changes. */
  #responses = 0;
  /** The keys that etcd has below the prefix, including those that are not instances. */
  readonly #keys = new Map<string, string | undefined>();
  #endOfRound: (() => void) | undefined;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: ServiceWatchOptions, listener: ServiceWatchListener) {
    this.#options = options;
    this.#listener = listener;
    this.#prefix = servicePrefix(options.prefix, options.service);
    const doubtAfterMs = 1.5 * watchdogMs;
    this.#list = new SettlingList(options.graceMs, doubtAfterMs, options.remembered);
    void this.#run();
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#settling);
  }

  /** Reads the list again soon: the caller has reason to believe that it is out of date. */
  refresh(): void {
    this.#endOfRound?.();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let reason: unknown;
      try {
        this.#takeList(await this.#options.client.list(this.#prefix));
        await this.#follow();
      } catch (error) {
        if (signal.aborted) return;
        reason = error;
        this.#listener.onError(error instanceof Error ? error : new Error(String(error)));
      }
      await pause(this.#pace.next(reason), signal);
    }
  }

  #takeList({ clusterId, revision, entries }: EtcdListing): void {
    if (this.#closing.signal.aborted) return;
    const now = performance.now();
    const another = this.#clusterId !== undefined && this.#clusterId !== clusterId;
    // If the revision went backwards, etcd was wiped or restored from a backup.
    if (another || revision < this.#revision) this.#list.doubt(now);
    this.#clusterId = clusterId;
    this.#revision = revision;
    this.#keys.clear();
    const endpoints: Endpoint[] = [];
    for (const { key, value } of entries) {
      const endpoint = endpointOf(this.#prefix, key, value);
      this.#keys.set(key, endpoint?.name);
      if (endpoint !== undefined) endpoints.push(endpoint);
    }
    this.#list.replace(endpoints, now);
    this.#tell();
  }

  #tell(): void {
    this.#listener.onEndpoints(this.#list.endpoints());
    clearTimeout(this.#settling);
    const at = this.#list.settlesAt;
    if (at === undefined) return;
    this.#settling = setTimeout(() => this.refresh(), Math.max(1, Math.ceil(at - performance.now())));
    this.#settling.unref();
  }

  /** Until the list has to be read again. */
  async #follow(): Promise<void> {
    const round = new AbortController();
    const end = (): void => round.abort();
    const closing = this.#closing.signal;
    closing.addEventListener('abort', end);
    this.#endOfRound = end;
    if (closing.aborted) end();
    try {
      const { client, requestTimeoutMs } = this.#options;
      const request = {
        client,
        prefix: this.#prefix,
        fromRevision: this.#revision + 1,
        timeoutMs: requestTimeoutMs,
        onResponse: this.#onResponse,
      };
      await Promise.race([followWatch(request, round.signal), this.#guard(round.signal)]);
    } finally {
      end();
      this.#endOfRound = undefined;
      closing.removeEventListener('abort', end);
    }
  }

  readonly #onResponse = (response: IWatchResponse): void => {
    if (this.#closing.signal.aborted) return;
    const now = performance.now();
    this.#list.heard(now);
    if (response.created) this.#pace.reset();
    if (response.events.length === 0) return;
    this.#responses++;
    this.#revision = Math.max(this.#revision, Number(response.header.revision));
    for (const { type, kv } of response.events) {
      const key = kv.key.toString();
      if (type === 'Delete' || String(type) === 'DELETE') this.#forget(key, now);
      else this.#learn(key, kv.value.toString(), now);
    }
    this.#tell();
  };

  #learn(key: string, value: string, now: number): void {
    const endpoint = endpointOf(this.#prefix, key, value);
    const before = this.#keys.get(key);
    if (before !== undefined && before !== endpoint?.name) this.#list.remove(before, now);
    this.#keys.set(key, endpoint?.name);
    if (endpoint !== undefined) this.#list.put(endpoint);
  }

  #forget(key: string, now: number): void {
    const name = this.#keys.get(key);
    this.#keys.delete(key);
    if (name !== undefined) this.#list.remove(name, now);
  }

  /** Throws if etcd has changes that the watch does not deliver; otherwise runs as long as the watch. */
  async #guard(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(watchdogMs, signal);
      if (signal.aborted) return;
      try {
        const responses = this.#responses;
        if (!(await this.#isBehind())) continue;
        await pause(catchUpMs, signal);
        if (signal.aborted) return;
        if (!(await this.#isBehind())) continue;
        // While changes arrive, etcd's answers may be older or newer than the events of the watch.
        if (responses !== this.#responses && (await this.#hasAllAsOfItsRevision())) continue;
      } catch (error) {
        // The watch may be fine, on another member of the cluster; if not, its stream will fail.
        if (!signal.aborted) this.#listener.onError(error as Error);
        continue;
      }
      throw new Error(`the watch of ${this.#prefix} did not deliver changes`);
    }
  }

  async #isBehind(): Promise<boolean> {
    const seen = this.#revision;
    const { clusterId, revision, count, changed } = await this.#options.client.progress(this.#prefix, seen);
    this.#list.heard(performance.now());
    return clusterId !== this.#clusterId || revision < seen || changed || count !== this.#keys.size;
  }

  /** Whether etcd had, at the current revision of the watch, as many keys as we know. */
  async #hasAllAsOfItsRevision(): Promise<boolean> {
    const revision = this.#revision;
    const known = this.#keys.size;
    const { clusterId, count } = await this.#options.client.countAt(this.#prefix, revision);
    return clusterId === this.#clusterId && count === known;
  }
}
