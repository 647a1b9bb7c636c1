import { readdirSync } from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { createLogger, type LogFields, rocketDestination } from '../../lib/index.ts';

/** What a line says: a short message of a call, or an object with five fields. */
export type Scenario = 'short' | 'object';

/** A logger under test, which writes into a folder of its own. */
export interface Subject {
  log(i: number): void;
  /** When all lines are in the kernel's hands. */
  end(): Promise<void>;
}

type Say = (line: { child: CallLog; root: CallLog }, i: number) => void;

interface CallLog {
  info(what: string | LogFields, message?: string): void;
}

const call = { msgId: '1795425493366-17', method: 'Order.makeOrder' };

const says: Record<Scenario, Say> = {
  short: ({ child }, i) => child.info(`order ${i} accepted`),
  object: ({ root }, i) =>
    root.info(
      { orderId: i, customer: 'c-20931', goods: 'apple', price: 17.5, express: true },
      'order accepted',
    ),
};

/** The destination bench:log holds us against: what pino's manual calls asynchronous logging. */
export function pinoAsync(directory: string): { log: pino.Logger; end(): Promise<void> } {
  const destination = pino.destination({ dest: path.join(directory, 'pino.log'), sync: false });
  return {
    log: pino(destination),
    end: () =>
      new Promise((resolve, reject) => {
        destination.on('close', resolve);
        destination.on('error', reject);
        destination.end();
      }),
  };
}

export const contenders = {
  rocket: (directory, scenario) => {
    const log = createLogger({ directory, format: scenario === 'short' ? 'text' : 'json', maxFileBytes: 0 });
    return subject(log, log.child(call), scenario, () => log.close());
  },
  'rocket-json': (directory, scenario) => {
    const log = createLogger({ directory, format: 'json', maxFileBytes: 0 });
    return subject(log, log.child(call), scenario, () => log.close());
  },
  pino: (directory, scenario) => {
    const { log, end } = pinoAsync(directory);
    return subject(log, log.child(call), scenario, end);
  },
  'pino-rocket': (directory, scenario) => {
    const destination = rocketDestination({ directory, maxFileBytes: 0 });
    const log = pino(destination);
    return subject(log, log.child(call), scenario, async () => {
      await destination.flush();
      destination.end();
    });
  },
} satisfies Record<string, (directory: string, scenario: Scenario) => Subject>;

export type ContenderName = keyof typeof contenders;

function subject(root: CallLog, child: CallLog, scenario: Scenario, end: () => Promise<void>): Subject {
  const say = says[scenario];
  const loggers = { root, child };
  return { log: (i) => say(loggers, i), end };
}

/** All files of the folder. */
export function filesOf(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => path.join(directory, name));
}
