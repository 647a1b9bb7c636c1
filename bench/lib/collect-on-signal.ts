/**
 * Lets a bench ask a server process for a garbage collection: on SIGUSR2 it collects and prints "collected". The
 * process must run with --expose-gc; without it the signal only gets the answer.
 */
export function collectOnSignal(): void {
  process.on('SIGUSR2', () => {
    globalThis.gc?.();
    console.log('collected');
  });
}
