/** The service of grpc's interoperability tests (protos/grpc/testing/test.proto), as handlers of a server with streams. */
import { setTimeout as pause } from 'node:timers/promises';
import { RpcError, type StatusNumber } from '../../lib/index.ts';
import type {
  EchoStatus,
  Empty,
  Payload,
  SimpleRequest,
  SimpleResponse,
  StreamingInputCallRequest,
  StreamingInputCallResponse,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
} from './test-messages.ts';

/** Metadata of a call: the value of a key that ends with -bin is bytes. */
export interface TestMetadata {
  get(key: string): string | Uint8Array | undefined;
  set(key: string, value: string | Uint8Array): unknown;
}

/** What the handlers use of the context of their call. */
export interface TestCall {
  readonly metadata: Pick<TestMetadata, 'get'>;
  /** What goes before the first response. */
  readonly responseMetadata: Pick<TestMetadata, 'set'>;
  readonly trailers: Pick<TestMetadata, 'set'>;
  readonly signal: AbortSignal;
}

/** Of a server that shows and chooses which messages are compressed; without it the cases of compression fail. */
export interface TestCompression<Call> {
  /** Whether the request that the handler took last came compressed. */
  received(call: Call): boolean;
  /** Whether the next response goes out compressed. */
  send(call: Call, compressed: boolean): void;
}

const echoedInitially = 'x-grpc-test-echo-initial';
const echoedAtTheEnd = 'x-grpc-test-echo-trailing-bin';
const serverId = 'rocket-rpc';

/** Handlers of grpc.testing.TestService; UnimplementedCall has none, and grpc.testing.UnimplementedService no handler at all. */
export function testService<Call extends TestCall>(compression?: TestCompression<Call>) {
  function expectCompressed(call: Call, expected: { readonly value?: boolean } | null | undefined): void {
    if (expected === null || expected === undefined || compression === undefined) return;
    if (compression.received(call) === (expected.value ?? false)) return;
    throw new RpcError('INVALID_ARGUMENT', 'the request did not come compressed as it says');
  }

  async function* answersTo(
    { responseParameters }: StreamingOutputCallRequest,
    call: Call,
  ): AsyncGenerator<StreamingOutputCallResponse> {
    for (const { size, intervalUs, compressed } of responseParameters ?? []) {
      if (intervalUs) await pause(intervalUs / 1000, undefined, { signal: call.signal });
      compression?.send(call, compressed?.value ?? false);
      yield { payload: zeroes(size) };
    }
  }

  async function unaryCall(request: SimpleRequest, call: Call): Promise<SimpleResponse> {
    echoMetadata(call);
    expectCompressed(call, request.expectCompressed);
    throwStatus(request.responseStatus);
    compression?.send(call, request.responseCompressed?.value ?? false);
    const response = { payload: zeroes(request.responseSize) };
    return request.fillServerId ? { ...response, serverId } : response;
  }

  return {
    async emptyCall(_request: Empty, _call: Call): Promise<Empty> {
      return {};
    },

    unaryCall,
    cacheableUnaryCall: unaryCall,

    async *streamingOutputCall(request: StreamingOutputCallRequest, call: Call) {
      echoMetadata(call);
      throwStatus(request.responseStatus);
      yield* answersTo(request, call);
    },

    async streamingInputCall(
      requests: AsyncIterable<StreamingInputCallRequest>,
      call: Call,
    ): Promise<StreamingInputCallResponse> {
      let aggregatedPayloadSize = 0;
      for await (const { payload, expectCompressed: expected } of requests) {
        expectCompressed(call, expected);
        aggregatedPayloadSize += payload?.body?.length ?? 0;
      }
      return { aggregatedPayloadSize };
    },

    async *fullDuplexCall(requests: AsyncIterable<StreamingOutputCallRequest>, call: Call) {
      echoMetadata(call);
      for await (const request of requests) {
        throwStatus(request.responseStatus);
        yield* answersTo(request, call);
      }
    },

    async *halfDuplexCall(requests: AsyncIterable<StreamingOutputCallRequest>, call: Call) {
      const taken: StreamingOutputCallRequest[] = [];
      for await (const request of requests) taken.push(request);
      for (const request of taken) yield* answersTo(request, call);
    },
  };
}

function echoMetadata({ metadata, responseMetadata, trailers }: TestCall): void {
  const initial = metadata.get(echoedInitially);
  if (initial !== undefined) responseMetadata.set(echoedInitially, initial);
  const trailing = metadata.get(echoedAtTheEnd);
  if (trailing !== undefined) trailers.set(echoedAtTheEnd, trailing);
}

function throwStatus(status: EchoStatus | null | undefined): void {
  if (status?.code) throw new RpcError(status.code as StatusNumber, status.message ?? '');
}

/** proto3 leaves a zero out, so a size may not be there. */
function zeroes(size = 0): Payload {
  if (size < 0) throw new RpcError('INVALID_ARGUMENT', `a payload of ${size} bytes was asked for`);
  return { type: 0, body: new Uint8Array(size) };
}
