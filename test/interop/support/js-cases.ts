import { expect } from 'vitest';
import type {
  BoolValue,
  SimpleRequest,
  SimpleResponse,
  StreamingInputCallRequest,
  StreamingInputCallResponse,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
} from '../test-messages.ts';
import type { CaseName } from './cases.ts';
import { CallFailure, type JsCall, type JsCallOptions, type JsClient, type JsLibrary } from './js-client.ts';
import { Mailbox } from './mailbox.ts';

const requestSizes = [27_182, 8, 1828, 45_904];
const responseSizes = [31_415, 9, 2653, 58_979];
const largeRequest = 271_828;
const largeResponse = 314_159;
const concurrentCalls = 100;
const status = { cancelled: 1, unknown: 2, invalidArgument: 3, deadlineExceeded: 4, unimplemented: 12 };
const plainMessage = 'test status message';
const specialMessage = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
const initialKey = 'x-grpc-test-echo-initial';
const trailingKey = 'x-grpc-test-echo-trailing-bin';
const metadata = {
  [initialKey]: 'test_initial_metadata_value',
  [trailingKey]: Uint8Array.of(0xab, 0xab, 0xab),
};

/** grpc's interoperability cases for clients in this process. */
export const jsCases: Partial<Record<CaseName, (client: JsClient, compressing: JsClient) => Promise<void>>> =
  {
    async empty_unary(client) {
      await emptyUnary(client);
    },

    async large_unary(client) {
      await largeUnary(client, {});
    },

    async client_compressed_unary(client, compressing) {
      const expectCompressed: BoolValue = { value: true };
      await fails(client.call('unaryCall', one(large({ expectCompressed }))), status.invalidArgument);
      await largeUnary(compressing, { expectCompressed });
      await largeUnary(client, { expectCompressed: { value: false } });
    },

    async client_streaming(client) {
      const requests = requestSizes.map((size): StreamingInputCallRequest => ({ payload: zeroes(size) }));
      const response: StreamingInputCallResponse = await only(
        client.call('streamingInputCall', each(requests)),
      );
      expect(response.aggregatedPayloadSize).toBe(requestSizes.reduce((sum, size) => sum + size));
    },

    async server_streaming(client) {
      const call = client.call('streamingOutputCall', one(askingFor(responseSizes)));
      expect(await sizesOf(call)).toEqual(responseSizes);
    },

    async ping_pong(client) {
      const requests = new Mailbox<object>();
      const call = client.call('fullDuplexCall', requests);
      requests.put(askingFor([responseSizes[0]!], requestSizes[0]));
      let turn = 0;
      for await (const response of call) {
        expect(sizeOf(response)).toBe(responseSizes[turn]);
        turn += 1;
        if (turn === responseSizes.length) requests.end();
        else requests.put(askingFor([responseSizes[turn]!], requestSizes[turn]));
      }
      expect(turn).toBe(responseSizes.length);
    },

    async empty_stream(client) {
      expect(await sizesOf(client.call('fullDuplexCall', each([])))).toEqual([]);
    },

    async custom_metadata(client) {
      const request: SimpleRequest = { responseSize: 1, payload: zeroes(1) };
      await echoes(client.call('unaryCall', one(request), { metadata }));
      await echoes(client.call('fullDuplexCall', one(askingFor([1])), { metadata }));
    },

    async status_code_and_message(client) {
      await failsAsAsked(client, plainMessage);
    },

    async special_status_message(client) {
      await failsAsAsked(client, specialMessage);
    },

    async unimplemented_method(client) {
      await fails(client.call('unimplementedCall', one({})), status.unimplemented);
    },

    async unimplemented_service(client) {
      const options: JsCallOptions = { service: 'UnimplementedService' };
      await fails(client.call('unimplementedCall', one({}), options), status.unimplemented);
    },

    async cancel_after_begin(client) {
      const cancel = new AbortController();
      const call = client.call('streamingInputCall', new Mailbox<object>(), { signal: cancel.signal });
      const failed = fails(call, status.cancelled);
      cancel.abort();
      await failed;
      await emptyUnary(client);
    },

    async cancel_after_first_response(client) {
      const cancel = new AbortController();
      const requests = new Mailbox<object>();
      requests.put(askingFor([responseSizes[0]!], requestSizes[0]));
      const call = client.call('fullDuplexCall', requests, { signal: cancel.signal });
      const responses = call[Symbol.asyncIterator]();
      expect(sizeOf((await responses.next()).value)).toBe(responseSizes[0]);
      cancel.abort();
      await expect(responses.next()).rejects.toMatchObject({ code: status.cancelled });
      await emptyUnary(client);
    },

    async timeout_on_sleeping_server(client) {
      const requests = new Mailbox<object>();
      requests.put({ payload: zeroes(27_182) });
      await fails(client.call('fullDuplexCall', requests, { timeoutMs: 1 }), status.deadlineExceeded);
    },

    async concurrent_large_unary(client) {
      await Promise.all(Array.from({ length: concurrentCalls }, () => largeUnary(client, {})));
    },
  };

