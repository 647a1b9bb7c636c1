import { ejectionTable } from '../../lib/balance/ejection.ts';
import { loadProtoTable } from '../../lib/codec/load-proto.ts';
import type { OptionBounds, OptionRule } from '../../lib/contract/option-table.ts';
import { etcdOptionTable } from '../../lib/discovery/etcd/options.ts';
import { registerOptionTable } from '../../lib/discovery/register-options.ts';
import { destinationTable, loggerTable } from '../../lib/log/log-options.ts';
import { rocketClientTable } from '../../lib/nestjs/client-options.ts';
import { loaderTable } from '../../lib/nestjs/loader-options.ts';
import { keepaliveTable, rocketServerTable } from '../../lib/nestjs/server-options.ts';
import { callOptionTable } from '../../lib/rpc/call-options.ts';
import { channelOptionTable } from '../../lib/rpc/channel-options.ts';
import { clientTlsOptionTable } from '../../lib/rpc/client-tls-options.ts';
import { closeOptionTable, listenOptionTable } from '../../lib/rpc/listen-options.ts';
import { retryBudgetTable, retryOptionTable } from '../../lib/rpc/retry-options.ts';
import { healthOptionTable, serverOptionTable } from '../../lib/rpc/server-options.ts';
import { tlsFileTable } from '../../lib/rpc/tls-files.ts';
import { serverTlsOptionTable } from '../../lib/rpc/tls-options.ts';
import { type Documented, documentedOptions } from './documented.ts';

type Table = Readonly<Record<string, OptionRule<never, unknown>>>;

/** Options that are given together: where, in Markdown; the file and the interface that document them; their rules. */
const groups: readonly (readonly [title: string, file: string, interfaceName: string, table: Table])[] = [
  ['`new Server(options)`', 'lib/rpc/server-options.ts', 'ServerOptions', serverOptionTable],
  ['… `health`', 'lib/rpc/server-options.ts', 'HealthSettings', healthOptionTable],
  ['… `tls`', 'lib/rpc/tls-options.ts', 'ServerTlsOptions', serverTlsOptionTable],
  ['… `tls`', 'lib/rpc/tls-files.ts', 'TlsFileOptions', tlsFileTable],
  ['`server.listen(address, options)`', 'lib/rpc/listen-options.ts', 'ListenOptions', listenOptionTable],
  ['… and `registry.register()`', 'lib/discovery/registry.ts', 'RegisterOptions', registerOptionTable],
  ['`server.close(options)`', 'lib/rpc/listen-options.ts', 'CloseOptions', closeOptionTable],
  ['`new Channel(target, options)`', 'lib/rpc/channel-options.ts', 'ChannelOptions', channelOptionTable],
  ['… `tls`', 'lib/rpc/client-tls-options.ts', 'ClientTlsOptions', clientTlsOptionTable],
  ['… `retry`', 'lib/rpc/retry-options.ts', 'RetryOptions', retryOptionTable],
  ['… `retryBudget`', 'lib/rpc/retry-options.ts', 'RetryBudgetOptions', retryBudgetTable],
  ['… `ejection`', 'lib/balance/ejection.ts', 'EjectionSettings', ejectionTable],
  ['a call', 'lib/rpc/call-options.ts', 'CallOptions', callOptionTable],
  ['`etcd(options)`', 'lib/discovery/etcd/options.ts', 'EtcdOptions', etcdOptionTable],
  [
    '`createLogger(options)`, `rocketDestination(options)`',
    'lib/log/log-options.ts',
    'LogDestinationOptions',
    destinationTable,
  ],
  ['`createLogger(options)`', 'lib/log/log-options.ts', 'LoggerOptions', loggerTable],
  [
    '`new RocketServer(options)` of `rocket-rpc/nestjs`',
    'lib/nestjs/server-options.ts',
    'RocketServerOptions',
    rocketServerTable,
  ],
  [
    '`new RocketClient(options)` of `rocket-rpc/nestjs`',
    'lib/nestjs/client-options.ts',
    'RocketClientOptions',
    rocketClientTable,
  ],
  ['… `keepalive`', 'lib/nestjs/server-options.ts', 'KeepaliveOptions', keepaliveTable],
  ['… `loader`', 'lib/nestjs/loader-options.ts', 'LoaderOptions', loaderTable],
  ['`loadProto(paths, options)`', 'lib/codec/load-proto.ts', 'LoadProtoOptions', loadProtoTable],
];

/** An option as its doc comment describes it and its rule holds it. */
export interface Option extends Documented {
  readonly rule: OptionRule<never, unknown> | undefined;
}

export interface OptionGroup {
  readonly title: string;
  readonly options: readonly Option[];
}

/** Every option of the public API. */
export function optionGroups(): OptionGroup[] {
  return groups.map(([title, file, interfaceName, table]) => ({
    title,
    options: documentedOptions(file, interfaceName).map((option) => ({
      ...option,
      rule: ruleOf(table, option.name.split('.')),
    })),
  }));
}

function ruleOf(table: Table, [name = '', ...inner]: string[]): OptionRule<never, unknown> | undefined {
  const rule = table[name];
  if (inner.length === 0 || rule === undefined) return rule;
  return rule.table === undefined ? undefined : ruleOf(rule.table as Table, inner);
}

/** Undefined: no number. */
export function boundsOf({ rule }: Option): OptionBounds | undefined {
  return rule?.bounds;
}

/** Names of all options as errors have them: `maxFrameBytes`, `retry.maxAttempts`. */
export function documentedNames(): Set<string> {
  return new Set(
    groups.flatMap(([title, file, interfaceName]) => {
      const inside = /^… `(\w+)`$/.exec(title)?.[1];
      return documentedOptions(file, interfaceName).map(({ name }) =>
        inside === undefined ? name : `${inside}.${name}`,
      );
    }),
  );
}
