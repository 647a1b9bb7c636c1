import { Spawned } from '../../support/spawned.ts';
import { peerPath } from './peers.ts';

/** A case that waits for an answer in vain takes as long as `answerSeconds`. */
const deadlineMs = 300_000;
const answerSeconds = 2;

export interface H2specReport {
  /** `146 tests, 145 passed, 0 skipped, 1 failed`. */
  readonly summary: string;
  readonly passed: number;
  readonly skipped: number;
  /** Each with what was expected and what came. */
  readonly failures: readonly string[];
}

/** Runs every case of h2spec, the strict ones too, against a server without TLS. */
export async function runH2spec(port: number): Promise<H2specReport> {
  const args = ['-h', '127.0.0.1', '-p', String(port), '--strict', '--timeout', String(answerSeconds)];
  const h2spec = new Spawned([peerPath('h2spec'), ...args]);
  try {
    // Its exit code is 1 when a case failed.
    await h2spec.exit(deadlineMs);
    return parseH2spec(h2spec.output);
  } finally {
    if (h2spec.running) await h2spec.stop(deadlineMs);
  }
}

/** Reads what h2spec prints. Throws when it did not come to its end. */
export function parseH2spec(output: string): H2specReport {
  const summary = /^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$/m.exec(output);
  if (summary === null) throw new Error(`h2spec printed no summary:\n${output.slice(-3000)}`);
  const [line, , passed, skipped, failed] = summary;
  const failures = output
    .slice(output.indexOf('Failures:'))
    .split(/^\s*× /m)
    .slice(1);
  if (failures.length !== Number(failed))
    throw new Error(
      `h2spec counts ${failed} failures and prints ${failures.length}:\n${output.slice(-3000)}`,
    );
  return { summary: line, passed: Number(passed), skipped: Number(skipped), failures };
}
