/** The progress of a run. */
export interface LoadProgress {
  /** Time since the first call. */
  readonly elapsedSeconds: number;
  /** From 0 to 1. */
  readonly fraction: number;
  /** Calls so far. */
  readonly succeeded: number;
  /** Calls so far. */
  readonly failed: number;
  /** Calls waiting for their reply. */
  readonly pending: number;
  /** Successful calls a second, over the last second. */
  readonly callsPerSecond: number;
  /** Over the last second; null when no call succeeded in it. */
  readonly p99Ms: number | null;
}
