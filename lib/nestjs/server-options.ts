import {
  boolean,
  checked,
  checkedOptions,
  given,
  group,
  integer,
  type OptionTable,
  string,
  timeout,
} from '../contract/option-table.ts';
import { givenOption, knownOptions, MiB } from '../contract/options.ts';
import { kindOf } from '../contract/value-text.ts';
import { type ListenOptions, listenOptionTable } from '../rpc/listen-options.ts';
import { type ServerOptions, serverOptionTable } from '../rpc/server-options.ts';
import type { LoaderOptions } from './loader-options.ts';
import type { ServiceFiles } from './nest-services.ts';

/** The options of Nest's `keepalive` that apply to rocket-rpc. */
export interface KeepaliveOptions {
  /** Silence after which the peer gets a PING. */
  readonly keepaliveTimeMs?: number;
  /** Time it has to answer. */
  readonly keepaliveTimeoutMs?: number;
  /** For a server: clients may send PINGs without calls. For a client: it sends them. 0 or 1. */
  readonly keepalivePermitWithoutCalls?: number | boolean;
}

export const keepaliveTable = {
  keepaliveTimeMs: timeout(undefined, 0),
  keepaliveTimeoutMs: timeout(undefined),
  keepalivePermitWithoutCalls: checked((name, value: number | boolean | undefined) => {
    if (value !== undefined && ![0, 1, true, false].includes(value))
      throw new TypeError(`${name} is 0, 1 or a boolean, not ${kindOf(value)}`);
    return value === undefined ? undefined : Boolean(value);
  }),
} satisfies OptionTable<KeepaliveOptions>;

/** The options of Nest's gRPC transport that apply to rocket-rpc, and those of a Server. */
export interface RocketServerOptions extends ServiceFiles {
  /** Where it listens: `host:port`, `unix:/path`. Default `localhost:5000`, as Nest has it. */
  readonly url?: string;
  /** Longest request, in bytes. Default: that of the server, 4 MiB. */
  readonly maxReceiveMessageLength?: number;
  /** Longest metadata of a request, in bytes. Default: that of the server, 8 KiB. */
  readonly maxMetadataSize?: number;
  /** PINGs. Default: those of the server. */
  readonly keepalive?: KeepaliveOptions;
  /** Whether close() lets running calls finish. Default true: for `drainMs`. */
  readonly gracefulShutdown?: boolean;
  /** How long, milliseconds. Default 5 s. */
  readonly drainMs?: number;
  /**
   * Number of messages of one call that may wait, regardless of their size: values of an Observable, which cannot be
   * made to wait, or messages written to the stream of `@GrpcStreamCall()`. Past it the call ends with
   * RESOURCE_EXHAUSTED. Lower it if messages are long. Default 65,536.
   */
  readonly maxBufferedMessages?: number;
  /** Options of the Server: `tls`, `reflection`, `interceptors` and all others. */
  readonly server?: ServerOptions;
  /** Options of its listen(): `registry` and its own. */
  readonly listen?: ListenOptions;
}

/** Options of Nest's gRPC transport that are refused, and what to use instead. */
const refused: Readonly<Record<string, string>> = {
  credentials: 'give server: { tls: { cert, key } } to a server, a url that begins with grpcs:// to a client',
  channelOptions: 'give the options of rocket-rpc, in server or channel (docs/operations.md)',
  maxSendMessageLength: 'messages that are sent have no limit of their own',
  protoLoader: 'give packageDefinition: loadSync(protoPath, loader) of that loader',
  onLoadPackageDefinition: 'give server: { reflection: true }; health is built in',
};

/** @throws TypeError for an option of Nest's that has no meaning here. */
export function refuseForeign(what: string, options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${what} takes an object of options, not ${kindOf(options)}`);
  for (const [name, instead] of Object.entries(refused)) {
    if ((options as Readonly<Record<string, unknown>>)[name] !== undefined)
      throw new TypeError(`${what}: ${name} is an option of Nest's own transport: ${instead}`);
  }
}

/** Of ServiceFiles; nestServices() checks them. */
export const serviceFilesTable = {
  package: given<string | readonly string[]>(),
  protoPath: given<string | readonly string[]>(),
  loader: given<LoaderOptions>(),
  packageDefinition: given<object>(),
} satisfies OptionTable<ServiceFiles>;

export const maxBufferedMessages = integer(65_536, 1, 1 << 24);
/** As maxMessageBytes and maxMetadataBytes of servers and channels. */
export const maxReceiveMessageLength = integer(undefined, 64, 1024 * MiB);
export const maxMetadataSize = integer(undefined, 1024, 65_536);

export const rocketServerTable = {
  ...serviceFilesTable,
  url: string('localhost:5000'),
  maxReceiveMessageLength,
  maxMetadataSize,
  keepalive: group<KeepaliveOptions, typeof keepaliveTable>(keepaliveTable),
  gracefulShutdown: boolean(true),
  drainMs: timeout(5000, 0),
  maxBufferedMessages,
  server: given<ServerOptions>(),
  listen: given<ListenOptions>(),
} satisfies OptionTable<RocketServerOptions>;

/** Only the options that are given, so that the others get the server's own defaults. */
export function definedOnly<Options extends object>(
  options: Options,
): { readonly [Name in keyof Options]?: NonNullable<Options[Name]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/** A copy of options that are checked elsewhere. @throws TypeError for what are none, and for an unknown name. */
export function copiedOptions<Options extends object>(
  what: string,
  options: Options | undefined,
  table: OptionTable<Options>,
): { readonly [Name in keyof Options]?: NonNullable<Options[Name]> } {
  if (options === undefined) return {};
  const names = Object.keys(table);
  knownOptions(what, options, names);
  return definedOnly(Object.fromEntries(names.map((name) => [name, givenOption(options, name)]))) as never;
}

/** @throws TypeError or RangeError that names the option. */
export function checkedRocketServer(options: RocketServerOptions) {
  refuseForeign('RocketServer', options);
  const checkedOnes = checkedOptions('RocketServer', options, rocketServerTable, 'RocketServer: ');
  const { keepalive, maxReceiveMessageLength, maxMetadataSize, server, listen } = checkedOnes;
  const settings: ServerOptions = {
    ...definedOnly({
      maxMessageBytes: maxReceiveMessageLength,
      maxMetadataBytes: maxMetadataSize,
      keepaliveTimeMs: keepalive.keepaliveTimeMs,
      keepaliveTimeoutMs: keepalive.keepaliveTimeoutMs,
      permitPingsWithoutCalls: keepalive.keepalivePermitWithoutCalls,
    }),
    ...copiedOptions<ServerOptions>('RocketServer: server', server, serverOptionTable),
  };
  const listenOptions = copiedOptions<ListenOptions>('RocketServer: listen', listen, listenOptionTable);
  return { ...checkedOnes, settings, listen: listenOptions };
}
