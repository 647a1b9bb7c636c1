import { Command } from 'commander';

/** `rocket flame`. */
export function flameCommand(): Command {
  return new Command('flame').description('records a flamegraph of JavaScript and native frames');
}
