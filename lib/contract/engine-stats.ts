/** The core as this JavaScript thread sees it: the process's io threads, and this thread's two queues. */
export interface EngineStats {
  /** Running io threads; 0 if no server or channel is open. */
  readonly ioThreads: number;
  /** Tasks that io threads have been given and have not started. */
  readonly queuedTasks: number;
  /** Memory of the core that belongs to no connection: io threads' read buffers and pooled chunks, call tables. */
  readonly nativeBytes: number;
  /** Events waiting for this thread. */
  readonly inboxEvents: number;
  /** Bytes of those events. */
  readonly inboxBytes: number;
  /** Events that arrived after this thread had begun to end. */
  readonly inboxDropped: number;
  /** Native calls that handed over commands. */
  readonly flushes: number;
  /** Replies, failures and requests handed over so far. */
  readonly commands: number;
  /** Replies that this thread has sent itself, without an io thread. */
  readonly directSends: number;
  /** Client calls of this thread that have not ended. */
  readonly callsPending: number;
}
