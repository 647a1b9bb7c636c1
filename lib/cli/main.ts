#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../package-root.ts';
import { benchCommand } from './bench.ts';
import { flameCommand } from './flame.ts';
import { genCommand } from './gen.ts';
import { servicesCommand } from './services.ts';

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  version: string;
};

const program = new Command('rocket')
  .description('RPC for Node.js on a C++20 core')
  .version(version)
  .showHelpAfterError()
  .addCommand(benchCommand())
  .addCommand(flameCommand())
  .addCommand(genCommand())
  .addCommand(servicesCommand());

await program.parseAsync();
