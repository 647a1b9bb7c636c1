import { Command } from 'commander';

/** `rocket bench`. */
export function benchCommand(): Command {
  return new Command('bench').description('load-tests a server');
}
