import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

const extension = extname(import.meta.url);

function moduleUrl(name: string): URL {
  return new URL(`./${name}${extension}`, import.meta.url);
}

/** Only sources need tsx; the compiled package has none. */
function tsxUrl(path: string): string {
  const manifest = createRequire(import.meta.url).resolve('tsx/package.json');
  return new URL(path, pathToFileURL(manifest)).href;
}

/** Runs a module of this folder, by its name without extension, in a new thread. */
export function startThread(name: string, options: WorkerOptions): Worker {
  const url = moduleUrl(name);
  if (extension !== '.ts') return new Worker(url, options);
  // --import has no effect on the modules a worker of Node 20 loads, so tsx is registered from inside.
  const api = tsxUrl('dist/esm/api/index.mjs');
  const script = `import('${api}').then(({ register }) => { register(); return import('${url.href}'); });`;
  return new Worker(script, { ...options, eval: true });
}

/** Runs a module of this folder in a new process. */
export function startProcess(name: string, args: readonly string[], options: ForkOptions): ChildProcess {
  const execArgv = extension === '.ts' ? ['--import', tsxUrl('dist/loader.mjs')] : [];
  return fork(fileURLToPath(moduleUrl(name)), args, { ...options, execArgv });
}
