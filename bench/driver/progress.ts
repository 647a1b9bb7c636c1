/** How far a run is. */
export interface LoadProgress {
  readonly elapsedSeconds: number;
  /** From 0 to 1. */
  readonly fraction: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly pending: number;
  /** Successful calls a second, over the last second. */
  readonly callsPerSecond: number;
  /** Over the last second; null when no call succeeded in it. */
  readonly p99Ms: number | null;
}
