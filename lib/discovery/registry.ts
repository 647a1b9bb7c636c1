/** Options of a registration. */
export interface RegisterOptions {
  /** How long clients may still see the instance after its process died without closing. 5 s to a day. Default 30 s. */
  readonly ttlSeconds?: number;
  /** Share of the calls relative to the weights of the other instances, over 0. Default 1. */
  readonly weight?: number;
  /** Information for clients: `{ zone: 'a' }`. Keys and values without `;`, `=` and control characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Cancels the registration while the instance is not entered yet; has no effect later. */
  readonly signal?: AbortSignal;
  /** Called with the error of each failed attempt, while the instance is not entered yet. */
  readonly onError?: (error: Error) => void;
}

/**
 * `registering`: being entered, for the first time or again after the registry was lost; `registered`; `closed`.
 */
export type RegistrationState = 'registering' | 'registered' | 'closed';

/** One instance's entry in a registry. It is maintained, whatever happens to the registry, until it is closed. */
export interface Registration extends AsyncDisposable {
  /** Name of the service. */
  readonly service: string;
  /** `ip:port` that clients connect to. */
  readonly address: string;
  /** The current state; onState() reports changes. */
  readonly state: RegistrationState;
  /** Why it is not registered now, if something went wrong since it last was registered. */
  readonly lastError: Error | undefined;
  /** Calls back on every change of `state`; returns a function that stops that. */
  onState(listener: (state: RegistrationState) => void): () => void;
  /** Withdraws the entry at once; resolves when the registry has done so, or could not be reached within 3 s. Idempotent. */
  close(): Promise<void>;
}

/** A registry in which servers enter themselves. */
export interface Registry {
  /**
   * Enters an instance of `service` at `address` (`ip:port`); resolves when it is entered for the first time.
   *
   * @throws TypeError for a name, address or metadata that cannot be entered; Error that names the option to change if
   * the registry refuses permanently (wrong password). While the registry cannot be reached, it keeps trying and does
   * not reject.
   */
  register(service: string, address: string, options?: RegisterOptions): Promise<Registration>;
}
