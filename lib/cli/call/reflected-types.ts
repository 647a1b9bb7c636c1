import type { FileRegistry } from '@bufbuild/protobuf';
import { isRpcError } from '../../contract/errors.ts';
import { statusNames, statusNumbers } from '../../contract/status.ts';
import { CallFailure } from './call-failure.ts';
import { DescriptorPool } from './descriptor-pool.ts';
import { printable } from './printable.ts';
import { type Answer, type Question, type ReflectionClient, textOf } from './reflection-client.ts';
import { symbolIn } from './symbols.ts';
import type { TypeSource } from './type-source.ts';

const mostFiles = 10_000;
const mostBytes = 64 * 1024 * 1024;

/** Types described by the server's reflection service, asked for as they are needed. */
export class ReflectedTypes implements TypeSource {
  readonly #client: ReflectionClient;
  /** Holds only files whose imports are complete. */
  #pool = new DescriptorPool();
  #bytes = 0;
  /** The last search. Searches run one after the other, because each uses what those before have found. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: ReflectionClient) {
    this.#client = client;
  }

  get registry(): FileRegistry {
    return this.#pool.registry;
  }

  async services(): Promise<readonly string[]> {
    const question = { listServices: '*' };
    const answer = await this.#client.asking((ask) => ask(question));
    if (answer.listServicesResponse === null) throw notAnAnswer(answer, question);
    return [...new Set(answer.listServicesResponse.service.map(({ name }) => name))].sort();
  }

  /** A search that fails changes nothing. @throws RpcError; CallFailure for descriptors that cannot be used. */
  find(symbol: string): Promise<boolean> {
    const found = this.#last.then(() => this.#find(symbol));
    this.#last = found.catch(() => undefined);
    return found;
  }

  async #find(symbol: string): Promise<boolean> {
    if (symbolIn(this.registry, symbol) !== undefined) return true;
    const pool = this.#pool.copy();
    return this.#client.asking(async (ask) => {
      const question = { fileContainingSymbol: symbol };
      const answer = await ask(question).catch(missing);
      if (answer === undefined || isNotFound(answer)) return false;
      this.#add(pool, answer, question);
      for (let name = pool.missing; name !== undefined; name = pool.missing) {
        const imported = { fileByFilename: name };
        this.#add(pool, await ask(imported), imported);
        if (pool.missing === name)
          throw new CallFailure(`the server's answer to ${textOf(imported)} does not have it`);
      }
      if (symbolIn(pool.registry, symbol) === undefined)
        throw new CallFailure(`the server's answer to ${textOf(question)} does not have it`);
      this.#pool = pool;
      return true;
    });
  }

  #add(pool: DescriptorPool, answer: Answer, question: Question): void {
    if (answer.fileDescriptorResponse === null) throw notAnAnswer(answer, question);
    for (const bytes of answer.fileDescriptorResponse.fileDescriptorProto) {
      this.#bytes += bytes.length;
      pool.add(bytes);
      if (this.#bytes > mostBytes || pool.size > mostFiles)
        throw new CallFailure(
          `reflection has no end: more than ${mostFiles} files, or ${mostBytes} bytes of them; give --proto`,
        );
    }
  }
}

/** Undefined for NOT_FOUND, with which servers of tonic end the stream for an unknown symbol; throws other errors. */
function missing(error: unknown): undefined {
  if (!isRpcError(error) || error.code !== 'NOT_FOUND') throw error;
}

/** Some servers answer with another error code and say "not found" only in the text. */
function isNotFound({ errorResponse }: Answer): boolean {
  if (errorResponse === null) return false;
  return errorResponse.errorCode === statusNumbers.NOT_FOUND || /not found/i.test(errorResponse.errorMessage);
}

function notAnAnswer({ errorResponse }: Answer, question: Question): CallFailure {
  if (errorResponse === null)
    return new CallFailure(`the server answered something else to ${textOf(question)}`);
  const { errorCode, errorMessage } = errorResponse;
  const status = statusNames[errorCode] ?? `error ${errorCode}`;
  return new CallFailure(`reflection of ${textOf(question)}: ${status}: ${printable(errorMessage)}`);
}
