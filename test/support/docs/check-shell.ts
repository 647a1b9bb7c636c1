import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, problemIn, root } from './blocks.ts';

/** Holds the commands of a sh block against what there is: scripts of package.json, commands and options of `rocket`. */
export function checkShell(block: Block): string[] {
  const problems: string[] = [];
  for (const [index, line] of block.code.replaceAll(/\\\n/g, ' ').split('\n').entries()) {
    for (const words of commandsOf(line)) {
      const problem = problemOf(words);
      if (problem !== undefined) problems.push(problemIn(block, problem, index + 1));
    }
  }
  return problems;
}

/** The commands of a line as words, without comments, quotes and variables set for one command. */
export function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of line.matchAll(/#(?<=(?:^|\s)#).*|&&|\|\|?|;|(?:"[^"]*"|'[^']*'|[^\s"'|;&])+|&/g)) {
    if (token.startsWith('#')) break;
    if (/^(&&?|\|\|?|;)$/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replaceAll(/["']/g, ''));
  }
  return commands
    .map((words) => words.slice(words.findIndex((word) => !/^\w+=/.test(word))))
    .filter((words) => words.length > 0);
}

function problemOf(words: readonly string[]): string | undefined {
  const [program, ...args] = words[0] === 'sudo' ? words.slice(1) : words;
  if (program === 'npx' && args[0] === 'rocket') return rocketProblem(args.slice(1));
  if (program === 'rocket') return rocketProblem(args);
  if (program === 'npm' && args[0] === 'run')
    return scriptProblem(args.find((arg, at) => at > 0 && !arg.startsWith('-')));
  if (program === 'npm' && args[0] === 'test') return scriptProblem('test');
  if (program !== undefined && /^(\.\/)?scripts\//.test(program) && !existsSync(join(root, program)))
    return `there is no ${program}`;
  return undefined;
}

function scriptProblem(script: string | undefined): string | undefined {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  if (script !== undefined && Object.hasOwn(scripts, script)) return undefined;
  return `package.json has no script ${script ?? '(none is named)'}`;
}

function rocketProblem(args: readonly string[]): string | undefined {
  const [command, ...rest] = args;
  if (command === undefined || command.startsWith('-')) return undefined;
  const known = optionsOf(command);
  if (known === undefined) return `there is no command rocket ${command}`;
  const end = rest.indexOf('--');
  for (const word of end < 0 ? rest : rest.slice(0, end)) {
    const option = /^(--[a-z][\w-]*|-[a-zA-Z]$)/.exec(word)?.[1];
    if (option !== undefined && !known.has(option)) return `rocket ${command} has no option ${option}`;
  }
  return undefined;
}

const helpTexts = new Map<string, ReadonlySet<string> | undefined>();

/** What `rocket <command> --help` lists; undefined for a command that it does not know. */
function optionsOf(command: string): ReadonlySet<string> | undefined {
  if (!helpTexts.has(command)) helpTexts.set(command, parseHelp(command, rocketHelp(command)));
  return helpTexts.get(command);
}

function rocketHelp(command: string): string {
  const args = ['--import', 'tsx', 'lib/cli/main.ts', command, '--help'];
  // An unknown command ends with another exit code, or with the help of the whole; both are told apart by the usage line.
  try {
    return execFileSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

function parseHelp(command: string, text: string): ReadonlySet<string> | undefined {
  if (!text.startsWith(`Usage: rocket ${command} `)) return undefined;
  const options = new Set<string>();
  for (const [, short, long] of text.matchAll(/^ {2}(?:(-\w), )?(--[\w-]+)/gm)) {
    if (short !== undefined) options.add(short);
    if (long !== undefined) options.add(long);
  }
  return options;
}
