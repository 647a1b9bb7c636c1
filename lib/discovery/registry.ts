/** What is entered with an instance, and for how long. */
export interface RegisterOptions {
  /** After the process has died without a word, clients may see the instance for so long. 5 s to a day. Default 30 s. */
  readonly ttlSeconds?: number;
  /** Share of the calls in proportion to the other instances', over 0. Default 1. */
  readonly weight?: number;
  /** Anything clients may want to know: `{ zone: 'a' }`. Keys and values without `;`, `=` and control characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Gives up while the instance is not entered yet; later it does nothing. */
  readonly signal?: AbortSignal;
  /** Told why an attempt to enter the instance failed, each time, while it is not entered yet. */
  readonly onError?: (error: Error) => void;
}

/**
 * `registering`: on its way, for the first time or again after the registry was lost; `registered`; `closed`.
 */
export type RegistrationState = 'registering' | 'registered' | 'closed';

/** One instance's entry in a registry. Kept up for ever, whatever happens to the registry, until it is closed. */
export interface Registration extends AsyncDisposable {
  /** Name it is found by. */
  readonly service: string;
  /** `ip:port` that clients connect to. */
  readonly address: string;
  /** As of now; onState() tells of changes. */
  readonly state: RegistrationState;
  /** Why it is not registered now, if something went wrong since it last was. */
  readonly lastError: Error | undefined;
  /** Calls back on every change of `state`; returns what ends that. */
  onState(listener: (state: RegistrationState) => void): () => void;
  /** Withdraws the entry at once; resolves when the registry has done so, or could not be reached within 3 s. Idempotent. */
  close(): Promise<void>;
}

/** Where servers make themselves known. */
export interface Registry {
  /**
   * Enters an instance of `service` at `address` (`ip:port`); resolves when it is entered for the first time.
   *
   * @throws TypeError for a name, address or metadata that cannot be entered; Error, naming the option to change, when
   * the registry refuses it for good (wrong password). When it cannot be reached it goes on trying and resolves then.
   */
  register(service: string, address: string, options?: RegisterOptions): Promise<Registration>;
}
