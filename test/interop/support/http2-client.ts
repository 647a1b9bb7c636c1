import { once } from 'node:events';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { MethodDefinition } from '@grpc/grpc-js';
import { testServiceDefinition } from './definitions.ts';
import { type Encoding, frameOf, type Message, messagesIn } from './message-frames.ts';

/** What a request says, and whether its message goes out compressed. */
export interface SentRequest {
  readonly request: object;
  readonly compressed: boolean;
}

export interface ReceivedResponse<Response> {
  readonly response: Response;
  readonly compressed: boolean;
}

export interface Http2Answer<Response> {
  readonly responses: readonly ReceivedResponse<Response>[];
  /** `grpc-encoding` of the responses. */
  readonly encoding: string | undefined;
  /** `grpc-status`. */
  readonly status: string | undefined;
}

/** Calls over bare node:http2, which show what clients keep to themselves: which messages are compressed. */
export class Http2Client {
  readonly #session: ClientHttp2Session;

  constructor(port: number) {
    this.#session = http2.connect(`http://127.0.0.1:${port}`);
    // The calls see it as well.
    this.#session.on('error', () => {});
  }

  async call<Response extends object>(
    method: string,
    requests: readonly SentRequest[],
    encoding: Encoding,
  ): Promise<Http2Answer<Response>> {
    const definition = testServiceDefinition[method] as MethodDefinition<object, Response>;
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': definition.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-encoding': encoding,
      'grpc-accept-encoding': encoding,
    });
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    for (const { request, compressed } of requests) {
      stream.write(frameOf({ compressed, body: definition.requestSerialize(request) }, encoding));
    }
    stream.end();
    const closed = once(stream, 'close');
    const messages: Message[] = [];
    for await (const message of messagesIn(stream, () => headers['grpc-encoding']?.toString()))
      messages.push(message);
    await closed;
    const responses = messages.map(({ compressed, body }) => {
      return { compressed, response: definition.responseDeserialize(Buffer.from(body)) };
    });
    // An answer without a message has its status among the headers.
    const status = trailers['grpc-status'] ?? headers['grpc-status'];
    return { responses, encoding: headers['grpc-encoding']?.toString(), status: status?.toString() };
  }

  close(): void {
    this.#session.close();
  }
}
