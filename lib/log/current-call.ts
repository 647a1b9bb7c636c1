/** The call that a line belongs to. */
export interface CallFields {
  readonly msgId: string;
  readonly method: string;
}

let source: (() => CallFields | undefined) | undefined;

/** The call being handled here, if it runs under a server with `asyncContext: true`. */
export function currentCallFields(): CallFields | undefined {
  return source === undefined ? undefined : source();
}

/** Set by the layer that knows calls. */
export function setCallSource(found: () => CallFields | undefined): void {
  source = found;
}
