import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type protobuf from 'protobufjs';
import { GenFailure } from './gen-failure.ts';

export type Protobuf = typeof protobuf;

export interface ProtobufTools {
  /** The protobufjs that protobufjs-cli uses: it knows reflection objects by their class, so they must be of this one. */
  readonly protobuf: Protobuf;
  /** Folder of that protobufjs, in which google/protobuf/descriptor.proto and the like are. */
  readonly protobufFolder: string;
  /** The static code of all message types and enums under `root`. */
  readonly staticCode: (root: protobuf.NamespaceBase) => string;
}

interface Pbjs {
  generate(
    root: protobuf.NamespaceBase,
    options: Readonly<Record<string, unknown>>,
    callback: (error: Error | null, output?: string) => void,
  ): void;
}

// protobufjs-cli depends on jsdoc and more, so it is not among our dependencies: people who generate code install it.
const missing = 'rocket gen needs protobufjs-cli: npm install --save-dev protobufjs-cli';

/**
 * The protobufjs-cli installed for the first of these files or folders that has one; by default of the project in the
 * current folder, or else of this package. @throws GenFailure if there is none.
 */
export function loadTools(
  places = [join(process.cwd(), 'package.json'), import.meta.filename],
): ProtobufTools {
  const pbjsPath = places.map(resolved).find((path) => path !== undefined);
  if (pbjsPath === undefined) throw new GenFailure(missing);
  const require = createRequire(pbjsPath);
  const { version } = require('./package.json') as { readonly version: string };
  if (!version.startsWith('2.'))
    throw new GenFailure(
      `rocket gen needs protobufjs-cli 2, not ${version}: npm install --save-dev protobufjs-cli@2`,
    );
  const pbjs = require(pbjsPath) as Pbjs;
  return {
    protobuf: require('protobufjs') as Protobuf,
    protobufFolder: dirname(require.resolve('protobufjs/package.json')),
    staticCode: (root) => staticCode(pbjs, root),
  };
}

function resolved(from: string): string | undefined {
  try {
    return createRequire(from).resolve('protobufjs-cli/pbjs.js');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Only what the codec calls, and `var` instead of `export const`, because packages are no exports of ours. */
const options = {
  target: 'static',
  create: false,
  verify: false,
  convert: false,
  delimited: false,
  typeurl: false,
  service: false,
  comments: false,
  es6: false,
};

function staticCode(pbjs: Pbjs, root: protobuf.NamespaceBase): string {
  let result: string | undefined;
  // The callback is called before generate() returns.
  pbjs.generate(root, options, (error, output) => {
    if (error !== null) throw error;
    result = output;
  });
  if (result === undefined)
    throw new GenFailure('protobufjs-cli has made nothing; rocket gen needs version 2.7');
  return result;
}
