import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { nearest } from '../contract/nearest.ts';
import { packageRoot } from '../package-root.ts';
import { benchCommand } from './bench.ts';
import { callCommand } from './call.ts';
import { documentPath } from './document-path.ts';
import { flameCommand } from './flame.ts';
import { genCommand } from './gen.ts';
import { servicesCommand } from './services.ts';
import { complainInOneLine } from './wrong-arguments.ts';

/** `rocket`: runs the command in the arguments, which exclude those of node. */
export async function rocket(args: readonly string[]): Promise<void> {
  const program = complainInOneLine(new Command('rocket'), 'rocket')
    .description('RPC for Node.js on a C++20 core')
    .version(versionOfPackage())
    .addHelpText('after', `\nDocuments: ${documentPath('README.md')}`)
    .addCommand(benchCommand())
    .addCommand(callCommand())
    .addCommand(flameCommand())
    .addCommand(genCommand())
    .addCommand(servicesCommand());
  checkCommand(program, args);
  await program.parseAsync(args, { from: 'user' });
}

function versionOfPackage(): string {
  const manifest = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * For a missing command, and for `help` of an unknown one, commander shows the general help as if nothing were wrong.
 */
function checkCommand(program: Command, [first, second]: readonly string[]): void {
  const names = program.commands.map((command) => command.name());
  const word = first === 'help' ? (second ?? first) : first;
  if (word === undefined) return program.error(`which command? ${names.join(', ')}`);
  if (word.startsWith('-') || word === 'help' || names.includes(word)) return;
  const right = nearest(word, names);
  program.error(`unknown command '${word}' (Did you mean ${right}? There are ${names.join(', ')})`);
}
