import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What an invisible comment directly before a block says of it. */
export type Directive =
  | { readonly kind: 'check' }
  /** `<!-- run -->`: executed; it must end by itself, with exit code 0 and nothing on stderr. */
  | { readonly kind: 'run' }
  /** `<!-- code: output -->`: what the block before prints. */
  | { readonly kind: 'output' }
  /** `<!-- code: file=server.ts -->`: a file beside the others that the document tells to make. */
  | { readonly kind: 'file'; readonly path: string }
  /** `<!-- code: in=examples/hello -->`: relative imports are those of a file in that folder. */
  | { readonly kind: 'in'; readonly folder: string }
  /** `<!-- code: skip why -->`: not checked. */
  | { readonly kind: 'skip'; readonly reason: string };

/** A fenced block of a document. */
export interface Block {
  /** Path from the root. */
  readonly file: string;
  /** Line of its fence, from 1. */
  readonly line: number;
  /** First word after the fence; empty if there is none. */
  readonly language: string;
  readonly code: string;
  readonly directive: Directive;
}

/** What is wrong with a block, with its place in front. */
export function problemIn({ file, line }: Block, text: string, lineOfBlock = 0): string {
  return `${file}:${line + lineOfBlock} ${text}`;
}

/** README*.md and what lies below docs, without the decision notes, which tell of their day, and what is generated. */
export function documents(): string[] {
  const notWritten = /^docs\/(decisions|api)\//;
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return [
    ...readdirSync(root).filter((name) => /^README.*\.md$/.test(name)),
    ...below.map((name) => `docs/${name}`),
  ]
    .filter((name) => name.endsWith('.md') && !notWritten.test(name))
    .sort();
}

export function blocksOf(file: string): Block[] {
  return parseBlocks(file, readFileSync(join(root, file), 'utf8'));
}

/** @throws Error for a fence that is not closed, and for a comment that begins like a directive and is none. */
export function parseBlocks(file: string, text: string): Block[] {
  const blocks: Block[] = [];
  let comment = '';
  let open: { line: number; fence: string; indent: string; language: string; code: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)/.exec(line);
    if (open !== undefined) {
      if (fence?.[2]?.startsWith(open.fence) === true && fence[3] === '') {
        const { line: from, language, code } = open;
        const directive = directiveOf(comment, `${file}:${from}`);
        blocks.push({ file, line: from, language, code: `${code.join('\n')}\n`, directive });
        open = undefined;
        comment = '';
      } else {
        open.code.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
      }
    } else if (fence !== null) {
      const [, indent = '', marks = '', language = ''] = fence;
      open = { line: index + 1, fence: marks, indent, language, code: [] };
    } else if (line.trim() !== '') {
      comment = /^\s*<!--(.*)-->\s*$/.exec(line)?.[1]?.trim() ?? '';
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line} this block is not closed`);
  return blocks;
}

function directiveOf(comment: string, place: string): Directive {
  if (comment === 'run') return { kind: 'run' };
  const said = /^code:\s*(.*)$/.exec(comment)?.[1];
  if (said === undefined) return { kind: 'check' };
  if (said === 'output') return { kind: 'output' };
  const path = /^file=(\S+)$/.exec(said)?.[1];
  if (path !== undefined) return { kind: 'file', path };
  const folder = /^in=(\S+)$/.exec(said)?.[1];
  if (folder !== undefined) return { kind: 'in', folder };
  const reason = /^skip\s+(\S.*)$/.exec(said)?.[1];
  if (reason !== undefined) return { kind: 'skip', reason };
  throw new Error(
    `${place} <!-- ${comment} --> is none of: run, code: output, code: file=path, code: in=folder, code: skip reason`,
  );
}
