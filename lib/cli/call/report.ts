import { create } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { detailsToJson } from '../../contract/error-details.ts';
import { base64Of } from '../../contract/metadata-value.ts';
import { statusNumbers, wireCodeOfStatus } from '../../contract/status.ts';
import { type Metadata, RpcError } from '../../index.ts';
import { byTlsFlag } from '../tls-flags.ts';
import type { ReplyJson } from './json-reply.ts';
import { jsonLine, printable } from './printable.ts';

/** As in grpcurl, the exit code of a status is this plus its number. */
const statusBase = 64;

export function exitCodeOf({ code }: RpcError): number {
  return statusBase + statusNumbers[code];
}

/** `NOT_FOUND: no such order`; options of the library are shown as flags of this command. */
export function errorLine(error: RpcError): string {
  const { code, message, wireCode } = error;
  const own = code === 'UNKNOWN' && wireCode !== wireCodeOfStatus(code) ? ` (error code ${wireCode})` : '';
  return `${code}${own}: ${printable(byFlag(message))}${hintOf(error)}`;
}

/** Whether a call failed because its server does not speak gRPC, so that it has certainly not run. */
export function speaksNoGrpc(error: unknown): boolean {
  return error instanceof RpcError && error.requestWritten === false && isNoGrpc.test(error.message);
}

const isNoGrpc = /does not answer as a server of gRPC(?!: TLS)|no application protocol/;

/** Advice on what to do, where the library's error text has none. */
function hintOf(error: RpcError): string {
  if (/alert (?:certificate required|handshake failure)/.test(error.message))
    return '; a server that asks for a certificate needs --cert and --key';
  if (error.method?.startsWith('grpc.reflection.') !== true) return '';
  if (error.code === 'UNIMPLEMENTED') return '; the server has no reflection, so give --proto';
  return speaksNoGrpc(error) ? '; without gRPC there is no reflection, so give --proto' : '';
}

/** A text of the library in which names of options are replaced by those of the command line. */
export function byFlag(text: string): string {
  return byTlsFlag(text)
    .replaceAll(/\b(?:maxMessageBytes|maxFrameBytes)\b/g, '--max-message-bytes')
    .replaceAll(/\bauthority must\b/g, '--authority must')
    .replaceAll(/\boption (?:connectTimeoutMs|timeoutMs)\b/g, 'option --timeout');
}

/**
 * The details of a status in protobuf's JSON, one a line. `json`, if given, resolves the types it does not know itself.
 */
export async function detailLines(error: RpcError, json: ReplyJson | undefined): Promise<string[]> {
  const lines: string[] = [];
  for (const detail of error.details) {
    if (detail.type === undefined && json !== undefined) {
      const any = create(AnySchema, { typeUrl: detail.typeUrl, value: detail.value });
      try {
        lines.push(jsonLine(await json.of(AnySchema, any)));
        continue;
      } catch {
        // Shown as if their types were unknown: the status matters more.
      }
    }
    const [plain] = (detailsToJson([detail]) ?? []) as Readonly<Record<string, unknown>>[];
    const { type, typeUrl, value, ...fields } = plain ?? {};
    const shown =
      type === undefined
        ? { '@type': typeUrl, '@value': value }
        : { '@type': `type.googleapis.com/google.rpc.${String(type)}`, ...fields };
    lines.push(jsonLine(shown));
  }
  return lines;
}

/** `key: value` for each; binary values in base64. */
export function metadataLines(metadata: Metadata): string[] {
  return Array.from(metadata, ([key, value]) => {
    return `${key}: ${typeof value === 'string' ? printable(value) : base64Of(value, 'base64')}`;
  });
}
