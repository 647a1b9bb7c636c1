import { docComment } from './doc-comment.ts';
import type { Method, Service } from './model.ts';
import type { TypeText } from './type-text.ts';

/** The definition of a service, its client and its handlers. */
export function serviceTypes(service: Service, text: TypeText): string {
  const { exported, client, handlers, fullName } = service;
  const doc = docComment(service);
  const line = (method: Method, code: string): string => `${docComment(method, '  ')}  ${code}\n`;
  const body = (entry: (method: Method) => string): string =>
    service.methods.length === 0 ? '{}' : `{\n${service.methods.map(entry).join('')}}`;
  return `${doc}export declare const ${exported}: $.ServiceDefinition<${body((method) => line(method, definitionLine(method, text)))}>;

/** What createClient(${exported}, channel) returns: calls of ${fullName}. */
export interface ${client} ${body((method) => line(method, clientLine(method, text)))}

/** What server.addService(${exported}, handlers) takes: the implementation of ${fullName}. */
export interface ${handlers} ${body((method) => line(method, handlerLine(method, text)))}`;
}

function definitionLine({ key, request, response, kind }: Method, text: TypeText): string {
  const types = [
    text.message(request, 'received'),
    text.message(response, 'received'),
    text.message(request, 'given'),
    text.message(response, 'given'),
    `'${kind}'`,
  ];
  return `readonly ${key}: $.MethodDefinition<${types.join(', ')}>;`;
}

function clientLine({ key, request, response, kind }: Method, text: TypeText): string {
  const [given, received] = [text.message(request, 'given'), text.message(response, 'received')];
  const argument =
    kind === 'clientStream' || kind === 'bidi' ? `requests: $.RequestStream<${given}>` : `request: ${given}`;
  const result =
    kind === 'serverStream' || kind === 'bidi'
      ? `$.ReplyStream<${received}>`
      : `${text.global('Promise')}<${received}>`;
  return `readonly ${key}: (${argument}, options?: $.CallOptions) => ${result};`;
}

function handlerLine({ key, request, response, kind }: Method, text: TypeText): string {
  const [received, given] = [text.message(request, 'received'), text.message(response, 'given')];
  const argument =
    kind === 'clientStream' || kind === 'bidi' ? `requests: $.Requests<${received}>` : `request: ${received}`;
  const result =
    kind === 'serverStream' || kind === 'bidi'
      ? `$.Replies<${given}>`
      : `${text.global('Promise')}<${given}> | ${given}`;
  return `readonly ${key}: (${argument}, context: $.CallContext) => ${result};`;
}
