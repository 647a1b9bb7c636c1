import { requestFlag } from './boundary.ts';
import { kindOf } from './value-text.ts';

/** How a message is compressed: as gzip, in the format of zlib (which gRPC calls deflate), or not at all. */
export type Compression = 'identity' | 'gzip' | 'deflate';
export type CompressionFormat = Exclude<Compression, 'identity'>;

export const compressions: readonly Compression[] = ['identity', 'gzip', 'deflate'];

/** Of a message by its flags (requestFlag). */
export function compressionOfFlags(flags: number): Compression {
  if ((flags & requestFlag.compressed) === 0) return 'identity';
  return (flags & requestFlag.deflate) !== 0 ? 'deflate' : 'gzip';
}

/** The flag of a request whose peer reads that; 0 for identity. @throws TypeError that names what it is the value of. */
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

/** The reverse. */
export function compressionOfFlag(flag: number): Compression {
  if (flag === 0) return 'identity';
  return flag === requestFlag.takesGzip ? 'gzip' : 'deflate';
}
