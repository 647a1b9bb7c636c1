import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

export interface Wait {
  deadlineMs: number;
  /** Completes "waited … ms for"; a function is asked only when the deadline has passed. */
  what: string | (() => string);
}

/** Time during which a condition is looked at on every turn of the event loop; later every few milliseconds. */
const eagerMs = 5;
const pollMs = 3;

/** Settles as `promise` does; rejects with `DeadlineError` once the deadline has passed. */
export async function withDeadline<T>(promise: Promise<T>, wait: Wait): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(deadlineError(wait)), Math.max(0, wait.deadlineMs));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `condition` holds; rejects with `DeadlineError`, or with what the condition throws. */
export async function until(condition: () => boolean | Promise<boolean>, wait: Wait): Promise<void> {
  const started = performance.now();
  for (;;) {
    const waited = performance.now() - started;
    const answer = condition();
    const holds =
      typeof answer === 'boolean'
        ? answer
        : await withDeadline(answer, { deadlineMs: wait.deadlineMs - waited, what: wait.what });
    if (holds) return;
    if (waited >= wait.deadlineMs) throw deadlineError(wait);
    await (waited < eagerMs ? immediate() : pause(pollMs));
  }
}

/** How `promise` ended, never rejecting with its reason; rejects with `DeadlineError` when it has not ended in time. */
export async function settled<T>(
  promise: Promise<T>,
  deadlineMs: number,
  what = 'a promise to settle',
): Promise<PromiseSettledResult<T>> {
  const [outcome] = await withDeadline(Promise.allSettled([promise]), { deadlineMs, what });
  return outcome;
}

/** Wakes whoever waits for a state to change. A waiter looks at the state again itself, so a wake-up may be idle. */
export class Changes {
  #wakers: (() => void)[] = [];

  notify(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  /** The first answer of `look` other than undefined; it is asked at once and after every change. */
  async until<T>(look: () => T | undefined, wait: Wait): Promise<T> {
    let over = false;
    const looking = async (): Promise<T> => {
      for (;;) {
        // A look may take what it finds, so it must not be asked once nobody waits for its answer.
        if (over) throw deadlineError(wait);
        const found = look();
        if (found !== undefined) return found;
        await this.next();
      }
    };
    try {
      return await withDeadline(looking(), wait);
    } finally {
      over = true;
    }
  }
}

function deadlineError(wait: Wait): DeadlineError {
  const what = typeof wait.what === 'string' ? wait.what : wait.what();
  return new DeadlineError(`waited ${wait.deadlineMs} ms for ${what}`);
}
