import { readFileSync } from 'node:fs';
import { nearest } from '../contract/nearest.ts';
import {
  type EncodedRequest,
  encodeRequest,
  type LoadMode,
  type LoadOptions,
  loadConfig,
  UnknownMethodError,
} from '../load/index.ts';
import { metadataOf } from './bench-metadata.ts';
import {
  amountOption,
  badValue,
  positiveOption,
  textOption,
  usageError,
  type Values,
  wholeOption,
} from './bench-usage.ts';
import { hindranceToWrite } from './output-file.ts';
import { type TlsFlags, tlsOf } from './tls-flags.ts';

/** What `rocket bench` has to do. Without a target it starts its own server. */
export interface BenchPlan {
  readonly target: string | undefined;
  readonly load: Pick<LoadOptions, 'mode' | 'protocol' | 'request' | 'threads' | 'connections' | 'short'> &
    Pick<LoadOptions, 'timeoutMs' | 'warmupSeconds' | 'metadata' | 'tls'>;
  readonly json: string | undefined;
  readonly html: string | undefined;
}

/** @throws UsageError that says what is wrong. */
export function benchPlan(values: Values, excess: readonly string[] = []): BenchPlan {
  if (excess.length > 0) {
    const some = ['total', 'time', 'qps'].some((name) => values[name] !== undefined);
    const text = `unexpected argument ${excess[0]}; everything is an option`;
    throw usageError(text, values, some ? {} : { time: '10', concurrency: '100' });
  }
  const load = {
    mode: modeOf(values),
    ...optional('protocol', protocolOf(values)),
    threads: wholeOption(values, 'threads') ?? 1,
    connections: wholeOption(values, 'connections'),
    short: values['short'] === true,
    ...optional('timeoutMs', wholeOption(values, 'timeout')),
    ...optional('warmupSeconds', amountOption(values, 'warmup')),
    ...optional('metadata', metadataOf(values)),
    ...optional('tls', tlsOfBench(values)),
  };
  checkThreads(values, load.mode, load.threads, load.connections);
  const request = requestOf(values);
  if (load.protocol === 'tinypb' && request.kind !== undefined) {
    const text = `--protocol tinypb: ${request.method} streams, which TinyPB cannot carry`;
    throw usageError(text, values, { protocol: 'grpc' });
  }
  const withRequest = { ...load, request };
  try {
    loadConfig({ ...withRequest, target: textOption(values, 'target') ?? '' });
  } catch (error) {
    throw usageError((error as Error).message, { time: '10', concurrency: '100' });
  }
  const target = textOption(values, 'target');
  return { target, load: withRequest, json: fileOf(values, 'json'), html: fileOf(values, 'html') };
}

function tlsOfBench(values: Values): LoadOptions['tls'] {
  let tls: LoadOptions['tls'];
  try {
    tls = tlsOf(values as TlsFlags);
  } catch (error) {
    const [, flag] = /^--(\w+)/.exec((error as Error).message) ?? [];
    throw usageError((error as Error).message, values, { [flag ?? '']: undefined });
  }
  if (tls !== undefined && values['target'] === undefined) {
    const text = 'TLS needs --target: the server that is started for the run speaks without';
    throw usageError(text, values, { target: 'localhost:50051' });
  }
  return tls;
}

function protocolOf(values: Values): 'tinypb' | 'grpc' | undefined {
  const protocol = textOption(values, 'protocol');
  if (protocol !== undefined && protocol !== 'tinypb' && protocol !== 'grpc')
    throw badValue(values, 'protocol', `must be tinypb or grpc, not ${JSON.stringify(protocol)}`);
  const target = textOption(values, 'target');
  const namesGrpc = target !== undefined && /^grpcs?:/.test(target);
  if (namesGrpc && protocol === 'tinypb')
    throw usageError(`--protocol tinypb does not fit --target ${target}`, values, { protocol: 'grpc' });
  const isGrpc = protocol === 'grpc' || namesGrpc;
  if (isGrpc && values['short'] === true)
    throw usageError('--short is for TinyPB: calls of gRPC share connections', values, { short: undefined });
  return protocol;
}

function checkThreads(
  values: Values,
  mode: LoadMode,
  threads: number,
  connections: number | undefined,
): void {
  if (mode.kind !== 'rate' && threads > mode.concurrency) {
    const most = `${mode.concurrency}`;
    throw usageError(`--threads ${threads} is more than -c ${most} calls at a time`, values, {
      threads: most,
    });
  }
  if (connections === undefined) return;
  if (values['short'] === true) {
    const text = '--short makes a connection for every call, so --connections has no meaning';
    throw usageError(text, values, { connections: undefined });
  }
  if (connections < threads) {
    const text = '--connections must be at least one for each of --threads';
    throw usageError(text, values, { connections: `${threads}` });
  }
}

