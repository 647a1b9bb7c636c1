/** A version of TLS, as node:tls names it. Older ones are not supported. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** A secret and its passphrase; an empty one means that there is none. */
export interface TlsSecret {
  readonly bytes: Uint8Array;
  readonly passphrase: string;
}

/**
 * The settings from which the core makes a context. The shapes of all values have been checked; nothing is parsed yet.
 */
export interface TlsContextSettings {
  /** True for channels, false for servers. */
  readonly client: boolean;
  readonly keys: readonly TlsSecret[];
  /** Certificates, each with its chain. */
  readonly certificates: readonly Uint8Array[];
  readonly pfx: readonly TlsSecret[];
  readonly authorities: readonly Uint8Array[];
  /** Whether the default authorities of OpenSSL are trusted in addition. */
  readonly opensslAuthorities: boolean;
  readonly revocations: readonly Uint8Array[];
  /** A server's. */
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ciphers: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Empty: the default of OpenSSL. */
  readonly ecdhCurve: string;
  /** `auto` or PEM. Empty: none. */
  readonly dhparam: Uint8Array;
  /** Empty: random ones. */
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
  /** The validity of the own certificate (or intermediate one) that expires first. Undefined: it has none. */
  readonly validity: CertificateValidity | undefined;
}

/** A context, and the files from which it is made again when they change. */
export interface MadeTls<Made> {
  readonly context: TlsContext;
  /** Undefined: it is made from options without files. */
  readonly files: TlsFilesInUse<Made> | undefined;
}

export interface TlsFilesInUse<Made> {
  readonly watch: boolean;
  readonly paths: readonly string[];
  /** The state of the files when they were read (watched-files.ts). */
  readonly mark: string;
  /**
   * Reads them again. Undefined: their contents have not changed.
   *
   * @throws Error that names the option and the file, and never quotes its contents.
   */
  remake(): Made | undefined;
}

/** The rules for clients that become weaker if an option is left out. */
export interface ServerTlsRules
  extends Pick<TlsContextSettings, 'requestCert' | 'minVersion' | 'ciphers' | 'ecdhCurve'> {
  /** Revoked certificates are refused. */
  readonly revokes: boolean;
}

/** The certificates of a server, and its rules for clients. */
export interface ServerTlsContext extends MadeTls<ServerTlsContext> {
  readonly rules: ServerTlsRules;
}

/** The settings for a server's TLS connections. */
export interface ServerTlsSettings extends ServerTlsContext {
  readonly allowPlain: boolean;
  readonly handshakeTimeoutMs: number;
  readonly maxHandshakes: number;
}

/** The options of a channel that stay when it gets new certificates. */
export interface ClientTlsRules
  extends Pick<TlsContextSettings, 'ciphers' | 'minVersion' | 'maxVersion' | 'ecdhCurve'> {
  readonly rejectUnauthorized: boolean | undefined;
  /** Whether the channel has authorities of its own. */
  readonly hasAuthorities: boolean;
  /** Whether it refuses revoked certificates. */
  readonly revokes: boolean;
}

/** The certificate that a peer has shown; one object for all calls of its connection. */
export interface TlsIdentity {
  readonly der: Buffer;
  /** Why it is not valid, as a code of node:tls; '': it is valid. */
  readonly error: string;
}

/** The TLS settings of a channel's connections. */
export interface ClientTlsSettings extends MadeTls<ClientTlsSettings> {
  readonly rules: ClientTlsRules;
  /**
   * The name that the certificate of every server must be for. Undefined: the host in the name of its endpoint, which
   * may come from a registry.
   */
  readonly servername: string | undefined;
  /**
   * Returns why a server with this certificate (DER) is not the one at this host; '': it is. Never throws. Undefined:
   * the names in the certificate are compared.
   */
  readonly judge: ((hostname: string, der: Buffer) => string) | undefined;
}
