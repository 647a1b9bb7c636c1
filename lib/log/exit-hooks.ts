import { isMainThread } from 'node:worker_threads';

/** What is to be done with a log when the process ends. */
export interface EndingLog {
  flushSync(): boolean;
  reopen(): void;
}

interface Wishes {
  readonly flushOnSignals: boolean;
  readonly reopenOnSighup: boolean;
}

const open = new Map<EndingLog, Wishes>();
const endingSignals = ['SIGTERM', 'SIGINT'] as const;
let listening = false;

/** Sees to it that nothing of the log is lost when the process ends; returns what ends that. */
export function atExit(log: EndingLog, wishes: Wishes): () => void {
  open.set(log, wishes);
  listen();
  return () => {
    open.delete(log);
    listen();
  };
}

/** Listens to what the open logs need, and to nothing more: a listener changes what a signal does. */
function listen(): void {
  const wanted = open.size > 0;
  if (wanted && !listening) process.on('exit', flushAll);
  if (!wanted && listening) process.off('exit', flushAll);
  listening = wanted;
  // Signals come to the main thread only.
  if (!isMainThread) return;
  const wishes = [...open.values()];
  for (const signal of endingSignals) {
    keep(
      signal,
      onEndingSignal,
      wishes.some(({ flushOnSignals }) => flushOnSignals),
    );
  }
  keep(
    'SIGHUP',
    onSighup,
    wishes.some(({ reopenOnSighup }) => reopenOnSighup),
  );
}

function keep(signal: NodeJS.Signals, listener: NodeJS.SignalsListener, wanted: boolean): void {
  const has = process.listeners(signal).includes(listener);
  if (wanted && !has) process.on(signal, listener);
  if (!wanted && has) process.off(signal, listener);
}

function flushAll(): void {
  for (const log of open.keys()) log.flushSync();
}

function onEndingSignal(signal: NodeJS.Signals): void {
  // Whoever else listens decides when the process ends, and then there is 'exit'.
  if (process.listenerCount(signal) > 1) return;
  for (const [log, { flushOnSignals }] of open) if (flushOnSignals) log.flushSync();
  process.off(signal, onEndingSignal);
  process.kill(process.pid, signal);
}

function onSighup(): void {
  for (const [log, { reopenOnSighup }] of open) if (reopenOnSighup) log.reopen();
}
