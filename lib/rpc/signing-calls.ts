import { RpcError } from '../contract/errors.ts';
import type { ClientProtocol } from '../contract/transport.ts';
import { askCredentials, type CallCredentials } from './call-credentials.ts';
import type { ClientCall } from './client-call.ts';
import { ParkedCalls } from './parked-calls.ts';

/** Calls that wait for the metadata of their credentials. */
export class SigningCalls {
  readonly parked = new ParkedCalls<ClientCall>(onUnsigned);
  readonly #target: string;
  readonly #protocol: ClientProtocol;
  readonly #place: (call: ClientCall) => void;

  /** @param place begins an attempt, of a call that has its metadata. */
  constructor(target: string, protocol: ClientProtocol, place: (call: ClientCall) => void) {
    this.#target = target;
    this.#protocol = protocol;
    this.#place = place;
  }

  /** Parks a call until the credentials have answered, or its deadline; then it is placed. */
  add(call: ClientCall, credentials: CallCredentials): void {
    const { method, metadata, expiresAt } = call.what;
    const timeRemainingMs = Math.max(0, expiresAt - performance.now());
    this.parked.park(call, timeRemainingMs);
    const target = this.#target;
    const request = { method: method.wireName, target, attempt: call.attempts, timeRemainingMs };
    askCredentials(credentials, request, metadata, this.#protocol, (signed, error) => {
      // If it is not parked any more, its caller has cancelled it or the channel was closed.
      if (!this.parked.take(call)) return;
      if (signed === undefined) return call.fail(error);
      call.signed = signed;
      this.#place(call);
    });
  }
}

function onUnsigned(call: ClientCall): void {
  const text = `deadline exceeded: waited for the credentials of the call of ${call.what.method.wireName}`;
  call.fail(new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false }));
}
