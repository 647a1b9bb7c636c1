import { theBoundary } from '../addon/boundary.ts';

/** The core as this JavaScript thread sees it: the process's io threads, and this thread's two queues. */
export interface EngineStats {
  /** io threads that run now; 0 when no server or channel is open. */
  readonly ioThreads: number;
  /** Work handed to io threads that they have not begun. */
  readonly queuedTasks: number;
  /** Memory of the core that belongs to no connection: io threads' read buffers and pooled chunks, call tables. */
  readonly nativeBytes: number;
  /** Events waiting for this thread, and their bytes. */
  readonly inboxEvents: number;
  readonly inboxBytes: number;
  readonly inboxDropped: number;
  /** Native calls that handed commands over, the commands in them, and replies sent by this thread itself. */
  readonly flushes: number;
  readonly commands: number;
  readonly directSends: number;
  /** Client calls of this thread that have not ended. */
  readonly callsPending: number;
}

export function engineStats(): EngineStats {
  const boundary = theBoundary();
  return { ...boundary.native.engineStats(), callsPending: boundary.pending.size };
}
