import { statSync } from 'node:fs';
import { bytesOfBase64, isBinaryKey } from '../../contract/metadata-value.ts';
import { MiB, maxTimeoutMs } from '../../contract/options.ts';
import { messageOf } from '../../contract/value-text.ts';
import { type ClientTlsOptions, Metadata } from '../../index.ts';
import { type TlsFlags, tlsOf } from '../tls-flags.ts';

/** The options as they were typed. */
export interface CallFlags extends TlsFlags {
  readonly data?: string;
  readonly metadata: readonly string[];
  readonly proto: readonly string[];
  readonly protoPath: readonly string[];
  readonly protoset: readonly string[];
  readonly authority?: string;
  readonly protocol?: string;
  readonly timeout?: string;
  readonly maxMessageBytes?: string;
  readonly emitDefaults?: true;
  readonly allowUnknownFields?: true;
  readonly verbose?: true;
}

/** Where requests come from, as JSON. */
export type DataSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'file'; readonly path: string };

export type CallAction =
  | { readonly kind: 'list'; readonly service: string | undefined }
  | { readonly kind: 'describe'; readonly symbol: string | undefined }
  | { readonly kind: 'call'; readonly method: string; readonly data: DataSource | undefined };

/** What `rocket call` has to do. */
export interface CallPlan {
  readonly target: string;
  readonly action: CallAction;
  readonly metadata: Metadata;
  /** Undefined: gRPC first, then TinyPB if the server does not speak gRPC. */
  readonly protocol: 'grpc' | 'tinypb' | undefined;
  readonly tls: ClientTlsOptions | undefined;
  readonly timeoutMs: number | undefined;
  readonly maxMessageBytes: number;
  /** If `proto` and `protosets` are both empty, the server is asked by reflection. */
  readonly proto: readonly string[];
  readonly protoPath: readonly string[];
  readonly protosets: readonly string[];
  readonly authority: string | undefined;
  readonly emitDefaults: boolean;
  readonly allowUnknownFields: boolean;
  readonly verbose: boolean;
}

/** @throws TypeError whose message names the wrong option or argument. */
export function callPlan(
  [target = '', what, symbol]: readonly (string | undefined)[],
  flags: CallFlags,
): CallPlan {
  const { proto, protoPath, protoset: protosets, authority } = flags;
  if (target === 'list' || target === 'describe')
    throw new TypeError(`the target comes first, as in: rocket call 127.0.0.1:50051 ${target}`);
  const protocol = protocolOf(target, flags.protocol);
  for (const path of proto) if (path === '') throw new TypeError('--proto is empty: it takes a .proto file');
  for (const path of protosets)
    if (path === '') throw new TypeError('--protoset is empty: it takes a file with a FileDescriptorSet');
  for (const folder of protoPath) checkFolder('--proto-path', folder);
  if (proto.length === 0 && protoPath.length > 0)
    throw new TypeError('--proto-path says where the imports of --proto are; give --proto too');
  return {
    target,
    action: actionOf(what, symbol, flags),
    metadata: metadataOf(flags.metadata),
    protocol,
    tls: tlsOf(flags),
    timeoutMs: wholeOf('--timeout', flags.timeout, 1, maxTimeoutMs),
    maxMessageBytes: wholeOf('--max-message-bytes', flags.maxMessageBytes, 64, 1023 * MiB) ?? 4 * MiB,
    proto,
    protoPath,
    protosets,
    authority,
    emitDefaults: flags.emitDefaults === true,
    allowUnknownFields: flags.allowUnknownFields === true,
    verbose: flags.verbose === true,
  };
}

function actionOf(what: string | undefined, symbol: string | undefined, { data }: CallFlags): CallAction {
  if (what === undefined)
    throw new TypeError('what is to be done? Give Service/Method to call it, or list, or describe');
  if (what === 'list' || what === 'describe') {
    if (data !== undefined) throw new TypeError(`--data is for calls; ${what} sends none`);
    if (symbol === '') throw new TypeError(`the name behind ${what} is empty`);
    return what === 'list' ? { kind: what, service: symbol } : { kind: what, symbol };
  }
  if (symbol !== undefined) throw new TypeError(`unexpected argument ${JSON.stringify(symbol)}`);
  if (!/^[./]?[\w.]+[/.]\w+$/.test(what))
    throw new TypeError(`not a method: ${JSON.stringify(what)}; Service/Method, list or describe is needed`);
  return { kind: 'call', method: what, data: data === undefined ? undefined : sourceOf(data) };
}

function sourceOf(data: string): DataSource {
  if (!data.startsWith('@')) return { kind: 'text', text: data };
  const path = data.slice(1);
  // A lone "@" means stdin too, as in grpcurl.
  if (path === '-' || path === '') return { kind: 'stdin' };
  try {
    if (statSync(path).isDirectory()) throw new TypeError('that is a folder');
  } catch (error) {
    throw new TypeError(`--data: ${JSON.stringify(path)} cannot be read: ${messageOf(error)}`);
  }
  return { kind: 'file', path };
}

function protocolOf(target: string, protocol: string | undefined): CallPlan['protocol'] {
  const namesGrpc = /^grpcs?:/.test(target);
  if (protocol === undefined) return namesGrpc ? 'grpc' : undefined;
  if (protocol !== 'tinypb' && protocol !== 'grpc')
    throw new TypeError(`--protocol must be grpc or tinypb, not ${JSON.stringify(protocol)}`);
  if (namesGrpc && protocol === 'tinypb')
    throw new TypeError(`--protocol tinypb does not fit the target ${target}`);
  return protocol;
}

function metadataOf(pairs: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, Math.max(at, 0));
    // The error does not quote the pair, because it may be a secret.
    if (at < 1) throw new TypeError('--metadata must be key=value');
    try {
      metadata.append(key, isBinaryKey(key.toLowerCase()) ? bytesOf(pair.slice(at + 1)) : pair.slice(at + 1));
      metadata.encode();
    } catch (error) {
      throw new TypeError(`--metadata ${key}: ${messageOf(error).replace(/^metadata /, '')}`);
    }
  }
  return metadata;
}

function bytesOf(text: string): Uint8Array {
  const bytes = bytesOfBase64(text);
  if (bytes === undefined) throw new TypeError('the value of a key that ends in -bin is base64');
  return bytes;
}

function checkFolder(flag: string, folder: string): void {
  try {
    if (statSync(folder).isDirectory()) return;
  } catch {
    // Reported below.
  }
  throw new TypeError(`${flag}: there is no folder ${JSON.stringify(folder)}`);
}

function wholeOf(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new TypeError(`${flag} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}
