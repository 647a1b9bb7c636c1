import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { root } from './blocks.ts';

/** Paths of this repository's files, from its root. */
export function ownFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed.split('\n').filter(Boolean);
}

const sourceName =
  /(?<![\w@*<>$}{./-])((?:[\w.-]+\/)*[\w-]+(?:\.[\w-]+)*\.(?:cc|h|ts|mjs|md|proto))(?![\w(*-])/g;
const comment = /(?:^|\s)(\/\/.*|\/\*.*|\*.*)$/;
const ownFolder = /^(?:native|lib|test|docs|scripts|bench|examples|proto)\//;

/**
 * Names of files in the comments of a source, or in the prose of a document, that no file of `files` has. In a document, and
 * in sources for other names than C++ and TypeScript files, only a path from the root counts: bare names there are examples.
 */
export function unknownNames(file: string, text: string, files: readonly string[]): string[] {
  const paths = new Set(files);
  const names = new Set(files.map((path) => basename(path)));
  const ownExtension = /\.(?:cc|h)$/.test(file) ? /\.(?:cc|h)$/ : /\.ts$/;
  const known = (name: string): boolean => {
    if (name.startsWith('.')) return true; // relative: an import in an example
    if (ownFolder.test(name)) return paths.has(name);
    if (file.endsWith('.md') || !ownExtension.test(name)) return true;
    if (!name.includes('/')) return names.has(name);
    return paths.has(join('native/core', name)) || files.some((path) => path.endsWith(`/${name}`));
  };
  const unknown: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const prose = file.endsWith('.md') ? line : (comment.exec(line)?.[1] ?? '');
    for (const [, name = ''] of prose.matchAll(sourceName))
      if (!known(name)) unknown.push(`${file}:${index + 1}: ${name}`);
  }
  return unknown;
}
