import cliProgress from 'cli-progress';

/** Shows on stderr that a recording runs: a bar of its seconds on a terminal, one line elsewhere. */
export class Progress {
  readonly #what: string;
  readonly #seconds: number | undefined;
  #bar: cliProgress.SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `seconds` undefined: until something ends it. */
  constructor(what: string, seconds: number | undefined) {
    this.#what = what;
    this.#seconds = seconds;
  }

  begin(): void {
    const seconds = this.#seconds;
    if (seconds === undefined || !process.stderr.isTTY) {
      const howLong = seconds === undefined ? 'until it ends or Ctrl-C' : `for ${seconds} s`;
      console.error(`recording ${this.#what} ${howLong}`);
      return;
    }
    const format = `recording ${this.#what} {bar} {value}/{total} s, Ctrl-C ends it early`;
    this.#bar = new cliProgress.SingleBar(
      { format, stream: process.stderr, hideCursor: true },
      cliProgress.Presets.shades_grey,
    );
    this.#bar.start(seconds, 0);
    const beganMs = performance.now();
    this.#timer = setInterval(() => {
      this.#bar?.update(Math.min(seconds, Math.round((performance.now() - beganMs) / 100) / 10));
    }, 200);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#bar?.stop();
  }
}
