/** `npm run docs:limits`: makes the table of options in docs/operations.md anew, from doc comments and the code's checks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withOptionTable } from './docs-limits/render.ts';
import { pathOf } from './docs-limits/source.ts';

const path = pathOf('docs/operations.md');
writeFileSync(path, withOptionTable(readFileSync(path, 'utf8')));
