import { checkedOptions, given, group, type OptionTable, string } from '../contract/option-table.ts';
import { type ChannelOptions, channelOptionTable } from '../rpc/channel-options.ts';
import type { ServiceFiles } from './nest-services.ts';
import {
  copiedOptions,
  definedOnly,
  type KeepaliveOptions,
  keepaliveTable,
  maxBufferedMessages,
  maxMetadataSize,
  maxReceiveMessageLength,
  refuseForeign,
  serviceFilesTable,
} from './server-options.ts';

/** The options of Nest's gRPC client that apply to rocket-rpc, and those of a Channel. */
export interface RocketClientOptions extends ServiceFiles {
  /** The target of its channel: `host:port`, `dns:///host:port`, `etcd:///Service`, `grpcs://host:port`. Default `localhost:5000`, as Nest has it. */
  readonly url?: string;
  /** Longest reply, in bytes. Default: that of the channel, 4 MiB. */
  readonly maxReceiveMessageLength?: number;
  /** Longest metadata of a reply, in bytes. Default: that of the channel, 16 KiB. */
  readonly maxMetadataSize?: number;
  /** PINGs. Default: those of the channel. */
  readonly keepalive?: KeepaliveOptions;
  /**
   * Number of requests of one call that may wait, regardless of their size, since an Observable cannot be made to wait.
   * Past it the call ends with RESOURCE_EXHAUSTED. Lower it if requests are long. Default 65,536.
   */
  readonly maxBufferedMessages?: number;
  /** Options of the Channel. Its `protocol` is `grpc` unless it is given. */
  readonly channel?: ChannelOptions;
}

export const rocketClientTable = {
  ...serviceFilesTable,
  url: string('localhost:5000'),
  maxReceiveMessageLength,
  maxMetadataSize,
  keepalive: group<KeepaliveOptions, typeof keepaliveTable>(keepaliveTable),
  maxBufferedMessages,
  channel: given<ChannelOptions>(),
} satisfies OptionTable<RocketClientOptions>;

/** @throws TypeError or RangeError that names the option. */
export function checkedRocketClient(options: RocketClientOptions) {
  refuseForeign('RocketClient', options);
  const checked = checkedOptions('RocketClient', options, rocketClientTable, 'RocketClient: ');
  const { keepalive, maxReceiveMessageLength, maxMetadataSize, channel } = checked;
  const settings: ChannelOptions = {
    protocol: 'grpc',
    ...definedOnly({
      maxMessageBytes: maxReceiveMessageLength,
      maxMetadataBytes: maxMetadataSize,
      keepaliveTimeMs: keepalive.keepaliveTimeMs,
      keepaliveTimeoutMs: keepalive.keepaliveTimeoutMs,
      keepaliveWithoutCalls: keepalive.keepalivePermitWithoutCalls,
    }),
    ...copiedOptions<ChannelOptions>('RocketClient: channel', channel, channelOptionTable),
  };
  return { ...checked, settings };
}
