import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../package-root.ts';

// V8's mark for how a function was compiled: ~ interpreted, ^ baseline, + mid-tier, * optimized, or none.
// Newer versions of V8 also mark code that a loop was replaced by (o*) and code for one closure alone (*').
const symbolPattern =
  /^(?:JS|LazyCompile|Function|Script|Module|Eval|Callback):(?:o(?=[*+]))?([*~^+]?)(?:(?<=[*+])')?(.*)$/s;
const locationPattern = /^(.*):(\d+):(\d+)$/s;
/** The library where npm puts it, and where this command is from. */
const libraryPaths = ['/node_modules/rocket-rpc/dist/', ...ownPaths()];
const fileStart = /(?:^| )(?=file:\/\/|node:|\/|[a-z-]+:\/\/)/;

/**
 * What a flamegraph shows for a symbol V8 wrote to its perf map, such as `makeOrder server.ts:12 *` for
 * `JS:*makeOrder file:///app/server.ts:12:3`; undefined when it is no JavaScript function. Line 1 is left out, as code
 * that a loader put on one line has no other; a function without a name shows its column too. Functions of this library
 * begin with `rocket-rpc: `, so that nobody takes its `server.js` for the user's.
 */
export function shortJsName(symbol: string): string | undefined {
  const found = symbolPattern.exec(symbol);
  if (found === null) return undefined;
  const [, tier = '', rest = ''] = found;
  const located = locationPattern.exec(rest);
  const shown = located === null ? rest.trim() || '(anonymous)' : nameAndPlace(located);
  return tier === '' ? shown : `${shown} ${tier}`;
}

function nameAndPlace([, head = '', line, column]: RegExpExecArray): string {
  const start = fileStart.exec(head);
  const at = start?.index ?? head.lastIndexOf(' ');
  const path = head.slice(at + 1).trim();
  const owner = libraryPaths.some((own) => path.includes(own)) ? 'rocket-rpc: ' : '';
  const name = head.slice(0, Math.max(at, 0)).trim();
  const file = shortFile(path) || '(generated)';
  if (name === '') return `${owner}(anonymous) ${file}:${line}:${column}`;
  return `${owner}${name} ${file}${line === '1' ? '' : `:${line}`}`;
}

/** Paths of our modules, as V8 names ES modules and CommonJS ones. */
function ownPaths(): string[] {
  const folders = ['lib', 'dist'].map((folder) => `${packageRoot()}/${folder}/`);
  return folders.flatMap((folder) => [folder, pathToFileURL(folder).href]);
}

/** The file's name; of an index file also its folder, as there are many. */
function shortFile(path: string): string {
  if (path.startsWith('node:')) return path;
  const [folder = '', file = ''] = path
    .replace(/[?#].*$/, '')
    .split('/')
    .slice(-2);
  if (file === '') return folder;
  return /^index\.\w+$/.test(file) ? `${folder}/${file}` : file;
}
