/** Which call a line belongs to. */
export interface CallFields {
  readonly msgId: string;
  readonly method: string;
}

let source: (() => CallFields | undefined) | undefined;

/** The call being handled here, where a server with `asyncContext: true` has made it known. */
export function currentCallFields(): CallFields | undefined {
  return source === undefined ? undefined : source();
}

/** For the layer that knows of calls. */
export function setCallSource(found: () => CallFields | undefined): void {
  source = found;
}
