import { type ServiceSubscription, subscribeService } from '../../addon/service-cache.ts';
import { safeLogger } from '../../log/logger.ts';
import type { Endpoint, Resolver, ResolverListener } from '../resolver.ts';
import { CacheFile } from './cache-file.ts';
import type { EtcdClient } from './client.ts';
import type { EtcdSettings } from './options.ts';
import { OutageLog } from './outage-log.ts';
import { ServiceWatch } from './service-watch.ts';
import { acquireClient, releaseClient } from './shared-client.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';

const refreshIntervalMs = 1000;

/** State of the resolver that watches a service for the whole process. */
interface Lead {
  readonly client: EtcdClient;
  readonly watch: ServiceWatch;
  readonly cache: CacheFile | undefined;
}

/**
 * The endpoints of one service in etcd. Of all resolvers in the process for that service, on whatever thread, one lists
 * and watches, and the others read what it publishes in the shared table; when it closes or its thread ends, another
 * takes over with the last known state.
 */
export class EtcdResolver implements Resolver {
  readonly #settings: EtcdSettings;
  readonly #service: string;
  #listener: ResolverListener | undefined;
  #subscription: ServiceSubscription | undefined;
  #version = 0;
  #lead: Lead | undefined;
  #endpoints: readonly Endpoint[] | undefined;
  #published: string | undefined;
  #refreshAt = 0;

  constructor(settings: EtcdSettings, service: string) {
    this.#settings = settings;
    this.#service = service;
  }

  start(listener: ResolverListener): void {
    this.#listener = listener;
    this.#subscription = subscribeService(`${this.#settings.identity} ${this.#service}`, {
      onChange: () => this.#read(),
      onLead: () => this.#takeTheLead(),
    });
    this.#read();
  }

  refresh(): void {
    const now = performance.now();
    if (now < this.#refreshAt) return;
    this.#refreshAt = now + refreshIntervalMs;
    this.#lead?.watch.refresh();
  }

  close(): void {
    this.#listener = undefined;
    const lead = this.#lead;
    this.#lead = undefined;
    if (lead !== undefined) {
      lead.watch.close();
      void lead.cache?.close();
      releaseClient(lead.client);
    }
    this.#subscription?.close();
    this.#subscription = undefined;
  }

  #read(): void {
    const snapshot = this.#subscription?.snapshot();
    if (snapshot === undefined || snapshot.version === this.#version) return;
    this.#version = snapshot.version;
    const { endpoints, error } = readSnapshot(snapshot.text);
    if (endpoints !== undefined) this.#listener?.onEndpoints(endpoints);
    const where = `etcd at ${this.#settings.hosts.join(', ')}`;
    if (error !== undefined) this.#listener?.onError(new Error(error));
    else if (endpoints?.length === 0)
      this.#listener?.onError(new Error(`no instance of ${this.#service} is registered in ${where}`));
  }

  #takeTheLead(): void {
    const settings = this.#settings;
    const logger = safeLogger(settings.logger);
    const log = new OutageLog(logger, `discovery of ${this.#service}`);
    const cache =
      settings.cacheDirectory === undefined
        ? undefined
        : new CacheFile(settings.cacheDirectory, settings.cluster, this.#service, (error) =>
            logger.warn(error.message),
          );
    const known = this.#subscription?.snapshot();
    const published = known === undefined ? undefined : readSnapshot(known.text).endpoints;
    const remembered = published ?? cache?.read() ?? [];
    this.#endpoints = published;
    const client = acquireClient(settings);
    const { prefix, requestTimeoutMs, graceMs } = settings;
    const watch = new ServiceWatch(
      { client, prefix, service: this.#service, requestTimeoutMs, graceMs, remembered },
      {
        onEndpoints: (endpoints) => {
          log.well();
          cache?.write(endpoints);
          this.#publish(endpoints, undefined);
        },
        onError: (error) => {
          log.failed(error);
          // The list from the last run of the process is better than nothing.
          const known = this.#endpoints ?? (remembered.length > 0 ? remembered : undefined);
          this.#publish(known, error.message);
        },
      },
    );
    this.#lead = { client, watch, cache };
  }

  #publish(endpoints: readonly Endpoint[] | undefined, error: string | undefined): void {
    this.#endpoints = endpoints;
    const text = writeSnapshot({ endpoints, error });
    if (text === this.#published) return;
    this.#published = text;
    this.#subscription?.publish(text);
  }
}
