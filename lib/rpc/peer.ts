import type { TlsIdentity } from '../contract/tls.ts';
import { ParsedOnDemand, type PeerCertificate } from './peer-certificate.ts';

/** Who makes a call. As text, and in JSON, it is the address. */
export interface Peer {
  /** `ip:port`, `unix:` for a Unix socket. */
  readonly address: string;
  /**
   * The certificate it has shown; undefined without one: over a connection without TLS, or where the server does not ask
   * for it (`tls.requestCert`). With `tls.rejectUnauthorized: false` it may be anybody's: see `authorized`.
   *
   * @throws Error if none of this was asked for before the call ended.
   */
  readonly certificate: PeerCertificate | undefined;
  /**
   * It has a certificate, which is from one of the server's authorities and was valid when the connection was made.
   *
   * @throws as `certificate`.
   */
  readonly authorized: boolean;
  /**
   * Why its certificate is not valid, as node:tls names it: `CERT_HAS_EXPIRED`. Undefined if it is, and without one.
   *
   * @throws as `certificate`.
   */
  readonly authorizationError: string | undefined;
}

/** The call whose peer it is. */
export interface PeerSource {
  readonly peerAddress: string;
  /** Of its connection; undefined: it has shown none. */
  identity(): TlsIdentity | undefined;
}

/** Asks its call for everything, when it is asked itself. */
export class CallPeer implements Peer {
  readonly #call: PeerSource;

  constructor(call: PeerSource) {
    this.#call = call;
  }

  get address(): string {
    return this.#call.peerAddress;
  }

  get certificate(): PeerCertificate | undefined {
    const identity = this.#call.identity();
    return identity === undefined ? undefined : certificateOf(identity);
  }

  get authorized(): boolean {
    return this.#call.identity()?.error === '';
  }

  get authorizationError(): string | undefined {
    return this.#call.identity()?.error || undefined;
  }

  toString(): string {
    return this.address;
  }

  toJSON(): string {
    return this.address;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Peer ${this.address}`;
  }
}

/** One for each connection, as there is one identity. */
const certificates = new WeakMap<TlsIdentity, PeerCertificate>();

function certificateOf(identity: TlsIdentity): PeerCertificate {
  let certificate = certificates.get(identity);
  if (certificate === undefined) {
    certificate = new ParsedOnDemand(identity.der);
    certificates.set(identity, certificate);
  }
  return certificate;
}
