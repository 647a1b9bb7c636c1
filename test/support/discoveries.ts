import { onTestFinished } from 'vitest';
import { EtcdClient } from '../../lib/discovery/etcd/client.ts';
import { type EtcdDiscovery, etcd } from '../../lib/discovery/etcd/etcd.ts';
import { checkedEtcdOptions, type EtcdOptions } from '../../lib/discovery/etcd/options.ts';
import { Recorder } from './recorder.ts';

/** An EtcdDiscovery that is closed when the test ends. */
export function discovery(options: EtcdOptions): EtcdDiscovery {
  const made = etcd({ logger: false, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** What a resolver of the service tells, from now to the end of the test. */
export function follow(from: EtcdDiscovery, service: string): Recorder {
  const recorder = new Recorder();
  const resolver = from.resolver(service);
  resolver.start(recorder);
  onTestFinished(() => resolver.close());
  return recorder;
}

/** For looking at etcd behind the back of the code under test. */
export function plainClient(options: EtcdOptions): EtcdClient {
  const client = new EtcdClient(checkedEtcdOptions(options));
  onTestFinished(() => client.close());
  return client;
}
