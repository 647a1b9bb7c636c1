import { type Bounds, boundsIn, constantsOf } from './bounds.ts';
import { type Documented, documentedOptions } from './documented.ts';

/** Options that are given together. */
interface Group {
  /** Where they are given, in Markdown. */
  readonly title: string;
  readonly file: string;
  readonly interfaceName: string;
  /** What their errors have before the name. */
  readonly prefix?: string;
  /** Files that check them, besides their own. */
  readonly checkedIn?: readonly string[];
  /** A file with a constant for each default. */
  readonly defaultsIn?: string;
}

const channelFiles = ['lib/rpc/channel-options.ts', 'lib/rpc/channel.ts'];

const groups: readonly Group[] = [
  { title: '`new Server(options)`', file: 'lib/rpc/server-options.ts', interfaceName: 'ServerOptions' },
  {
    title: '… `health`',
    file: 'lib/rpc/server-options.ts',
    interfaceName: 'HealthSettings',
    prefix: 'health.',
  },
  { title: '`server.listen(address, options)`', file: 'lib/rpc/server.ts', interfaceName: 'ListenOptions' },
  {
    title: '… and `registry.register()`',
    file: 'lib/discovery/registry.ts',
    interfaceName: 'RegisterOptions',
    checkedIn: ['lib/discovery/register-options.ts'],
  },
  { title: '`server.close(options)`', file: 'lib/rpc/server.ts', interfaceName: 'CloseOptions' },
  {
    title: '`new Channel(target, options)`',
    file: 'lib/rpc/channel-options.ts',
    interfaceName: 'ChannelOptions',
    checkedIn: channelFiles,
  },
  { title: '… `retry`', file: 'lib/rpc/retry-options.ts', interfaceName: 'RetryOptions', prefix: 'retry.' },
  {
    title: '… `retryBudget`',
    file: 'lib/rpc/retry-options.ts',
    interfaceName: 'RetryBudgetOptions',
    prefix: 'retryBudget.',
  },
  {
    title: '… `ejection`',
    file: 'lib/balance/ejection.ts',
    interfaceName: 'EjectionSettings',
    prefix: 'ejection.',
    checkedIn: channelFiles,
    defaultsIn: 'lib/balance/ejection.ts',
  },
  { title: 'a call', file: 'lib/rpc/channel-options.ts', interfaceName: 'CallOptions' },
  { title: '`etcd(options)`', file: 'lib/discovery/etcd/options.ts', interfaceName: 'EtcdOptions' },
  {
    title: '`createLogger(options)`, `rocketDestination(options)`',
    file: 'lib/log/log-options.ts',
    interfaceName: 'LogDestinationOptions',
  },
  { title: '`createLogger(options)`', file: 'lib/log/log-options.ts', interfaceName: 'LoggerOptions' },
  {
    title: '`loadProto(paths, options)`',
    file: 'lib/codec/load-proto.ts',
    interfaceName: 'LoadProtoOptions',
  },
];

/** An option as its comment and the code that checks it describe it. */
export interface Option extends Documented {
  readonly bounds: Bounds | undefined;
}

export interface OptionGroup {
  readonly title: string;
  readonly options: readonly Option[];
}

/** Every option of the public API. */
export function optionGroups(): OptionGroup[] {
  return groups.map((group) => ({ title: group.title, options: optionsOf(group) }));
}

function optionsOf({ file, interfaceName, prefix = '', checkedIn = [], defaultsIn }: Group): Option[] {
  const defaults = defaultsIn === undefined ? new Map<string, number>() : constantsOf(defaultsIn);
  const files = [...new Set([file, ...checkedIn])];
  const bounds = new Map(files.flatMap((name) => [...boundsIn(name, defaults)]));
  return documentedOptions(file, interfaceName).map((option) => ({
    ...option,
    bounds: bounds.get(prefix + option.name) ?? only(defaults.get(option.name)),
  }));
}

function only(fallback: number | undefined): Bounds | undefined {
  return fallback === undefined ? undefined : { fallback, min: undefined, max: undefined };
}

/** Names of all options that the code holds to bounds; each must be in a group. */
export function checkedNames(): Set<string> {
  const files = new Set(groups.flatMap(({ file, checkedIn = [] }) => [file, ...checkedIn]));
  return new Set([...files].flatMap((file) => [...boundsIn(file, new Map()).keys()]));
}

/** Names of all options as errors have them. */
export function documentedNames(): Set<string> {
  return new Set(
    groups.flatMap(({ file, interfaceName, prefix = '' }) =>
      documentedOptions(file, interfaceName).map(({ name }) => prefix + name),
    ),
  );
}
