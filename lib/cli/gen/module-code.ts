import type { GenOptions } from './gen-options.ts';
import { header } from './header.ts';
import type { Field, Message, Module, Service, ValueType } from './model.ts';
import { syntaxOf } from './module-format.ts';
import { importName, importPath } from './module-path.ts';

/** The JavaScript of a module, around the static code of its message types. */
export function moduleCode(
  module: Module,
  staticCode: string,
  descriptorSet: (file: string) => string,
  options: GenOptions,
): string {
  const syntax = syntaxOf[options.module ?? 'esm'];
  const files = [...module.imports.keys()];
  const imports = files.map((file, index) => syntax.import(importName(index), importPath(module.file, file)));
  const links = [...module.imports.values()].map((names, index) => {
    const paths = names.map((name) => `'${name.codePath}'`).join(', ');
    return `$.linkTypes($root, ${importName(index)}.$root, [${paths}]);`;
  });
  const imported = files.map((_, index) => `${importName(index)}.$types`).join(', ');
  const entries = module.messages.map(messageEntry).join('');
  return `${[
    [header(module.file, options), ...syntax.start, syntax.import('$', 'rocket-rpc/gen'), ...imports].join(
      '\n',
    ),
    `const $protobuf = $.staticRuntime();\n${staticCode}`,
    ...(links.length === 0 ? [] : [links.join('\n')]),
    `const $types = new $.StaticTypes('${options.int64}', [${imported}], {${entries}\n});\n${syntax.exportOwn}`,
    ...module.enums.map(({ name }) => syntax.export(name.exported, `$root.${name.codePath}`)),
    ...(module.services.length === 0 ? [] : [`const $files = '${descriptorSet(module.file)}';`]),
    ...module.services.map((service) => syntax.export(service.exported, serviceCode(service))),
  ].join('\n\n')}\n`;
}

function messageEntry(message: Message): string {
  const { name, fields, oneofs } = message;
  const inOneofs = oneofs.flatMap((oneof) => oneof.fields);
  const entries = [
    ...fields.map((field) => fieldEntry(field)),
    ...oneofs.flatMap((oneof) => oneof.fields.map((field) => fieldEntry(field, oneof.name))),
  ];
  const list = entries.length === 0 ? '[]' : `[\n${entries.map((entry) => `    ${entry},\n`).join('')}  ]`;
  const all = [...fields, ...inOneofs];
  const strings = all.filter(isString).map(({ id }) => id);
  const parts = [`code: $root.${name.codePath}`, `fields: ${list}`];
  if (strings.length > 0) parts.push(`strings: [${strings.join(', ')}]`);
  if (all.every(isFlatField) && oneofs.every((oneof) => oneof.fields.length === 1)) parts.push('flat: true');
  return `\n  '${name.fullName}': { ${parts.join(', ')} },`;
}

function isString({ value, shape }: Field): boolean {
  return value.is === 'scalar' && value.type === 'string' && shape !== 'map';
}

/** Whether a flat message may have this field (lib/codec/message-type.ts). */
function isFlatField({ value, shape }: Field): boolean {
  return shape === 'single' && value.is === 'scalar' && value.type !== 'bytes';
}

function fieldEntry({ name, value, shape, key, required }: Field, oneof?: string): string {
  const parts = [`name: '${name}'`, `type: '${typeEntry(value)}'`];
  if (value.is === 'enum') {
    parts.push(`values: $root.${value.name.codePath}`);
    if (value.closed) parts.push('closed: true');
  }
  if (shape === 'repeated') parts.push('repeated: true');
  if (key !== undefined) parts.push(`key: '${key}'`);
  if (oneof !== undefined) parts.push(`oneof: '${oneof}'`);
  if (required) parts.push('required: true');
  return `{ ${parts.join(', ')} }`;
}

function typeEntry(value: ValueType): string {
  if (value.is === 'message') return `.${value.name.fullName}`;
  return 'name' in value ? value.is : value.type;
}

function serviceCode({ fullName, methods }: Service): string {
  const entries = methods.map(({ key, name, request, response, kind }) => {
    const parts = [name, request.fullName, response.fullName, ...(kind === 'unary' ? [] : [kind])];
    return `\n  ${key}: [${parts.map((part) => `'${part}'`).join(', ')}],`;
  });
  const map = entries.length === 0 ? '{}' : `{${entries.join('')}\n}`;
  return `$.staticService('${fullName}', $types, ${map}, $files)`;
}
