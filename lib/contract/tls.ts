/** A version of TLS, as node:tls names it; older ones are not spoken. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** A secret and what decrypts it; an empty passphrase is none. */
export interface TlsSecret {
  readonly bytes: Uint8Array;
  readonly passphrase: string;
}

/** What the core makes a context of. Everything is checked for its shape, and nothing is parsed yet. */
export interface TlsContextSettings {
  /** For channels; otherwise for servers. */
  readonly client: boolean;
  readonly keys: readonly TlsSecret[];
  /** Each with its chain. */
  readonly certificates: readonly Uint8Array[];
  readonly pfx: readonly TlsSecret[];
  readonly authorities: readonly Uint8Array[];
  /** Whom OpenSSL believes, besides. */
  readonly opensslAuthorities: boolean;
  readonly revocations: readonly Uint8Array[];
  /** A server's. */
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ciphers: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Empty: those of OpenSSL. */
  readonly ecdhCurve: string;
  /** `auto` or PEM. Empty: none. */
  readonly dhparam: Uint8Array;
  /** Empty: made up. */
  readonly ticketKeys: Uint8Array;
  /** A server's. */
  readonly alpn: readonly string[];
}

declare const opaque: unique symbol;

/** When a certificate is valid, in milliseconds of Unix time. */
export interface CertificateValidity {
  readonly from: number;
  readonly until: number;
}

/** Parsed certificates and keys, in the core. */
export interface TlsContext {
  readonly [opaque]?: never;
  /** Of its own certificates, those that signed them included, the one that expires first. Undefined: it has none. */
  readonly validity: CertificateValidity | undefined;
}

/** A context, and the files that it is made of again when they change. */
export interface MadeTls<Made> {
  readonly context: TlsContext;
  /** Undefined: it is made of options alone. */
  readonly files: TlsFilesInUse<Made> | undefined;
}

export interface TlsFilesInUse<Made> {
  readonly watch: boolean;
  readonly paths: readonly string[];
  /** Of the files when they were read (watched-files.ts). */
  readonly mark: string;
  /**
   * Reads them again. Undefined: what is in them is the same.
   *
   * @throws Error that names the option and the file, and never with anything of what is in it.
   */
  remake(): Made | undefined;
}

/** Of what a server demands of clients, the part that is less where an option is left out. */
export interface ServerTlsRules
  extends Pick<TlsContextSettings, 'requestCert' | 'minVersion' | 'ciphers' | 'ecdhCurve'> {
  /** Revoked certificates are refused. */
  readonly revokes: boolean;
}

/** What a server shows of itself, and asks of clients. */
export interface ServerTlsContext extends MadeTls<ServerTlsContext> {
  readonly rules: ServerTlsRules;
}

/** How a server takes TLS connections. */
export interface ServerTlsSettings extends ServerTlsContext {
  readonly allowPlain: boolean;
  readonly handshakeTimeoutMs: number;
  readonly maxHandshakes: number;
}

/** What of a channel's options stays when it gets new certificates. */
export interface ClientTlsRules
  extends Pick<TlsContextSettings, 'ciphers' | 'minVersion' | 'maxVersion' | 'ecdhCurve'> {
  readonly rejectUnauthorized: boolean | undefined;
  /** It has authorities of its own. */
  readonly hasAuthorities: boolean;
  /** It refuses revoked certificates. */
  readonly revokes: boolean;
}

/** The certificate that a peer has shown; one object for all calls of its connection. */
export interface TlsIdentity {
  readonly der: Buffer;
  /** Why it is not valid, as node:tls names it; '': it is. */
  readonly error: string;
}

/** How a channel's connections are secured. */
export interface ClientTlsSettings extends MadeTls<ClientTlsSettings> {
  readonly rules: ClientTlsRules;
  /** What the certificate of every server must be for; undefined: the host of its endpoint's name, which may be a registry's word. */
  readonly servername: string | undefined;
  /**
   * Why the server with that certificate (DER) is not the one at that host; '': it is. Never throws. Undefined: names are
   * compared.
   */
  readonly judge: ((hostname: string, der: Buffer) => string) | undefined;
}
