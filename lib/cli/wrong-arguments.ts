import type { Command, CommanderError } from 'commander';

/** Exit code for wrong arguments. */
export const wrongArguments = 2;

/** commander's complaint in one line, without its `error: `. */
export function plainComplaint(text: string): string {
  return text
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
}

/** Makes each complaint about the arguments of `command` one line on stderr, and its exit code 2. */
export function complainInOneLine(command: Command, name: string): Command {
  return command
    .configureOutput({
      outputError: (text, write) => write(`${name}: ${plainComplaint(text)}   (${name} --help has more)\n`),
    })
    .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? 0 : wrongArguments));
}
