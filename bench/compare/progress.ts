import cliProgress from 'cli-progress';

/** A piece of work and how long it is thought to take. */
export interface Planned {
  readonly expectedSeconds: number;
}

/** Says on stderr how far a long run has come: a bar on a terminal, plain lines elsewhere. */
export class Progress {
  readonly #totalSeconds: number;
  readonly #startedMs = performance.now();
  readonly #bar: cliProgress.SingleBar | undefined;
  #doneSeconds = 0;

  constructor(work: readonly Planned[]) {
    this.#totalSeconds = work.reduce((sum, { expectedSeconds }) => sum + expectedSeconds, 0);
    if (!process.stderr.isTTY) return;
    const format = '{bar} {percentage}%  about {left} left  {what}';
    this.#bar = new cliProgress.SingleBar({ format, hideCursor: true }, cliProgress.Presets.shades_classic);
    this.#bar.start(this.#totalSeconds, 0, { left: readable(this.#totalSeconds), what: '' });
  }

  /** Something is done; `what` tells what came out. */
  done({ expectedSeconds }: Planned, what: string): void {
    this.#doneSeconds += expectedSeconds;
    const left = readable(this.#secondsLeft());
    if (this.#bar !== undefined) {
      this.#bar.update(this.#doneSeconds, { left, what });
    } else {
      const percent = Math.floor((100 * this.#doneSeconds) / this.#totalSeconds);
      process.stderr.write(`${String(percent).padStart(3)} %, about ${left} left: ${what}\n`);
    }
  }

  stop(): void {
    this.#bar?.stop();
  }

  /** From what the work done so far has really taken. */
  #secondsLeft(): number {
    const pace = (performance.now() - this.#startedMs) / 1000 / this.#doneSeconds;
    return (this.#totalSeconds - this.#doneSeconds) * pace;
  }
}

function readable(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
