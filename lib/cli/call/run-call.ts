import { messageOf } from '../../contract/value-text.ts';
import { Channel, type ChannelOptions, RpcError } from '../../index.ts';
import { wrongArguments } from '../wrong-arguments.ts';
import { CallFailure } from './call-failure.ts';
import type { CallPlan } from './call-plan.ts';
import { described } from './describe.ts';
import { findService, findSymbol } from './find-method.ts';
import { ReplyJson } from './json-reply.ts';
import { LineOutput } from './line-output.ts';
import { makeCall } from './make-call.ts';
import { printable } from './printable.ts';
import { ReflectedTypes } from './reflected-types.ts';
import { ReflectionClient } from './reflection-client.ts';
import { byFlag, detailLines, errorLine, exitCodeOf } from './report.ts';
import { DataError } from './requests.ts';
import { type TypeSource, typesOfFiles } from './type-source.ts';

const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;
const MiB = 1 << 20;
const reflectionTimeoutMs = 30_000;
/** A TinyPB server does not answer the HTTP/2 preface. After this silence the call is made by TinyPB. */
const longestSilenceMs = 2000;

/** Runs the plan and prints the result to stdout. Resolves with the exit code. */
export async function runCall(plan: CallPlan): Promise<number> {
  const stop = new AbortController();
  // Otherwise a half-read request would keep waiting for stdin.
  stop.signal.addEventListener('abort', () => process.stdin.destroy());
  let signalled: keyof typeof signalCodes | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    signalled ??= signal as keyof typeof signalCodes;
    stop.abort();
  };
  // Only once, so that a second Ctrl-C ends the process at once.
  for (const signal of Object.keys(signalCodes)) process.once(signal, onSignal);
  const output = new LineOutput(process.stdout, stop.signal, () => stop.abort());
  const run = new Run(plan, output, stop.signal);
  let code: number;
  try {
    await run.execute();
    code = 0;
  } catch (error) {
    const isOver = signalled !== undefined || output.failure !== undefined;
    code = isOver ? 1 : await complain(error, run.json);
  } finally {
    for (const signal of Object.keys(signalCodes)) process.off(signal, onSignal);
    await run.close();
  }
  if (signalled !== undefined) return signalCodes[signalled];
  if (output.failure === undefined) return code;
  // The reader has closed the pipe, as `| head` does.
  if (output.failure.code === 'EPIPE') return 0;
  console.error(`rocket call: stdout: ${output.failure.message}`);
  return 1;
}

/** Reports an error on stderr. Resolves with the exit code. */
async function complain(error: unknown, json: ReplyJson | undefined): Promise<number> {
  if (error instanceof RpcError) {
    console.error(`rocket call: ${errorLine(error)}`);
    for (const line of await detailLines(error, json)) console.error(`  detail: ${line}`);
    return exitCodeOf(error);
  }
  if (error instanceof CallFailure || error instanceof DataError) {
    console.error(`rocket call: ${byFlag(error.message)}`);
    return error instanceof CallFailure ? error.exitCode : wrongArguments;
  }
  throw error;
}

/** The channels and types of one run. */
class Run {
  readonly #plan: CallPlan;
  readonly #output: LineOutput;
  readonly #signal: AbortSignal;
  readonly #channels: Channel[] = [];
  json: ReplyJson | undefined;

  constructor(plan: CallPlan, output: LineOutput, signal: AbortSignal) {
    this.#plan = plan;
    this.#output = output;
    this.#signal = signal;
  }

  async execute(): Promise<void> {
    const { action, emitDefaults } = this.#plan;
    const types = this.#types();
    this.json = new ReplyJson(types, emitDefaults);
    switch (action.kind) {
      case 'list':
        return this.#list(types, action.service);
      case 'describe':
        return this.#describe(types, action.symbol);
      case 'call': {
        const ports = { json: this.json, types, output: this.#output, signal: this.#signal };
        return makeCall(this.#plan, action, ports, () => this.#callChannels());
      }
    }
  }

  async close(): Promise<void> {
    process.stdin.destroy();
    await Promise.all(this.#channels.map((channel) => channel.close({ drainMs: 0 })));
  }

  async #list(types: TypeSource, service: string | undefined): Promise<void> {
    if (service === undefined) {
      for (const name of await types.services()) await this.#output.write(printable(name));
      return;
    }
    const { typeName, methods } = await findService(types, service);
    for (const { name } of methods) await this.#output.write(printable(`${typeName}/${name}`));
  }

  async #describe(types: TypeSource, symbol: string | undefined): Promise<void> {
    const symbols = symbol === undefined ? await types.services() : [symbol];
    for (const each of symbols) await this.#output.write(described(await findSymbol(types, each)).trimEnd());
  }

  get #hasFiles(): boolean {
    return this.#plan.proto.length + this.#plan.protosets.length > 0;
  }

  #types(): TypeSource {
    const { metadata, timeoutMs = reflectionTimeoutMs } = this.#plan;
    if (this.#hasFiles) return typesOfFiles(this.#plan);
    const signal = this.#signal;
    return new ReflectedTypes(new ReflectionClient(this.#open('grpc'), { metadata, timeoutMs, signal }));
  }

  /** The channel to call, and another to try if the server does not speak the protocol of the first. */
  #callChannels(): readonly [Channel, (() => Channel)?] {
    const { protocol } = this.#plan;
    if (protocol !== undefined) return [this.#open(protocol)];
    const [reflecting] = this.#channels;
    if (reflecting !== undefined) return [reflecting];
    return this.#hasFiles
      ? [this.#open('grpc', longestSilenceMs), () => this.#open('tinypb')]
      : [this.#open('grpc')];
  }

  #open(protocol: 'grpc' | 'tinypb', longestConnectMs?: number): Channel {
    const { target, tls, timeoutMs, maxMessageBytes, authority } = this.#plan;
    const connectTimeoutMs = Math.min(timeoutMs ?? 5000, longestConnectMs ?? 5000);
    const options: ChannelOptions = {
      protocol,
      ioThreads: 1,
      connections: 1,
      connectTimeoutMs,
      maxMessageBytes,
      // 1 MiB more than the message, for what surrounds it in a frame.
      maxFrameBytes: Math.max(4 * MiB, maxMessageBytes + MiB),
      // A single call may queue all that it has to send.
      maxQueuedBytes: 1024 * MiB,
      ...(timeoutMs === undefined ? {} : { timeoutMs, streamTimeoutMs: timeoutMs }),
      ...(tls === undefined ? {} : { tls }),
      ...(authority === undefined ? {} : { authority }),
    };
    try {
      const channel = new Channel(target, options);
      this.#channels.push(channel);
      return channel;
    } catch (error) {
      const isMisuse = error instanceof TypeError || error instanceof RangeError;
      throw new CallFailure(byFlag(messageOf(error)), isMisuse ? wrongArguments : 1);
    }
  }
}
