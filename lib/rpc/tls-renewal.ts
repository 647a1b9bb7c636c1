import type { CertificateValidity, MadeTls } from '../contract/tls.ts';
import { errorOf } from '../contract/value-text.ts';
import { type Logger, safeLogger } from '../log/logger.ts';
import { CertificateExpiry } from './certificate-expiry.ts';
import { FileWatch } from './watched-files.ts';

export interface TlsRenewalOptions<Made> {
  /** As log lines begin: `the server's`. */
  readonly whose: string;
  readonly logger: Logger | false | undefined;
  /** Files have changed, and this is made of them. */
  apply(made: Made): void;
}

/**
 * Certificates and keys while they are in use: makes new ones when their files change, and logs when they expire. Does
 * not keep the process alive.
 */
export class TlsRenewal<Made extends MadeTls<Made>> {
  readonly #options: TlsRenewalOptions<Made>;
  readonly #expiry: CertificateExpiry;
  #made: Made | undefined;
  #watch: FileWatch | undefined;
  /** The files could not be used, and it was said. */
  #isRefused = false;

  constructor(options: TlsRenewalOptions<Made>) {
    this.#options = options;
    this.#expiry = new CertificateExpiry(options.whose, options.logger);
  }

  /** Of the certificate that is in use. */
  get validity(): CertificateValidity | undefined {
    return this.#made?.context.validity;
  }

  /** This is in use from now on, and its files are watched if it says so. */
  use(made: Made): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#isRefused = false;
    this.#made = made;
    this.#expiry.watch(made.context.validity);
    const { files } = made;
    if (files?.watch === true) this.#watch = new FileWatch(files.paths, files.mark, () => this.#onChange());
  }

  close(): void {
    this.#watch?.close();
    this.#expiry.close();
  }

  /** False: the files could not be used. */
  #onChange(): boolean {
    const { whose, logger, apply } = this.#options;
    try {
      const made = this.#made?.files?.remake();
      if (made !== undefined) {
        apply(made);
        this.#made = made;
        this.#expiry.watch(made.context.validity);
      }
      if (this.#isRefused) safeLogger(logger).warn(`${whose} files for TLS are good again, and in use`);
      this.#isRefused = false;
      return true;
    } catch (error) {
      if (!this.#isRefused)
        safeLogger(logger).error(
          `${whose} files for TLS have changed and cannot be used, the old ones stay: ${errorOf(error).message}`,
        );
      this.#isRefused = true;
      return false;
    }
  }
}
