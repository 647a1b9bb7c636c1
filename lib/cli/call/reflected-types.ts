import type { FileRegistry } from '@bufbuild/protobuf';
import { statusNames, statusNumbers } from '../../contract/status.ts';
import { CallFailure } from './call-failure.ts';
import { DescriptorPool } from './descriptor-pool.ts';
import { printable } from './printable.ts';
import { type Answer, type Question, type ReflectionClient, textOf } from './reflection-client.ts';
import { symbolIn } from './symbols.ts';
import type { TypeSource } from './type-source.ts';

const mostFiles = 10_000;
const mostBytes = 64 * 1024 * 1024;

/** Types that a server tells of, asked for as they are needed. */
export class ReflectedTypes implements TypeSource {
  readonly #client: ReflectionClient;
  readonly #pool = new DescriptorPool();
  #bytes = 0;

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

  /** @throws RpcError; CallFailure for descriptors that cannot be used. */
  async find(symbol: string): Promise<boolean> {
    if (symbolIn(this.registry, symbol) !== undefined) return true;
    return this.#client.asking(async (ask) => {
      const question = { fileContainingSymbol: symbol };
      const answer = await ask(question);
      if (isNotFound(answer)) return false;
      this.#add(answer, question);
      for (let name = this.#pool.missing; name !== undefined; name = this.#pool.missing) {
        const imported = { fileByFilename: name };
        this.#add(await ask(imported), imported);
        if (this.#pool.missing === name)
          throw new CallFailure(`the server's answer to ${textOf(imported)} does not have it`);
      }
      if (symbolIn(this.registry, symbol) !== undefined) return true;
      throw new CallFailure(`the server's answer to ${textOf(question)} does not have it`);
    });
  }

  #add(answer: Answer, question: Question): void {
    if (answer.fileDescriptorResponse === null) throw notAnAnswer(answer, question);
    for (const bytes of answer.fileDescriptorResponse.fileDescriptorProto) {
      this.#bytes += bytes.length;
      this.#pool.add(bytes);
      if (this.#bytes > mostBytes || this.#pool.size > mostFiles)
        throw new CallFailure(
          `reflection has no end: more than ${mostFiles} files, or ${mostBytes} bytes of them; give --proto`,
        );
    }
  }
}

/** Some servers say it with another number, but a text that says so. */
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
