import type { CertificateValidity } from '../contract/tls.ts';
import { type Logger, loggerOf, safeLogger } from '../log/logger.ts';

const dayMs = 24 * 3600 * 1000;
/**
 * When a warning is logged: so many days before the certificate expires, but not earlier than this fraction of its
 * validity before the end. Otherwise certificates that are renewed every hour would cause a warning each time.
 */
const stages = [
  { mostMs: 30 * dayMs, part: 4 },
  { mostMs: 7 * dayMs, part: 8 },
  { mostMs: dayMs, part: 16 },
  { mostMs: 0, part: Number.POSITIVE_INFINITY },
];
/** A timer of Node.js lasts 24.8 days at most. Besides, clocks may be set, and the machine may sleep. */
const longestTimerMs = dayMs;

/**
 * The warnings that each logger has had: several channels, at once or one after the other, may have the same
 * certificate.
 */
const said = new WeakMap<object, Set<string>>();
/** For each logger; past it a warning may be repeated. */
const mostSaid = 1000;

/**
 * Logs that the own certificate expires, once for each stage: 30, 7 and 1 day before, or a quarter, an eighth and a
 * sixteenth of its validity before if that is less, and when it has expired. Does not keep the process alive.
 */
export class CertificateExpiry {
  readonly #whose: string;
  readonly #logger: Logger | false | undefined;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param whose `the server's`.
   * @param now in milliseconds of Unix time.
   */
  constructor(whose: string, logger: Logger | false | undefined, now: () => number = Date.now) {
    this.#whose = whose;
    this.#logger = logger;
    this.#now = now;
  }

  /** Watches this certificate from now on. */
  watch(validity: CertificateValidity | undefined): void {
    clearTimeout(this.#timer);
    if (validity === undefined) return;
    const now = this.#now();
    const starts = stages.map(({ mostMs, part }) => ({
      mostMs,
      at: validity.until - Math.min(mostMs, (validity.until - validity.from) / part),
    }));
    const stage = starts.findLastIndex(({ at }) => at <= now);
    if (stage !== -1) this.#say(validity.until, stage, now);
    const next = starts[stage + 1];
    if (next === undefined) return;
    const inMs = Math.min(Math.ceil(next.at - now), longestTimerMs);
    this.#timer = setTimeout(() => this.watch(validity), Math.max(inMs, 1)).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #say(until: number, stage: number, now: number): void {
    const key = `${this.#whose} ${until} ${stage}`;
    const to = loggerOf(this.#logger);
    const already = said.get(to) ?? new Set();
    said.set(to, already);
    if (already.has(key)) return;
    if (already.size >= mostSaid) already.clear();
    already.add(key);
    const when = timeText(until);
    const logger = safeLogger(this.#logger);
    if (until <= now) logger.error(`${this.#whose} certificate has expired, at ${when}: its peers refuse it`);
    else logger.warn(`${this.#whose} certificate expires in ${durationText(until - now)}, at ${when}`);
  }
}

function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}

function durationText(ms: number): string {
  const [size, unit] =
    ms >= 2 * dayMs ? [dayMs, 'days'] : ms >= 2 * 3_600_000 ? [3_600_000, 'hours'] : [60_000, 'minutes'];
  return `${Math.floor(ms / size)} ${unit}`;
}
