import { RpcError } from '../contract/errors.ts';
import type { MessageCodec, MethodDefinition } from '../contract/service.ts';
import type { ReadyStrings } from '../contract/transport.ts';
import type { MethodPlan } from './method-config.ts';

/** A message is longer than a service config allows. */
export class MessageTooLong extends RpcError {}

/** Keyed weakly by plan, so that entries go with the service config. */
const made = new WeakMap<MethodPlan, WeakMap<MethodDefinition, MethodDefinition>>();

/** The method with codecs that enforce the limits of the plan, if it has any. */
export function limitedMethod(method: MethodDefinition, plan: MethodPlan): MethodDefinition {
  const { maxRequestBytes, maxResponseBytes } = plan;
  if (maxRequestBytes === undefined && maxResponseBytes === undefined) return method;
  let ofPlan = made.get(plan);
  if (ofPlan === undefined) {
    ofPlan = new WeakMap();
    made.set(plan, ofPlan);
  }
  let limited = ofPlan.get(method);
  if (limited === undefined) {
    limited = {
      ...method,
      request: maxRequestBytes === undefined ? method.request : limitedRequest(method, maxRequestBytes),
      response: maxResponseBytes === undefined ? method.response : limitedResponse(method, maxResponseBytes),
    };
    ofPlan.set(method, limited);
  }
  return limited;
}

function limitedRequest({ wireName, request }: MethodDefinition, most: number): MessageCodec<unknown> {
  const check = (bytes: number): void => {
    if (bytes > most)
      throw tooLong(`the request of ${wireName}`, bytes, most, 'maxRequestMessageBytes', false);
  };
  return {
    encodeInto(value, into, offset) {
      const end = request.encodeInto(value, into, offset);
      check(end === -1 ? request.spilled().length : end - offset);
      return end;
    },
    spilled: () => request.spilled(),
    decode: (buffer, start, end, strings) => request.decode(buffer, start, end, strings),
  };
}

function limitedResponse({ wireName, response }: MethodDefinition, most: number): MessageCodec<unknown> {
  const { stringFields } = response;
  return {
    encodeInto: (value, into, offset) => response.encodeInto(value, into, offset),
    spilled: () => response.spilled(),
    decode(buffer: Buffer, start: number, end: number, strings?: ReadyStrings) {
      if (end - start > most)
        throw tooLong(`the reply of ${wireName}`, end - start, most, 'maxResponseMessageBytes', true);
      return response.decode(buffer, start, end, strings);
    },
    ...(stringFields !== undefined && { stringFields }),
  };
}

function tooLong(what: string, bytes: number, most: number, field: string, requestWritten: boolean): Error {
  const text = `${what} has ${bytes} bytes; the service config allows ${most} (${field})`;
  return new MessageTooLong('RESOURCE_EXHAUSTED', text, { requestWritten });
}