/** The cases that a library can run. */
export function casesOf({ lacks }: JsLibrary): CaseName[] {
  return (Object.keys(jsCases) as CaseName[]).filter((name) => !lacks.includes(name));
}

async function emptyUnary(client: JsClient): Promise<void> {
  await only(client.call('emptyCall', one({})));
}

function large(fields: SimpleRequest): SimpleRequest {
  return { responseSize: largeResponse, payload: zeroes(largeRequest), ...fields };
}

async function largeUnary(client: JsClient, fields: SimpleRequest): Promise<void> {
  expect(sizeOf(await only(client.call('unaryCall', one(large(fields)))))).toBe(largeResponse);
}

function askingFor(sizes: readonly number[], requestBytes = 0): StreamingOutputCallRequest {
  return { responseParameters: sizes.map((size) => ({ size })), payload: zeroes(requestBytes) };
}

function zeroes(bytes: number): { readonly body: Uint8Array } {
  return { body: new Uint8Array(bytes) };
}

async function* each(requests: readonly object[]): AsyncGenerator<object> {
  yield* requests;
}

function one(request: object): AsyncGenerator<object> {
  return each([request]);
}

async function responsesOf(call: JsCall): Promise<object[]> {
  const responses: object[] = [];
  for await (const response of call) responses.push(response);
  return responses;
}

async function only(call: JsCall): Promise<object> {
  const responses = await responsesOf(call);
  expect(responses).toHaveLength(1);
  return responses[0]!;
}

async function sizesOf(call: JsCall): Promise<number[]> {
  return (await responsesOf(call)).map(sizeOf);
}

function sizeOf(response: SimpleResponse | StreamingOutputCallResponse): number {
  const body = response.payload?.body ?? new Uint8Array();
  expect(body.every((byte) => byte === 0)).toBe(true);
  return body.length;
}

async function echoes(call: JsCall): Promise<void> {
  expect(await sizesOf(call)).toEqual([1]);
  expect((await call.headers)[initialKey]).toBe(metadata[initialKey]);
  expect(Uint8Array.from((await call.trailers)[trailingKey] as Uint8Array)).toEqual(metadata[trailingKey]);
}

async function failsAsAsked(client: JsClient, message: string): Promise<void> {
  const responseStatus = { code: status.unknown, message };
  await fails(client.call('unaryCall', one({ responseStatus })), status.unknown, message);
  await fails(client.call('fullDuplexCall', one({ responseStatus })), status.unknown, message);
}

async function fails(call: JsCall, code: number, details?: string): Promise<void> {
  const failure: unknown = await responsesOf(call).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(CallFailure);
  expect(failure).toMatchObject(details === undefined ? { code } : { code, details });
}
