import { RpcError } from '../contract/errors.ts';
import type { ClientCall } from './client-call.ts';
import type { EndpointSet } from './endpoint-set.ts';
import { ParkedCalls } from './parked-calls.ts';

/**
 * Calls for which no endpoint is known, or (with `waitForReady`) none is ready: how long they wait, and with which
 * error they fail.
 */
export class UnplacedCalls {
  readonly parked = new ParkedCalls<ClientCall>((call) => this.#onTime(call));
  /** Why the resolver has no endpoints. */
  resolverError: Error | undefined;
  readonly #target: string;
  readonly #endpoints: EndpointSet;

  constructor(target: string, endpoints: EndpointSet) {
    this.#target = target;
    this.#endpoints = endpoints;
  }

  /** @throws RpcError if there is no endpoint to wait for. */
  checkMayWait(call: ClientCall): void {
    const { waitForReady } = call.what;
    // A known endpoint may be back in a moment, so the call waits. If all endpoints of a call were removed, it fails
    // with the error of its last attempt.
    if (this.resolverError !== undefined && !waitForReady && this.#endpoints.size === 0)
      throw call.lastError ?? this.#nowhere(this.resolverError);
    const unhealthy = waitForReady ? undefined : this.#endpoints.unhealthy;
    if (unhealthy !== undefined) throw call.lastError ?? this.#noneHealthy(unhealthy);
  }

  /** Parks a call until it is placed or its time is over. */
  park(call: ClientCall): void {
    const { waitForReady, expiresAt, retry } = call.what;
    // The metadata of its credentials may have expired by the time it is placed.
    call.signed = undefined;
    const now = performance.now();
    const placeBy = call.streams?.waitUntil(now) ?? expiresAt;
    const left = Math.max(0, Math.min(placeBy, expiresAt) - now);
    const patience = waitForReady || call.lastError === undefined ? left : Math.min(left, retry?.maxMs ?? 0);
    this.parked.park(call, patience);
  }

  #onTime(call: ClientCall): void {
    if (call.lastError !== undefined && !call.what.waitForReady) return call.fail(call.lastError);
    call.fail(this.waitedInVain(call.streams?.waitMs ?? call.what.timeoutMs));
  }

  /** The error of a wait that lasted this long: says whether an endpoint or a connection is missing, and why. */
  waitedInVain(timeoutMs: number): RpcError {
    const what = this.#endpoints.size > 0 ? 'a connection to' : 'an endpoint of';
    const last = this.resolverError?.message ?? this.#endpoints.lastError;
    const why = last === undefined ? '' : ` (last error: ${last})`;
    const text = `deadline exceeded: waited ${timeoutMs} ms for ${what} ${this.#target}${why}`;
    return new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false });
  }

  #noneHealthy(why: string): RpcError {
    const text = `no endpoint of ${this.#target} is connected and healthy (${why})`;
    return new RpcError('UNAVAILABLE', text, { requestWritten: false });
  }

  #nowhere(cause: Error): RpcError {
    const text = `no endpoint of ${this.#target} is known: ${cause.message}`;
    return new RpcError('UNAVAILABLE', text, { cause, requestWritten: false });
  }
}
