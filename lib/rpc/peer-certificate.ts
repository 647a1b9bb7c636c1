import { X509Certificate } from 'node:crypto';
import { type AlternativeNames, alternativeNames } from './alternative-names.ts';
import { spiffeIdOf } from './spiffe-id.ts';

/** The certificate that a client has shown. Whether it is valid is said by `authorized` of its peer, not here. */
export interface PeerCertificate {
  /** As X509Certificate has it: `CN=orders`, with a line for each part. */
  readonly subject: string;
  /** Whom it is from, in the same form. */
  readonly issuer: string;
  /** Its alternative names by kind. */
  readonly altNames: AlternativeNames;
  /**
   * `spiffe://trust.domain/path`, of a certificate that is an X.509 SVID: exactly one URI among its names, and not that
   * of an authority.
   */
  readonly spiffeId: string | undefined;
  /** Its SHA-256, as `AB:CD:…`. */
  readonly fingerprint256: string;
  /** In hexadecimal. */
  readonly serialNumber: string;
  /** It is valid from then on; a new Date each time. */
  readonly validFrom: Date;
  /** And until then. */
  readonly validTo: Date;
  /** The certificate itself, DER; a copy each time. */
  readonly raw: Buffer;
  /** Node's own view of it, with everything else. */
  readonly x509: X509Certificate;
}

/** Of one connection: parsed when the first of its calls asks, and once. */
export class ParsedOnDemand implements PeerCertificate {
  /** Nobody else has it: a handler that writes into its copy changes nothing for others. */
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
