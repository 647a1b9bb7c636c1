// The compression of a call's replies, as bits of its flags. The lower bits came with the request and say what its
// caller accepts. The bits above say what the handler, or the option, wants, and what the headers declare (or will):
// that cannot change once they have been sent.

import { type Compression, type CompressionFormat, compressionOfFlag } from '../contract/compression.ts';
import { requestFlag } from '../contract/transport.ts';

const readMask = requestFlag.takesGzip | requestFlag.takesDeflate;
const wantedShift = 9;
const declaredShift = 11;
const wantedMask = readMask << wantedShift;
const declaredMask = readMask << declaredShift;

/** The initial bits of a call for the server's option (flagOfCompression). */
export function flagsOfOption(flag: number): number {
  return (flag << wantedShift) | (flag << declaredShift);
}

export function wantsCompression(flags: number): boolean {
  return (flags & wantedMask) !== 0;
}

export function declaresCompression(flags: number): boolean {
  return (flags & declaredMask) !== 0;
}

/** The format of the next reply; undefined: it is not compressed. */
export function replyFormat(flags: number): CompressionFormat | undefined {
  return formatOf((flags >> wantedShift) & flags & readMask);
}

/** The `grpc-encoding` in the headers of a stream; undefined: it is left out. */
export function declaredFormat(flags: number): CompressionFormat | undefined {
  return formatOf((flags >> declaredShift) & flags & readMask);
}

/**
 * Flags with another wanted compression. Identity does not change what the headers declare, so that compression can be
 * switched on again.
 */
export function withWanted(flags: number, flag: number): number {
  const others = flags & ~wantedMask;
  if (flag === 0) return others;
  return (others & ~declaredMask) | flagsOfOption(flag);
}

/** Whether the headers that have been sent declare it. */
export function isDeclared(flags: number, flag: number): boolean {
  return flag === 0 || (flags & declaredMask) === flag << declaredShift;
}

function formatOf(flag: number): CompressionFormat | undefined {
  const compression: Compression = compressionOfFlag(flag);
  return compression === 'identity' ? undefined : compression;
}
