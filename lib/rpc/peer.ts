import type { TlsIdentity } from '../contract/tls.ts';
import { ParsedOnDemand, type PeerCertificate } from './peer-certificate.ts';

/** The peer that makes a call. As text, and in JSON, it is the address. */
export interface Peer {
  /** `ip:port`, `unix:` for a Unix socket. */
  readonly address: string;
  /**
   * The certificate that the peer has shown. Undefined if it has shown none: over a connection without TLS, or if the
   * server does not ask for one (`tls.requestCert`). With `tls.rejectUnauthorized: false` anyone may have made it: see
   * `authorized`.
   *
   * @throws Error when read first after the call has ended, because the connection may be gone.
   */
  readonly certificate: PeerCertificate | undefined;
  /**
   * Whether the peer has a certificate from one of the server's authorities that was valid when the connection, or the
   * session that it resumes, was established.
   *
   * @throws as `certificate`.
   */
  readonly authorized: boolean;
  /**
   * Why its certificate is not valid, as a code of node:tls such as `CERT_HAS_EXPIRED`. Undefined if it is valid, or
   * there is none.
   *
   * @throws as `certificate`.
   */
  readonly authorizationError: string | undefined;
}

/** The call whose peer it is. */
export interface PeerSource {
  readonly peerAddress: string;
  /** The certificate of its connection; undefined: it has shown none. */
  identity(): TlsIdentity | undefined;
}

/** Reads everything from its call when it is first used. */
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

/** The parsed certificate of each connection, which has one identity. */
const certificates = new WeakMap<TlsIdentity, PeerCertificate>();

function certificateOf(identity: TlsIdentity): PeerCertificate {
  let certificate = certificates.get(identity);
  if (certificate === undefined) {
    certificate = new ParsedOnDemand(identity.der);
    certificates.set(identity, certificate);
  }
  return certificate;
}
