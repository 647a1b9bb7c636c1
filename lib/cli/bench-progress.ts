import { Presets, SingleBar } from 'cli-progress';
import { formatMs, type LoadProgress } from '../load/index.ts';

/** Shows how a run is doing. */
export interface ProgressView {
  show(progress: LoadProgress): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

export function progressView(out: NodeJS.WriteStream): ProgressView {
  return out.isTTY ? new ProgressBar(out) : new ProgressLines(out);
}

const barSteps = 1000;

class ProgressBar implements ProgressView {
  readonly #bar: SingleBar;

  constructor(out: NodeJS.WriteStream) {
    const format = '[{bar}] {percentage}%  {text}';
    this.#bar = new SingleBar({ format, stream: out, barsize: 24, clearOnComplete: true }, Presets.legacy);
    this.#bar.start(barSteps, 0, { text: '' });
  }

  show(progress: LoadProgress): void {
    this.#bar.update(Math.floor(progress.fraction * barSteps), { text: describe(progress) });
  }

  end(): void {
    this.#bar.stop();
  }
}

class ProgressLines implements ProgressView {
  readonly #out: NodeJS.WritableStream;
  #lines = 0;

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  /** Called several times a second; prints one line for each. */
  show(progress: LoadProgress): void {
    if (progress.elapsedSeconds < this.#lines + 1) return;
    this.#lines = Math.floor(progress.elapsedSeconds);
    this.#out.write(`${`${this.#lines} s`.padStart(6)}  ${describe(progress)}\n`);
  }

  end(): void {
    // A line is complete when it is written.
  }
}

function describe({ callsPerSecond, p99Ms, pending, failed }: LoadProgress): string {
  const p99 = p99Ms === null ? '-' : formatMs(p99Ms);
  const rate = Math.round(callsPerSecond).toLocaleString('en');
  return `${rate} calls/s  p99 ${p99}  pending ${pending}  failed ${failed.toLocaleString('en')}`;
}
