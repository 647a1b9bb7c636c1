import { readBody } from './declarations.ts';
import type { MethodOutline, Option, ServiceOutline } from './outline.ts';
import type { TokenReader } from './token-reader.ts';

/** Reads a service after the word `service`. */
export function readService(tokens: TokenReader, line: number): ServiceOutline {
  const name = tokens.name();
  const methods: MethodOutline[] = [];
  const options: Option[] = [];
  readBody(tokens, options, (at) => {
    tokens.expect('rpc');
    methods.push(readMethod(tokens, at));
  });
  return { name, line, options, methods };
}

function readMethod(tokens: TokenReader, line: number): MethodOutline {
  const name = tokens.name();
  const [request, requestStream] = readType(tokens);
  tokens.expect('returns');
  const [response, responseStream] = readType(tokens);
  const options: Option[] = [];
  if (!tokens.skip(';')) readBody(tokens, options, () => tokens.expect('option'));
  return { name, line, request, response, requestStream, responseStream, options };
}

function readType(tokens: TokenReader): [type: string, streams: boolean] {
  tokens.expect('(');
  const streams = tokens.isNext('stream') && !tokens.isNext(')', 1) && !tokens.isNext('.', 1);
  if (streams) tokens.next();
  const type = tokens.path(true);
  tokens.expect(')');
  return [type, streams];
}
