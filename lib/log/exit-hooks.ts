import type { EventEmitter } from 'node:events';
import { isMainThread } from 'node:worker_threads';

/** What to do with a log when the process ends. */
export interface EndingLog {
  /** Equal for all logs that share a buffer: flushing one flushes all. */
  readonly buffer: object;
  readonly flushTimeoutMs: number;
  askFlush(): number;
  waitFlush(ticket: number, ms: number): boolean;
  tellUnwritten(): void;
  reopen(): void;
  retakeSignals(): void;
}

interface Wishes {
  readonly flushOnSignals: boolean;
  readonly reopenOnSighup: boolean;
}

const open = new Map<EndingLog, Wishes>();

/**
 * Makes sure that no line is lost when the process ends; returns a function that stops this. SIGTERM and SIGINT are
 * caught by the core (native/core/log/ending_signals.h): a listener here would be visible to others, and would only be
 * called while the event loop runs.
 */
export function atExit(log: EndingLog, wishes: Wishes): () => void {
  open.set(log, wishes);
  listen();
  return () => {
    open.delete(log);
    listen();
  };
}

/** Listens only to the events that the open logs need. */
function listen(): void {
  const wishes = [...open.values()];
  keep('exit', flushAll, wishes.length > 0);
  // Signals come to the main thread only.
  if (!isMainThread) return;
  keep(
    'removeListener',
    onListenerGone,
    wishes.some(({ flushOnSignals }) => flushOnSignals),
  );
  keep(
    'SIGHUP',
    onSighup,
    wishes.some(({ reopenOnSighup }) => reopenOnSighup),
  );
}

function keep(event: string, listener: (event: string) => void, wanted: boolean): void {
  const events: EventEmitter = process;
  const has = events.listeners(event).includes(listener);
  if (wanted && !has) events.on(event, listener);
  if (!wanted && has) events.off(event, listener);
}

/** All are told to flush before any is waited for, so logs with hanging disks share one wait. */
function flushAll(): void {
  const asked = new Map<object, { log: EndingLog; ticket: number }>();
  for (const log of open.keys()) {
    if (!asked.has(log.buffer)) asked.set(log.buffer, { log, ticket: log.askFlush() });
  }
  const began = performance.now();
  for (const { log, ticket } of asked.values()) {
    const left = Math.max(0, Math.ceil(began + log.flushTimeoutMs - performance.now()));
    if (!log.waitFlush(ticket, left)) log.tellUnwritten();
  }
}

/** By now Node.js has notified libuv, which has restored the kernel's default for a signal without listeners. */
function onListenerGone(event: string): void {
  if (event !== 'SIGTERM' && event !== 'SIGINT') return;
  for (const [log, { flushOnSignals }] of open) if (flushOnSignals) log.retakeSignals();
}

function onSighup(): void {
  for (const [log, { reopenOnSighup }] of open) if (reopenOnSighup) log.reopen();
}
