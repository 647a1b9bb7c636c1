import type { DescMethod, Message } from '@bufbuild/protobuf';
import { streamsReplies, streamsRequests } from '../../contract/define-service.ts';
import { messageOf } from '../../contract/value-text.ts';
import { type CallOptions, type Channel, type MethodDefinition, RpcError } from '../../index.ts';
import { wrongArguments } from '../wrong-arguments.ts';
import { byteMethod } from './byte-method.ts';
import { CallFailure } from './call-failure.ts';
import type { CallAction, CallPlan } from './call-plan.ts';
import { findMethod } from './find-method.ts';
import type { ReplyJson } from './json-reply.ts';
import type { LineOutput } from './line-output.ts';
import { jsonLine } from './printable.ts';
import { metadataLines, speaksNoGrpc } from './report.ts';
import { DataError, requestsOf } from './requests.ts';
import type { TypeSource } from './type-source.ts';

/** How a call reads requests and shows replies. */
export interface CallPorts {
  readonly json: ReplyJson;
  readonly types: TypeSource;
  readonly output: LineOutput;
  readonly signal: AbortSignal;
}

/** Channels to try in order: the second only if the server does not speak the protocol of the first. */
export type Channels = readonly [first: Channel, second?: () => Channel];

type Call = Extract<CallAction, { readonly kind: 'call' }>;

/** Makes the call and prints its replies. @throws RpcError, DataError, CallFailure. */
export async function makeCall(
  plan: CallPlan,
  action: Call,
  ports: CallPorts,
  channels: () => Channels,
): Promise<void> {
  const described = await findMethod(ports.types, action.method);
  const method = byteMethod(described);
  const streams = method.kind !== 'unary';
  if (plan.protocol === 'tinypb' && streams)
    throw new CallFailure(
      `--protocol tinypb: ${method.wireName} streams, which TinyPB cannot carry`,
      wrongArguments,
    );
  const run = new CallRun(plan, described, method, ports);
  const request = await run.request(action);
  const [first, second] = channels();
  try {
    await run.over(first, request);
  } catch (error) {
    if (second === undefined || streams || !speaksNoGrpc(error)) throw error;
    run.say('not a server of gRPC, so by TinyPB', []);
    await run.over(second(), request);
  }
}

type Request = Uint8Array | AsyncIterable<Uint8Array>;

class CallRun {
  readonly #plan: CallPlan;
  readonly #described: DescMethod;
  readonly #method: MethodDefinition<Uint8Array, Message>;
  readonly #ports: CallPorts;
  /** The error in the input. The call itself fails with another error because of it. */
  #wrongData: DataError | undefined;
  #replies = 0;

  constructor(
    plan: CallPlan,
    described: DescMethod,
    method: MethodDefinition<Uint8Array, Message>,
    ports: CallPorts,
  ) {
    this.#plan = plan;
    this.#described = described;
    this.#method = method;
    this.#ports = ports;
  }

  /**
   * The request, or a stream of them. @throws DataError before anything is sent, except for streams from stdin or a
   * file.
   */
  async request({ data }: Call): Promise<Request> {
    const { types } = this.#ports;
    const { allowUnknownFields } = this.#plan;
    const rules = { type: this.#described.input, types, allowUnknownFields };
    const streams = streamsRequests(this.#method);
    const source = data ?? { kind: 'text', text: streams ? '' : '{}' };
    const requests = requestsOf(source, rules);
    if (streams && source.kind !== 'text') return this.#checked(requests);
    const all: Uint8Array[] = [];
    for await (const each of requests) {
      all.push(each);
      if (!streams && all.length > 1)
        throw new DataError(`--data: ${this.#method.wireName} takes one request`);
    }
    if (streams) return this.#checked(iterated(all));
    const [only] = all;
    if (only === undefined) throw new DataError('--data is empty: a request without fields is {}');
    return only;
  }

  async *#checked(requests: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* requests;
    } catch (error) {
      if (error instanceof DataError) this.#wrongData = error;
      throw error;
    }
  }

  async over(channel: Channel, request: Request): Promise<void> {
    const { metadata, verbose } = this.#plan;
    const { signal } = this.#ports;
    this.say('request metadata', metadataLines(metadata));
    const options: CallOptions = {
      metadata,
      signal,
      ...(verbose
        ? {
            onHeaders: (headers) => this.say('response headers', metadataLines(headers)),
            onTrailers: (trailers) => this.say('response trailers', metadataLines(trailers)),
          }
        : {}),
    };
    try {
      await this.#send(channel, request, options);
      this.say(`status OK, ${this.#replies} ${this.#replies === 1 ? 'message' : 'messages'} received`, []);
    } catch (error) {
      if (this.#wrongData !== undefined) throw this.#wrongData;
      if (error instanceof RpcError) this.say(`status ${error.code}`, []);
      throw error;
    }
  }

  async #send(channel: Channel, request: Request, options: CallOptions): Promise<void> {
    const method = this.#method as MethodDefinition<Uint8Array, Message, never, Message, never>;
    const given = request as never;
    if (!streamsReplies(this.#method)) return this.#show(await channel.call(method, given, options));
    for await (const reply of channel.stream(method, given, options)) {
      await this.#show(reply);
      if (this.#ports.output.failure !== undefined) return;
    }
  }

  async #show(reply: Message): Promise<void> {
    this.#replies++;
    let line: string;
    try {
      line = jsonLine(await this.#ports.json.of(this.#described.output, reply));
    } catch (error) {
      throw new CallFailure(`the reply cannot be shown as JSON: ${messageOf(error)}`);
    }
    await this.#ports.output.write(line);
  }

  /** Prints to stderr if --verbose is given. */
  say(heading: string, lines: readonly string[]): void {
    if (!this.#plan.verbose) return;
    console.error(`* ${heading}`);
    for (const line of lines) console.error(`  ${line}`);
  }
}

async function* iterated(items: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* items;
}
