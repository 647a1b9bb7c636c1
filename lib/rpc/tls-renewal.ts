import type { CertificateValidity, MadeTls } from '../contract/tls.ts';
import { errorOf } from '../contract/value-text.ts';
import { type Logger, safeLogger } from '../log/logger.ts';
import { CertificateExpiry } from './certificate-expiry.ts';
import { FileWatch } from './watched-files.ts';

export interface TlsRenewalOptions<Made> {
  /** The beginning of log lines: `the server's`. */
  readonly whose: string;
  readonly logger: Logger | false | undefined;
  /** Puts the settings made of changed files in use. */
  apply(made: Made): void;
}

/**
 * Looks after certificates and keys in use: makes new settings when their files change, and logs when they expire. Does
 * not keep the process alive.
 */
export class TlsRenewal<Made extends MadeTls<Made>> {
  readonly #options: TlsRenewalOptions<Made>;
  readonly #expiry: CertificateExpiry;
  #made: Made | undefined;
  #watch: FileWatch | undefined;
  /** The files could not be used, which has been logged. */
  #isRefused = false;

  constructor(options: TlsRenewalOptions<Made>) {
    this.#options = options;
    this.#expiry = new CertificateExpiry(options.whose, options.logger);
  }

  /** The validity of the certificate in use. */
  get validity(): CertificateValidity | undefined {
    return this.#made?.context.validity;
  }

  /** Called when these settings are put in use. Watches their files if the options say so. */
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
