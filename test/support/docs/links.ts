import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from './blocks.ts';

/** A link of a document to a file of the repository. */
export interface Link {
  /** Path from the root; the document itself for a link within it. */
  readonly file: string;
  /** What follows `#`; empty if nothing does. */
  readonly heading: string;
  readonly text: string;
}

export function linksOf(document: string, text = readFileSync(join(root, document), 'utf8')): Link[] {
  const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', heading = ''] = target.split('#');
      const file = path === '' ? document : normalize(join(dirname(document), path));
      return { file, heading, text: target };
    });
}

/** Whether there is something at its end. */
export function leadsSomewhere({ file, heading }: Link): boolean {
  const path = join(root, file);
  if (!existsSync(path)) return false;
  return heading === '' || anchorsOf(readFileSync(path, 'utf8')).has(heading);
}

/** What GitHub makes of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = headingsOf(text).map((heading) => heading.replace(/^#+ /, '').toLowerCase());
  return new Set(
    headings.map((heading) => heading.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')),
  );
}

/** Lines that are headings, code left out. */
export function headingsOf(text: string): string[] {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '').match(/^#+ .*$/gm) ?? [];
}
