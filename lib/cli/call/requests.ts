import { createReadStream } from 'node:fs';
import type { DescMessage } from '@bufbuild/protobuf';
import { messageOf } from '../../contract/value-text.ts';
import type { DataSource } from './call-plan.ts';
import { parseExact } from './exact-json.ts';
import { anyTypesIn, encodedRequest } from './json-request.ts';
import { type JsonText, JsonValues } from './json-values.ts';
import type { TypeSource } from './type-source.ts';

/** An error in --data. */
export class DataError extends TypeError {
  override readonly name = 'DataError';
}

/** How requests are encoded. */
export interface RequestRules {
  readonly type: DescMessage;
  readonly types: TypeSource;
  readonly allowUnknownFields: boolean;
}

/**
 * Yields the encoded requests in `data`, and reads each only when it is asked for. @throws DataError that names field
 * and line.
 */
export async function* requestsOf(data: DataSource, rules: RequestRules): AsyncGenerator<Uint8Array> {
  for await (const { text, line } of valuesOf(data)) {
    const at = data.kind === 'text' ? '' : `line ${line}: `;
    try {
      yield await encoded(text, rules);
    } catch (error) {
      throw new DataError(`--data: ${at}${messageOf(error)}`);
    }
  }
}

async function encoded(text: string, { type, types, allowUnknownFields }: RequestRules): Promise<Uint8Array> {
  const json = parseExact(text);
  for (const name of anyTypesIn(json))
    if (types.registry.getMessage(name) === undefined) await types.find(name);
  return encodedRequest(type, json, { registry: types.registry, allowUnknownFields });
}

/** @throws DataError if the input cannot be read. */
async function* valuesOf(data: DataSource): AsyncGenerator<JsonText> {
  const values = new JsonValues();
  if (data.kind === 'text') {
    yield* values.push(data.text);
    yield* values.end();
    return;
  }
  const input = data.kind === 'stdin' ? process.stdin : createReadStream(data.path);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const piece of input as AsyncIterable<Uint8Array>)
      yield* values.push(decoder.decode(piece, { stream: true }));
    yield* values.push(decoder.decode());
    yield* values.end();
  } catch (error) {
    if (input.destroyed && data.kind === 'stdin') return;
    throw new DataError(`--data: ${messageOf(error)}`);
  } finally {
    // An open stdin would keep the process alive, and a file its descriptor.
    input.destroy();
  }
}
