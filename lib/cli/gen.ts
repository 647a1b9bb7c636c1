import { existsSync, statSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { documentPath } from './document-path.ts';
import { GenFailure } from './gen/gen-failure.ts';
import type { GenOptions } from './gen/gen-options.ts';
import { runGen } from './gen/run-gen.ts';
import { complainInOneLine } from './wrong-arguments.ts';

const examples = `
Examples:
  rocket gen proto/order.proto --out src/gen         src/gen/order.js and order.d.ts
  rocket gen proto/*.proto --out src/gen             all of a folder, with what they import
  rocket gen proto/shop/v1/*.proto --include proto --out src/gen
                                                     src/gen/shop/v1/...; imports are looked up in proto/
  rocket gen proto/*.proto --out src/gen --int64 number --dates

Then, without a build step, in JavaScript or TypeScript (where package.json has no "type": "module", with require):
  import { Order } from './gen/order.js';
  server.addService(Order, { async makeOrder(request) { return { orderId: '1' }; } });
  const reply = await createClient(Order, channel).makeOrder({ price: 100 });

It needs protobufjs-cli in your project: npm install --save-dev protobufjs-cli
The generated code needs nothing but rocket-rpc. What it looks like:
${documentPath('code-generation.md')}

Exit codes: 0 generated, 1 a .proto is wrong or missing (file:line: reason), 2 wrong arguments`;

type Given = Omit<GenOptions, 'out'> & { readonly out?: string };

/** `rocket gen`. */
export function genCommand(): Command {
  const command = new Command('gen')
    .description('generates typed service definitions from .proto files: .js and .d.ts')
    .usage('<file.proto...> --out <folder> [options]')
    .argument('<files...>', 'the .proto files; types that they use from imported files are generated too')
    .option(
      '-o, --out <folder>',
      'where the modules are written (required); commit the folder or regenerate it, both work',
      folder,
    )
    .option(
      '-I, --include <folder>',
      'look for imports here, and name modules by their path from here (repeatable)',
      (text: string, folders: string[]) => [...folders, existing(text)],
      [],
    )
    .addOption(
      new Option('--int64 <type>', 'type of received 64-bit integers; number loses digits from 2^53 on')
        .choices(['bigint', 'string', 'number'])
        .default('bigint'),
    )
    .option('--dates', 'fields of type google.protobuf.Timestamp are Date, to the millisecond', false)
    .addOption(
      new Option('--module <format>', 'default: what the nearest package.json of the folder says').choices([
        'esm',
        'commonjs',
      ]),
    )
    .option('--keep-case', 'field names as written, order_id, instead of orderId', false)
    .addHelpText('after', examples);
  return complainInOneLine(command, 'rocket gen').action((files: string[], options: Given) => {
    const { out } = options;
    // commander would look for an option that must be there before it says which one it does not know.
    if (out === undefined) return command.error("required option '-o, --out <folder>' not specified");
    try {
      console.log(runGen(files, { ...options, out }));
    } catch (error) {
      if (!(error instanceof GenFailure)) throw error;
      console.error(error.message);
      process.exitCode = 1;
    }
  });
}

function folder(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must be a folder.');
  if (existsSync(text) && !statSync(text).isDirectory())
    throw new InvalidArgumentError('That is a file; it must be a folder.');
  return text;
}

function existing(text: string): string {
  if (!existsSync(text)) throw new InvalidArgumentError('There is no such folder.');
  return folder(text);
}
