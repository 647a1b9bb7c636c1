import { join } from 'node:path';
import { type Bidi, type Channel, loadProto, type Metadata, RpcError } from '../../index.ts';
import { packageRoot } from '../../package-root.ts';
import { CallFailure } from './call-failure.ts';
import { printable } from './printable.ts';

/** A reflection request: exactly one of these is set. */
export interface Question {
  readonly listServices?: string;
  readonly fileContainingSymbol?: string;
  readonly fileByFilename?: string;
}

export interface Answer {
  readonly fileDescriptorResponse: { readonly fileDescriptorProto: readonly Uint8Array[] } | null;
  readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] } | null;
  readonly errorResponse: { readonly errorCode: number; readonly errorMessage: string } | null;
}

interface Methods {
  readonly serverReflectionInfo: Bidi<Question, Answer>;
}

interface Descriptions {
  readonly 'grpc.reflection.v1.ServerReflection': Methods;
  readonly 'grpc.reflection.v1alpha.ServerReflection': Methods;
}

/** How the questions are sent. */
export interface ReflectionOptions {
  readonly metadata: Metadata;
  /** The deadline of one call of asking(), for all its questions together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

type Ask = (question: Question) => Promise<Answer>;

const versions = ['v1', 'v1alpha'] as const;
/** A limit, because a server could name new files endlessly. */
const mostQuestions = 2000;

/** Asks a server by `grpc.reflection.v1`, or by `v1alpha` if it does not have that. */
export class ReflectionClient {
  readonly #channel: Channel;
  readonly #options: ReflectionOptions;
  #version: (typeof versions)[number] = 'v1';

  constructor(channel: Channel, options: ReflectionOptions) {
    this.#channel = channel;
    this.#options = options;
  }

  /**
   * Runs `work`, whose questions share one stream. @throws RpcError; CallFailure for an answer that does not fit its
   * question.
   */
  async asking<Result>(work: (ask: Ask) => Promise<Result>): Promise<Result> {
    let asked = 0;
    let stream = this.#open();
    try {
      return await work(async (question) => {
        asked++;
        if (asked > mostQuestions)
          throw new CallFailure(`reflection has no end: the server was asked ${mostQuestions} times`);
        if (asked > 1) return stream.ask(question);
        try {
          return await stream.ask(question);
        } catch (error) {
          const isMissing = error instanceof RpcError && error.code === 'UNIMPLEMENTED';
          if (!isMissing || this.#version === 'v1alpha') throw error;
          this.#version = 'v1alpha';
          await stream.end();
          stream = this.#open();
          return stream.ask(question);
        }
      });
    } finally {
      await stream.end();
    }
  }

  #open(): ReflectionStream {
    return new ReflectionStream(this.#channel, this.#version, this.#options);
  }
}

/** One streaming call; each question is sent after the answer to the one before. */
class ReflectionStream {
  readonly #questions = new Questions();
  readonly #answers: AsyncIterator<Answer, undefined>;

  constructor(channel: Channel, version: (typeof versions)[number], options: ReflectionOptions) {
    const folder = join(packageRoot(), 'proto');
    const file = `grpc/reflection/${version}/reflection.proto`;
    const services = loadProto<Descriptions>(file, { includeDirs: [folder] });
    const { serverReflectionInfo } = services[`grpc.reflection.${version}.ServerReflection`].methods;
    const { metadata, timeoutMs, signal } = options;
    this.#answers = channel.stream(serverReflectionInfo, this.#questions, { metadata, timeoutMs, signal });
  }

  async ask(question: Question): Promise<Answer> {
    this.#questions.push(question);
    const { done, value } = await this.#answers.next();
    if (done === true)
      throw new CallFailure(`the server ended reflection without an answer to ${textOf(question)}`);
    return value;
  }

  async end(): Promise<void> {
    this.#questions.end();
    await this.#answers.return?.();
  }
}

/** `symbol shop.Order`, as errors name it. */
export function textOf({ listServices, fileContainingSymbol, fileByFilename }: Question): string {
  if (listServices !== undefined) return 'the list of services';
  return fileByFilename === undefined
    ? `symbol ${printable(fileContainingSymbol ?? '')}`
    : `file ${printable(fileByFilename)}`;
}

/** The requests of the stream: yields what is pushed, until end(). */
class Questions implements AsyncIterable<Question> {
  readonly #waiting: Question[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  push(question: Question): void {
    this.#waiting.push(question);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Question> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
