/**
 * Jobs of zlib on the threads of libuv, few at a time: others need those threads too (dns, files), and what each may
 * allocate is bounded by its limit alone.
 */
const mostRunning = 2;

interface Job<Result> {
  readonly isWanted: () => boolean;
  readonly start: (settle: (error: Error | null, result: Result) => void) => void;
  readonly resolve: (result: Result | undefined) => void;
  readonly reject: (error: Error) => void;
}

let running = 0;
const waiting: Job<unknown>[] = [];

/**
 * Starts jobs in order. Gives undefined for a job that is not wanted any more when its turn comes; it is not started
 * then.
 */
export function runZlibJob<Result>(
  start: Job<Result>['start'],
  isWanted: () => boolean,
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    waiting.push({ isWanted, start, resolve, reject } as Job<Result> as Job<unknown>);
    startNext();
  });
}

function startNext(): void {
  while (running < mostRunning) {
    const job = waiting.shift();
    if (job === undefined) return;
    if (!job.isWanted()) {
      job.resolve(undefined);
      continue;
    }
    running++;
    try {
      job.start((error, result) => {
        settled();
        if (error === null) job.resolve(result);
        else job.reject(error);
      });
    } catch (error) {
      settled();
      job.reject(error as Error);
    }
  }
}

function settled(): void {
  running--;
  startNext();
}
