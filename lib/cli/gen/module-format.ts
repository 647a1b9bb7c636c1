import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { labelOf } from '../../proto/proto-files.ts';
import { GenFailure } from './gen-failure.ts';

export type ModuleFormat = 'esm' | 'commonjs';

export interface FoundFormat {
  readonly format: ModuleFormat;
  /** The reason, for the terminal, if most people would expect another format. */
  readonly why: string;
}

/**
 * How Node.js treats .js files in a folder, which need not exist yet: the nearest package.json decides. Without one,
 * Node.js inspects the file itself, and ES modules work.
 */
export function moduleFormat(folder: string): FoundFormat {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, 'package.json');
    if (existsSync(path)) {
      if (typeOf(path) === 'module') return { format: 'esm', why: '' };
      return { format: 'commonjs', why: `, as CommonJS: ${labelOf(path)} has no "type": "module"` };
    }
    if (at === dirname(at)) return { format: 'esm', why: '' };
  }
}

function typeOf(path: string): unknown {
  try {
    const json = JSON.parse(readFileSync(path, 'utf8')) as { readonly type?: unknown } | null;
    return json?.type;
  } catch (error) {
    throw new GenFailure(`${labelOf(path)}: ${(error as Error).message}; --module says what is wanted`);
  }
}

/** How a module names another and what it exports. */
export interface ModuleSyntax {
  /** Before everything else. */
  readonly start: readonly string[];
  import(name: string, from: string): string;
  export(name: string, value: string): string;
  /** What other modules use of it. */
  readonly exportOwn: string;
}

export const syntaxOf: Readonly<Record<ModuleFormat, ModuleSyntax>> = {
  esm: {
    start: [],
    import: (name, from) => `import * as ${name} from '${from}';`,
    export: (name, value) => `export const ${name} = ${value};`,
    exportOwn: 'export { $root, $types };',
  },
  commonjs: {
    start: ["'use strict';"],
    import: (name, from) => `const ${name} = require('${from}');`,
    export: (name, value) => `exports.${name} = ${value};`,
    exportOwn: 'exports.$root = $root;\nexports.$types = $types;',
  },
};
