import type { GenOptions } from './gen-options.ts';
import { header } from './header.ts';
import { enumTypes, messageTypes } from './message-types.ts';
import type { Module } from './model.ts';
import { importPath } from './module-path.ts';
import { serviceTypes } from './service-types.ts';
import { TypeText } from './type-text.ts';

/** The .d.ts of a module. */
export function moduleTypes(module: Module, options: GenOptions): string {
  const text = new TypeText(module, options.int64);
  const parts = [
    ...module.services.map((service) => serviceTypes(service, text)),
    ...module.messages.map((message) => messageTypes(message, text)),
    ...module.enums.map(enumTypes),
    // Makes a module also of a file that declares nothing.
    'export {};',
  ];
  const body = parts.join('\n\n');
  const imports = text.imported.map(([file, name]) => {
    return `import type * as ${name} from '${importPath(module.file, file)}';`;
  });
  const ours = body.includes('$.') ? ["import type * as $ from 'rocket-rpc/gen';"] : [];
  return `${[[header(module.file, options), ...ours, ...imports].join('\n'), body].join('\n\n')}\n`;
}
