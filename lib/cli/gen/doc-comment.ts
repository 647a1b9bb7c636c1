import type { Documented } from './model.ts';

/** The comment of the .proto as JSDoc, with `indent` before each line; empty when there is none. */
export function docComment({ comment, deprecated }: Documented, indent = ''): string {
  const lines = comment === '' ? [] : comment.replaceAll('*/', '*\\/').split('\n');
  if (deprecated) lines.push('@deprecated');
  if (lines.length === 0) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${`${indent} * ${line}`.trimEnd()}\n`).join('')}${indent} */\n`;
}
