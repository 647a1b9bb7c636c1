import { existsSync } from 'node:fs';

/** Wrong arguments, and the closest right command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly closest: string;

  constructor(message: string, closest: string) {
    super(message);
    this.closest = closest;
  }
}

/** Options as they were typed, by their long names in camel case. */
export type Values = Readonly<Record<string, string | true | readonly string[] | undefined>>;

interface Flag {
  readonly flag: string;
  /** The value that the closest right command line has in place of an invalid one. */
  readonly example?: string;
}

const flags: Readonly<Record<string, Flag>> = {
  total: { flag: '-n', example: '10000' },
  qps: { flag: '-q', example: '5000' },
  time: { flag: '-t', example: '10' },
  concurrency: { flag: '-c', example: '100' },
  maxInFlight: { flag: '--max-in-flight', example: '65536' },
  target: { flag: '--target' },
  protocol: { flag: '--protocol', example: 'grpc' },
  connections: { flag: '--connections', example: '2' },
  short: { flag: '--short' },
  threads: { flag: '--threads', example: '1' },
  payload: { flag: '--payload', example: '1024' },
  proto: { flag: '--proto' },
  method: { flag: '--method' },
  data: { flag: '--data' },
  metadata: { flag: '--metadata', example: 'tenant=a' },
  warmup: { flag: '--warmup', example: '1' },
  timeout: { flag: '--timeout', example: '10000' },
  json: { flag: '--json', example: 'result.json' },
  html: { flag: '--html', example: 'report.html' },
  tls: { flag: '--tls' },
  cacert: { flag: '--cacert' },
  cert: { flag: '--cert' },
  key: { flag: '--key' },
  servername: { flag: '--servername' },
  insecure: { flag: '--insecure' },
};

/** An error whose closest command line has the same options except for `changes`; undefined removes one. */
export function usageError(message: string, values: Values, changes: Values = {}): UsageError {
  return new UsageError(message, callOf({ ...values, ...changes }));
}

/** An error about one option, with an example in its place. */
export function badValue(values: Values, name: string, what: string): UsageError {
  return usageError(`${flags[name]?.flag} ${what}`, values, { [name]: flags[name]?.example });
}

/** The command line that has these options. */
function callOf(values: Values): string {
  const words = ['rocket', 'bench'];
  for (const [name, { flag }] of Object.entries(flags)) {
    const value = values[name];
    if (value === undefined) continue;
    if (value === true) words.push(flag);
    else for (const text of [value].flat()) words.push(flag, quoted(name === 'key' ? keyFile(text) : text));
  }
  return words.join(' ');
}

/** For --key: the argument may be the key itself, which must not be shown. */
export function keyFile(given: string): string {
  return existsSync(given) ? given : 'client.key';
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text}'`;
}

/** The values of an option that may be given several times. */
export function listOption(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}

export function textOption(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** A whole number from 1. */
export function wholeOption(values: Values, name: string): number | undefined {
  return numberOption(values, name, 'must be a whole number from 1', (value) => {
    return Number.isSafeInteger(value) && value >= 1;
  });
}

/** A number over 0. */
export function positiveOption(values: Values, name: string): number | undefined {
  return numberOption(values, name, 'must be a number over 0', (value) => value > 0 && value < Infinity);
}

/** A number from 0. */
export function amountOption(values: Values, name: string): number | undefined {
  return numberOption(values, name, 'must be a number from 0', (value) => value >= 0 && value < Infinity);
}

function numberOption(
  values: Values,
  name: string,
  rule: string,
  fits: (value: number) => boolean,
): number | undefined {
  const typed = textOption(values, name);
  if (typed === undefined) return undefined;
  const value = typed.trim() === '' ? Number.NaN : Number(typed);
  if (fits(value)) return value;
  throw badValue(values, name, `${rule}, not ${JSON.stringify(typed)}`);
}
