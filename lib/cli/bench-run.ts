import { writeFileSync } from 'node:fs';
import {
  describeLoad,
  htmlReport,
  type LoadOptions,
  type LoadResult,
  loadConfig,
  OrderServer,
  runLoad,
  textReport,
  UnreachableError,
} from '../load/index.ts';
import type { BenchPlan } from './bench-plan.ts';
import { type ProgressView, progressView } from './bench-progress.ts';
import { byTlsFlag } from './tls-flags.ts';
import { wrongArguments } from './wrong-arguments.ts';

const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Events that may end a run early. */
type Ending = keyof typeof signalCodes | { readonly server: string };

/** Executes the plan; prints to stdout. Resolves with the exit code. */
export async function runBench(plan: BenchPlan): Promise<number> {
  const stop = new AbortController();
  let ending: Ending | undefined;
  const end = (why: Ending): void => {
    ending ??= why;
    stop.abort();
  };
  const onSignal = (signal: NodeJS.Signals): void => end(signal as keyof typeof signalCodes);
  // Once: a second Ctrl-C ends the process at once, and its own server notices that.
  for (const signal of Object.keys(signalCodes)) process.once(signal, onSignal);
  const server =
    plan.target === undefined ? await OrderServer.start({ short: plan.load.short === true }) : undefined;
  try {
    void server?.ended.then((how) => end({ server: how }));
    const target = plan.target ?? server?.target ?? '';
    const result = await showRun({ ...plan.load, target, signal: stop.signal }, server);
    process.stdout.write(`\n${textReport(result)}`);
    return writeFiles(plan, result) ? exitCode(result, ending) : 1;
  } catch (error) {
    const isOfTls = error instanceof TypeError && error.message.startsWith('tls');
    if (!isOfTls && !(error instanceof UnreachableError)) throw error;
    if (isOfTls) console.error(`rocket bench: ${byTlsFlag(error.message)}`);
    // An invalid target is a wrong argument.
    else if (error.cause instanceof TypeError)
      console.error(`rocket bench: --target: ${error.cause.message}`);
    else console.error(byTlsFlag(error.message));
    return wrongArguments;
  } finally {
    for (const signal of Object.keys(signalCodes)) process.off(signal, onSignal);
    await server?.stop();
  }
}

async function showRun(options: LoadOptions, server: OrderServer | undefined): Promise<LoadResult> {
  const { stdout } = process;
  let view: ProgressView | undefined;
  const onReached = (): void => {
    stdout.write(`rocket bench\n${describeLoad(loadConfig(options))}\n`);
    if (server !== undefined) stdout.write(`  server      started for this run, process ${server.pid}\n`);
    stdout.write('\n');
    view = progressView(stdout);
  };
  try {
    return await runLoad({ ...options, onReached, onProgress: (progress) => view?.show(progress) });
  } finally {
    view?.end();
  }
}

/** False, with the reason on stderr, if they could not be written. */
function writeFiles({ json, html }: BenchPlan, result: LoadResult): boolean {
  try {
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
    if (html !== undefined) writeFileSync(html, htmlReport(result));
    return true;
  } catch (error) {
    console.error(`rocket bench: ${(error as Error).message}`);
    return false;
  }
}

function exitCode(result: LoadResult, ending: Ending | undefined): number {
  if (ending === undefined) return result.failed > 0 ? 1 : 0;
  if (typeof ending === 'string') return signalCodes[ending];
  console.error(`the server started for this run ended (${ending.server})`);
  return 1;
}
