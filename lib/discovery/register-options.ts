import { checkSignal, functionOption } from '../contract/option-shapes.ts';
import { integerOption, knownOptions } from '../contract/options.ts';
import { checkMetadata, checkWeight } from './instance.ts';
import type { RegisterOptions } from './registry.ts';

/** Options with everything filled in. */
export interface RegisterSettings {
  readonly ttlSeconds: number;
  readonly weight: number;
  readonly metadata: Readonly<Record<string, string>>;
}

const names: readonly (keyof RegisterOptions)[] = ['ttlSeconds', 'weight', 'metadata', 'signal', 'onError'];

/** @throws TypeError or RangeError that names the option. */
export function checkedRegisterOptions(options: RegisterOptions): RegisterSettings {
  knownOptions('register', options, names);
  const { weight = 1, metadata = {} } = options;
  checkWeight(weight);
  checkMetadata(metadata);
  checkSignal('signal', options.signal);
  functionOption('onError', options.onError);
  // The shortest TTL is one that etcd keeps as given: it raises values under its own minimum, and a lease is refreshed
  // three times per TTL.
  const ttlSeconds = integerOption('ttlSeconds', options.ttlSeconds, 30, 5, 86_400);
  return { ttlSeconds, weight, metadata };
}
