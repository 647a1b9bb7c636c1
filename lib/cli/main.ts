#!/usr/bin/env node
import { rocket } from './program.ts';

await rocket(process.argv.slice(2));
