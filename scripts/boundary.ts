/** `npm run boundary`: makes the files that both sides of the boundary use anew, from its description. */
import { writeFileSync } from 'node:fs';
import { boundaryFiles } from './boundary/files.ts';
import { pathOf } from './docs-limits/source.ts';

for (const [path, text] of boundaryFiles()) writeFileSync(pathOf(path), text);
