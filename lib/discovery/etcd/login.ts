/** The part of a call that we use in grpc-js's `callInvocationTransformer`. */
interface OutgoingCall {
  readonly metadata: { set(key: string, value: string): void };
  callback: ((error: Error | null, ...rest: readonly unknown[]) => void) | undefined;
}

/**
 * The token that etcd gives for user and password, requested when it is first needed and when etcd no longer accepts
 * it. Replaces etcd3's own login, which creates a gRPC client for every attempt and never closes it.
 */
export class Login {
  readonly #authenticate: () => Promise<string>;
  #asked: Promise<void> | undefined;
  #token: string | undefined;

  constructor(authenticate: () => Promise<string>) {
    this.#authenticate = authenticate;
  }

  /** Whether there is a token that is not known to be invalid. */
  get done(): boolean {
    return this.#token !== undefined;
  }

  /** Waits for a token; concurrent callers wait for the same answer. */
  async ready(): Promise<void> {
    if (this.#token !== undefined) return;
    this.#asked ??= this.#ask();
    await this.#asked;
  }

  async #ask(): Promise<void> {
    try {
      this.#token = await this.#authenticate();
    } finally {
      this.#asked = undefined;
    }
  }

  /** Sends the token with a call, and notices if it is refused. */
  readonly sign = <Call extends OutgoingCall>(call: Call): Call => {
    const token = this.#token;
    if (token === undefined) return call;
    call.metadata.set('token', token);
    const { callback } = call;
    if (callback !== undefined) {
      call.callback = (error, ...rest) => {
        if (error !== null && /invalid auth token/.test(error.message)) this.#forget(token);
        callback(error, ...rest);
      };
    }
    return call;
  };

  #forget(token: string): void {
    if (this.#token === token) this.#token = undefined;
  }
}
