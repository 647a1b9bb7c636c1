/** Of grpc-js's `callInvocationTransformer`, what is used of a call that is about to be made. */
interface OutgoingCall {
  readonly metadata: { set(key: string, value: string): void };
  callback: ((error: Error | null, ...rest: readonly unknown[]) => void) | undefined;
}

/**
 * The token that etcd gives for user and password, asked for when it is needed first and when etcd does not know it any
 * more. Takes the place of etcd3's own way, which makes a gRPC client for every attempt and closes none of them.
 */
export class Login {
  readonly #authenticate: () => Promise<string>;
  #asked: Promise<void> | undefined;
  #token: string | undefined;

  constructor(authenticate: () => Promise<string>) {
    this.#authenticate = authenticate;
  }

  /** Whether there is a token, as far as is known a good one. */
  get done(): boolean {
    return this.#token !== undefined;
  }

  /** Until there is a token; those who come meanwhile wait for the same answer. */
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

  /** Sends the token with a call, and sees it refused. */
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
