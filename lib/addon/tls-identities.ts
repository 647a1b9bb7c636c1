import type { TlsIdentity } from '../contract/tls.ts';
import type { NativeEnvironment } from './binary.ts';

/** If there are more, the oldest is forgotten: it is looked up and parsed again with its next call. */
const mostKept = 1024;

/** The identities of connections, by the core's number, so that each has one object for all its calls. */
export class TlsIdentities {
  readonly #kept = new Map<number, TlsIdentity>();

  /** The identity of a held call; undefined: its connection has shown none. @throws Error if memory runs out. */
  of(native: NativeEnvironment, low: number, high: number): TlsIdentity | undefined {
    const number = native.peerIdentity(low, high);
    if (number === 0) return undefined;
    const kept = this.#kept.get(number);
    if (kept !== undefined) return kept;
    const identity = native.peerCertificate(low, high);
    if (identity.der.length === 0) throw new Error('there is no memory for the certificate of the peer');
    if (this.#kept.size >= mostKept) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(number, identity);
    return identity;
  }
}
