import { X509Certificate } from 'node:crypto';
import { type AlternativeNames, alternativeNames } from './alternative-names.ts';
import { spiffeIdOf } from './spiffe-id.ts';

/** The certificate that a client has shown. `authorized` of the peer says whether it is valid. */
export interface PeerCertificate {
  /** The subject in the form of X509Certificate: `CN=orders`, with a line for each part. */
  readonly subject: string;
  /** The issuer, in the same form. */
  readonly issuer: string;
  /** Its alternative names by kind. */
  readonly altNames: AlternativeNames;
  /**
   * `spiffe://trust.domain/path` if the certificate is an X.509 SVID: it has exactly one URI among its names, and is
   * not that of an authority.
   */
  readonly spiffeId: string | undefined;
  /** The SHA-256 of the certificate, as `AB:CD:…`. */
  readonly fingerprint256: string;
  /** The serial number in hexadecimal. */
  readonly serialNumber: string;
  /** The start of its validity; a new Date each time. */
  readonly validFrom: Date;
  /** The end of its validity; a new Date each time. */
  readonly validTo: Date;
  /** The certificate itself, DER; a copy each time. */
  readonly raw: Buffer;
  /** The certificate as Node.js parses it, with all other fields. */
  readonly x509: X509Certificate;
}

/** The certificate of one connection, parsed once, when one of its calls first reads it. */
export class ParsedOnDemand implements PeerCertificate {
  /** A private copy: a handler that writes into its own copy changes nothing for others. */
  readonly #der: Buffer;
  #x509: X509Certificate | undefined;
  #altNames: AlternativeNames | undefined;
  #spiffeId: string | false | undefined;

  constructor(der: Buffer) {
    this.#der = der;
  }

  get x509(): X509Certificate {
    this.#x509 ??= new X509Certificate(this.#der);
    return this.#x509;
  }

  get subject(): string {
    return this.x509.subject ?? '';
  }

  get issuer(): string {
    return this.x509.issuer ?? '';
  }

  get altNames(): AlternativeNames {
    this.#altNames ??= alternativeNames(this.x509.subjectAltName);
    return this.#altNames;
  }

  get spiffeId(): string | undefined {
    this.#spiffeId ??= this.x509.ca ? false : (spiffeIdOf(this.altNames.uris) ?? false);
    return this.#spiffeId === false ? undefined : this.#spiffeId;
  }

  get fingerprint256(): string {
    return this.x509.fingerprint256;
  }

  get serialNumber(): string {
    return this.x509.serialNumber;
  }

  get validFrom(): Date {
    return new Date(this.x509.validFrom);
  }

  get validTo(): Date {
    return new Date(this.x509.validTo);
  }

  get raw(): Buffer {
    return Buffer.from(this.#der);
  }
}
