import { processCpuMicros, readThreads, threadCpuMicros } from './proc.ts';

/** CPU time a server spent on one call. */
export interface CpuPerCall {
  /** Of all threads of the server. */
  readonly cpuMicrosPerCall: number;
  /** Of its main thread: in a Node server the one that runs JavaScript. */
  readonly jsCpuMicrosPerCall: number;
}

interface CpuSample {
  readonly atMs: number;
  readonly processMicros: number;
  readonly jsMicros: number;
}

/** The load generator's window was missed, because something else kept this process from running. */
export class MissedWindowError extends Error {}

/** CPU time of a server process over the window in which a load generator measures. */
export class CpuWindow {
  readonly #pid: number;
  #opened: CpuSample | undefined;
  #closed: CpuSample | undefined;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** To be called in the turn in which the load generator says that its window opens. */
  open(): void {
    this.#opened = this.#sample();
  }

  /** To be called in the turn in which it says that the window closes. */
  close(): void {
    this.#closed = this.#sample();
  }

  /**
   * Compares rates, not totals, so a sample taken some milliseconds late does not count as more work. Throws
   * MissedWindowError when the samples are too far from the window's ends.
   */
  perCall(report: { readonly seconds: number; readonly callsPerSecond: number }): CpuPerCall {
    if (this.#opened === undefined || this.#closed === undefined) {
      throw new MissedWindowError('the load generator did not mark its window');
    }
    const sampledSeconds = (this.#closed.atMs - this.#opened.atMs) / 1000;
    if (Math.abs(sampledSeconds - report.seconds) > 0.1 * report.seconds) {
      throw new MissedWindowError(
        `CPU was sampled over ${sampledSeconds} s of a window of ${report.seconds} s: machine too busy`,
      );
    }
    const calls = report.callsPerSecond * sampledSeconds;
    return {
      cpuMicrosPerCall: (this.#closed.processMicros - this.#opened.processMicros) / calls,
      jsCpuMicrosPerCall: (this.#closed.jsMicros - this.#opened.jsMicros) / calls,
    };
  }

  #sample(): CpuSample {
    const threads = readThreads(this.#pid);
    return {
      atMs: performance.now(),
      processMicros: processCpuMicros(threads),
      jsMicros: threadCpuMicros(threads, this.#pid),
    };
  }
}