function modeOf(values: Values): LoadMode {
  const total = wholeOption(values, 'total');
  const concurrency = wholeOption(values, 'concurrency');
  const seconds = positiveOption(values, 'time');
  const maxInFlight = wholeOption(values, 'maxInFlight');
  const callsPerSecond = positiveOption(values, 'qps');
  if (callsPerSecond !== undefined) {
    const fixed = { total: undefined, concurrency: undefined, time: values['time'] ?? '10' };
    if (total !== undefined)
      throw usageError('-q runs for a time (-t), not for a number of calls', values, fixed);
    if (concurrency !== undefined) {
      throw usageError(
        '-q makes calls on a schedule, however many are pending: -c has no meaning',
        values,
        fixed,
      );
    }
    if (seconds === undefined) throw usageError('-q needs -t, the seconds to run', values, fixed);
    return { kind: 'rate', callsPerSecond, seconds, ...optional('maxInFlight', maxInFlight) };
  }
  if (maxInFlight !== undefined) {
    const text = '--max-in-flight belongs to -q; otherwise -c says how many calls are pending';
    throw usageError(text, values, { maxInFlight: undefined });
  }
  return total === undefined
    ? timedMode(values, seconds, concurrency)
    : countedMode(values, total, seconds, concurrency);
}

function timedMode(values: Values, seconds: number | undefined, concurrency: number | undefined): LoadMode {
  const fixed = { time: values['time'] ?? '10', concurrency: values['concurrency'] ?? '100' };
  if (seconds === undefined) {
    const text =
      concurrency === undefined ? 'which load? Give -n and -c, -t and -c, or -q and -t' : '-c needs -t or -n';
    throw usageError(text, values, fixed);
  }
  if (concurrency === undefined) {
    throw usageError('-t needs -c, the calls pending at a time, or -q, the calls a second', values, fixed);
  }
  return { kind: 'duration', seconds, concurrency };
}

function countedMode(
  values: Values,
  total: number,
  seconds: number | undefined,
  concurrency: number | undefined,
): LoadMode {
  const fixed = { time: undefined, concurrency: `${Math.min(total, concurrency ?? 100)}` };
  if (seconds !== undefined)
    throw usageError('-n and -t both say when to end; give one of them', values, fixed);
  if (concurrency === undefined) throw usageError('-n needs -c, the calls pending at a time', values, fixed);
  if (concurrency > total)
    throw usageError(`-c ${concurrency} is more than -n ${total} calls`, values, fixed);
  return { kind: 'count', total, concurrency };
}

function requestOf(values: Values): EncodedRequest {
  if (values['proto'] !== undefined && values['target'] === undefined) {
    const text = '--proto needs --target: the server that is started for the run has only Order';
    throw usageError(text, values, { target: '127.0.0.1:50051' });
  }
  const payloadBytes = wholeOption(values, 'payload');
  const data = dataOf(values);
  try {
    return encodeRequest({
      ...optional('proto', textOption(values, 'proto')),
      ...optional('method', textOption(values, 'method')),
      ...optional('data', data),
      payloadBytes,
    });
  } catch (error) {
    if (error instanceof UnknownMethodError) {
      const method = nearest(textOption(values, 'method') ?? '', error.methods);
      throw usageError(`--method: ${error.message}`, values, { method });
    }
    if (error instanceof RangeError) throw badValue(values, 'payload', error.message);
    // The codec reports wrong data with a TypeError; any other error comes from the file.
    const wrong = data !== undefined && error instanceof TypeError ? 'data' : 'proto';
    throw usageError(`--${wrong}: ${(error as Error).message}`, values, { [wrong]: undefined });
  }
}

function dataOf(values: Values): unknown {
  const given = textOption(values, 'data');
  if (given === undefined) return undefined;
  try {
    return JSON.parse(given.startsWith('@') ? readFileSync(given.slice(1), 'utf8') : given);
  } catch (error) {
    const text = `--data must be JSON, or @ and a file of JSON: ${(error as Error).message}`;
    throw usageError(text, values, { data: '{"price":100}' });
  }
}

/** Checked beforehand: a run of an hour must not end with a file that cannot be written. */
function fileOf(values: Values, name: string): string | undefined {
  const file = textOption(values, name);
  const hindrance = file === undefined ? undefined : hindranceToWrite(file);
  if (hindrance !== undefined) throw badValue(values, name, hindrance);
  return file;
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value });
}
