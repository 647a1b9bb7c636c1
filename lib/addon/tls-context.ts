import type { TlsContext, TlsContextSettings } from '../contract/tls.ts';
import { loadBinary } from './binary.ts';

/**
 * Parses certificates and keys.
 *
 * @throws TypeError that names the option (`tls.key`) and never quotes its value; Error if this Node.js has no OpenSSL
 * 3.
 */
export function nativeTlsContext(settings: TlsContextSettings): TlsContext {
  return new (loadBinary().TlsContext)(settings);
}
