// How a call's replies are compressed, as bits of its flags: what its caller reads came with the request; above are what
// the handler, or the option, wants, and what the headers say (or will), which cannot change once they have been sent.

import { type Compression, type CompressionFormat, compressionOfFlag } from '../contract/compression.ts';
import { requestFlag } from '../contract/transport.ts';

const readMask = requestFlag.takesGzip | requestFlag.takesDeflate;
const wantedShift = 9;
const declaredShift = 11;
const wantedMask = readMask << wantedShift;
const declaredMask = readMask << declaredShift;

/** Bits of a call that begins, for what the option says (flagOfCompression). */
export function flagsOfOption(flag: number): number {
  return (flag << wantedShift) | (flag << declaredShift);
}

export function wantsCompression(flags: number): boolean {
  return (flags & wantedMask) !== 0;
}

export function declaresCompression(flags: number): boolean {
  return (flags & declaredMask) !== 0;
}

/** Of the next reply; undefined: as it is. */
export function replyFormat(flags: number): CompressionFormat | undefined {
  return formatOf((flags >> wantedShift) & flags & readMask);
}

/** What `grpc-encoding` says in the headers of a stream; undefined: it is left out. */
export function declaredFormat(flags: number): CompressionFormat | undefined {
  return formatOf((flags >> declaredShift) & flags & readMask);
}

/** With another wish. Identity leaves the headers as they are: it may be switched on again. */
export function withWanted(flags: number, flag: number): number {
  const others = flags & ~wantedMask;
  if (flag === 0) return others;
  return (others & ~declaredMask) | flagsOfOption(flag);
}

/** Whether the headers, once they are sent, allow it. */
export function isDeclared(flags: number, flag: number): boolean {
  return flag === 0 || (flags & declaredMask) === flag << declaredShift;
}

function formatOf(flag: number): CompressionFormat | undefined {
  const compression: Compression = compressionOfFlag(flag);
  return compression === 'identity' ? undefined : compression;
}
