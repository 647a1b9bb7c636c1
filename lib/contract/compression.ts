import { requestFlag } from './boundary.ts';
import { kindOf } from './value-text.ts';

/** The compression of a message: gzip, the format of zlib (which gRPC calls deflate), or none. */
export type Compression = 'identity' | 'gzip' | 'deflate';
export type CompressionFormat = Exclude<Compression, 'identity'>;

export const compressions: readonly Compression[] = ['identity', 'gzip', 'deflate'];

/** The compression of a message with these flags (requestFlag). */
export function compressionOfFlags(flags: number): Compression {
  if ((flags & requestFlag.compressed) === 0) return 'identity';
  return (flags & requestFlag.deflate) !== 0 ? 'deflate' : 'gzip';
}

/**
 * The flag of a request whose peer accepts this compression; 0 for identity. @throws TypeError that names the option or
 * property.
 */
export function flagOfCompression(name: string, value: Compression): number {
  switch (value) {
    case 'identity':
      return 0;
    case 'gzip':
      return requestFlag.takesGzip;
    case 'deflate':
      return requestFlag.takesDeflate;
    default:
      throw new TypeError(`${name} must be one of ${compressions.join(', ')}, not ${kindOf(value)}`);
  }
}

/** The inverse of flagOfCompression(). */
export function compressionOfFlag(flag: number): Compression {
  if (flag === 0) return 'identity';
  return flag === requestFlag.takesGzip ? 'gzip' : 'deflate';
}
