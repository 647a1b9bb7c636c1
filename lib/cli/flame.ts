import { Command, InvalidArgumentError } from 'commander';
import { documentPath } from './document-path.ts';
import { type FlameOptions, runFlame } from './flame/run-flame.ts';
import { complainInOneLine } from './wrong-arguments.ts';

const examples = `
Examples:
  rocket flame -- node server.js                 records a server from its start, until Ctrl-C
  rocket flame --seconds 10 -- node server.js    for ten seconds, then ends the server
  rocket flame --pid 4711                        ten seconds of a server that runs already
  rocket flame --pid 4711 --svg flame.svg        also an image, for a document

It needs perf (Debian: linux-perf, Ubuntu: linux-tools-generic, Fedora and Alpine: perf) and the right to use it:
as root, or after  sudo sysctl kernel.perf_event_paranoid=1

A process given by --pid shows its JavaScript only if it was started with
  NODE_OPTIONS="--perf-basic-prof --interpreted-frames-native-stack" node server.js

Put the server under load meanwhile, for example with  rocket bench
How to read the graph: ${documentPath('profiling.md')}

Exit codes: 0 written, 1 nothing could be recorded, 2 wrong arguments`;

/** `rocket flame`. */
export function flameCommand(): Command {
  const command = new Command('flame')
    .description('records where a server spends its time: JavaScript, C++ and kernel in one flamegraph')
    .usage('--pid <pid> [options]\n       rocket flame [options] -- <command...>')
    .argument('[command...]', 'the command to start and record; it gets the Node flags that it needs')
    .option('--pid <pid>', 'record this process', wholeNumber(1, 4_194_304))
    .option('--seconds <n>', 'how long (default: 10 with --pid, otherwise until it ends or Ctrl-C)', seconds)
    .option(
      '--frequency <hz>',
      'samples a second of each running thread, at most 4999',
      wholeNumber(1, 4999),
      499,
    )
    .option(
      '--event <name>',
      'the event that perf counts (default: its own choice, or cpu-clock if that does not work)',
    )
    .option(
      '-o, --output <file>',
      'the page; the folded stacks are written next to it as .folded',
      'flame.html',
    )
    .option(
      '--inlining',
      'let V8 inline handlers and other functions into their callers, as it does in production',
      false,
    )
    .option('--svg <file>', 'also write an image')
    .option('--title <text>', 'title of the page, instead of the command or process id')
    .option('--keep', "keep perf's own recording, perf.data, next to the page", false)
    .addHelpText('after', examples);
  return complainInOneLine(command, 'rocket flame').action(async (words: string[], options: FlameOptions) => {
    if ((options.pid === undefined) === (words.length === 0)) {
      command.error('give either --pid, or a command after --');
    }
    process.exitCode = await runFlame(words, options);
  });
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError('It must be a number above 0 and at most 3600.');
}
