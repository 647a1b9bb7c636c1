import { type Spread, spreadOf } from '../lib/spread.ts';
import type { FigureName } from './figures.ts';
import { grpcRatioSpecs } from './grpc-ratios.ts';
import { type RatioSpec, ratiosOver, type Term } from './ratio-spec.ts';
import type { Measured } from './run.ts';
import { tlsRatioSpecs } from './tls-ratios.ts';

/** A ratio as it came out. */
export interface Ratio {
  readonly key: string;
  readonly value: number;
  readonly spread: Spread;
  readonly bar?: number;
  readonly atLeast: boolean;
  readonly met?: boolean;
}

const ours = ratiosOver('rocket');
const short8000 = (figure: FigureName): Term => ({ scenario: 'short8000', contender: 'rocket', figure });

/** Every ratio the comparison prints, by the name it has there. */
export const ratioSpecs: readonly RatioSpec[] = [
  ours('callsVsGrpcJs50x1', '50x1', 'callsPerSecond', 'grpc-js', 10),
  ours('cpuVsGrpcJs50x1', '50x1', 'cpuMicrosPerCall', 'grpc-js', 1 / 12),
  ours('callsVsNet50x1', '50x1', 'callsPerSecond', 'net', 1.25),
  ours('cpuVsNet50x1', '50x1', 'cpuMicrosPerCall', 'net', 0.8),
  ours('jsCpuVsNet50x1', '50x1', 'jsCpuMicrosPerCall', 'net', 1 / 7),
  ours('callsVsGrpcJs50x20', '50x20', 'callsPerSecond', 'grpc-js', 40),
  ours('callsVsNet50x20', '50x20', 'callsPerSecond', 'net', 1.6),
  ours('p50VsNet1x1', '1x1', 'p50Us', 'net', 1.1),
  ours('cpuVsNative50x1', '50x1', 'cpuMicrosPerCall', 'native', 1.5),
  ours('callsVsNetShort100', 'short100', 'callsPerSecond', 'net', 1.4),
  ours('callsVsNetShort8000', 'short8000', 'callsPerSecond', 'net', 1.1),
  { key: 'failuresShort8000', over: short8000('failures'), bar: 0, atLeast: false, by: 'max' },
  {
    key: 'p99OverP50Short8000',
    over: short8000('p99Us'),
    under: short8000('p50Us'),
    bar: 3,
    atLeast: false,
    by: 'median',
  },
  ours('bytesVsGrpcJs16k', '16k', 'bodyBytesPerSecond', 'grpc-js', 3),
  ours('bytesVsNet1m', '1m', 'bodyBytesPerSecond', 'net', 1),
  ours('callsClientVsGrpcJs50x1', 'nodeToNode50x1', 'callsPerSecond', 'grpc-js', 8),
  // Without a bar.
  ours('callsVsNiceGrpc50x1', '50x1', 'callsPerSecond', 'nice-grpc'),
  ours('cpuVsNiceGrpc50x1', '50x1', 'cpuMicrosPerCall', 'nice-grpc'),
  ours('callsVsConnect50x1', '50x1', 'callsPerSecond', 'connect'),
  ours('cpuVsConnect50x1', '50x1', 'cpuMicrosPerCall', 'connect'),
  ours('callsVsNative50x1', '50x1', 'callsPerSecond', 'native'),
  ours('p99VsNet50x1', '50x1', 'p99Us', 'net'),
  ours('callsVsNiceGrpc50x20', '50x20', 'callsPerSecond', 'nice-grpc'),
  ours('callsVsConnect50x20', '50x20', 'callsPerSecond', 'connect'),
  ours('callsVsNative50x20', '50x20', 'callsPerSecond', 'native'),
  ours('cpuVsNet50x20', '50x20', 'cpuMicrosPerCall', 'net'),
  ours('jsCpuVsNet50x20', '50x20', 'jsCpuMicrosPerCall', 'net'),
  ours('p50VsGrpcJs1x1', '1x1', 'p50Us', 'grpc-js'),
  ours('p50VsNative1x1', '1x1', 'p50Us', 'native'),
  ours('callsVsGrpcJs500x1', '500x1', 'callsPerSecond', 'grpc-js'),
  ours('callsVsNet500x1', '500x1', 'callsPerSecond', 'net'),
  ours('callsVsNative500x1', '500x1', 'callsPerSecond', 'native'),
  ours('callsVsNativeShort100', 'short100', 'callsPerSecond', 'native'),
  ours('callsVsNativeShort8000', 'short8000', 'callsPerSecond', 'native'),
  ours('bytesVsNet16k', '16k', 'bodyBytesPerSecond', 'net'),
  ours('bytesVsGrpcJs1m', '1m', 'bodyBytesPerSecond', 'grpc-js'),
  ours('bytesVsNative1m', '1m', 'bodyBytesPerSecond', 'native'),
  ours('callsClientVsNiceGrpc50x1', 'nodeToNode50x1', 'callsPerSecond', 'nice-grpc'),
  ours('callsClientVsConnect50x1', 'nodeToNode50x1', 'callsPerSecond', 'connect'),
  ours('clientCpuVsGrpcJs50x1', 'nodeToNode50x1', 'clientCpuMicrosPerCall', 'grpc-js'),
  ours('callsPerClientCpuVsGrpcJs50x1', 'client50x1', 'callsPerClientCpuSecond', 'grpc-js'),
  ours('callsPerClientCpuVsNiceGrpc50x1', 'client50x1', 'callsPerClientCpuSecond', 'nice-grpc'),
  ours('callsPerClientCpuVsConnect50x1', 'client50x1', 'callsPerClientCpuSecond', 'connect'),
  ours('memoryVsNet50x20', '50x20', 'peakMemoryBytes', 'net'),
  ours('memoryVsGrpcJs50x20', '50x20', 'peakMemoryBytes', 'grpc-js'),
  ours('idleVsNet', 'idle', 'bytesPerConnection', 'net'),
  ours('idleVsGrpcJs', 'idle', 'bytesPerConnection', 'grpc-js'),
  ours('idleVsConnect', 'idle', 'bytesPerConnection', 'connect'),
  ours('coldStartVsNet', 'cold', 'firstReplyMs', 'net'),
  ours('coldStartVsGrpcJs', 'cold', 'firstReplyMs', 'grpc-js'),
  ours('coldStartVsNiceGrpc', 'cold', 'firstReplyMs', 'nice-grpc'),
  ours('coldStartVsConnect', 'cold', 'firstReplyMs', 'connect'),
  ...grpcRatioSpecs,
  ...tlsRatioSpecs,
];

/** A part of the comparison that can be run by itself; `whole`: all of it. */
export type Part = 'whole' | 'grpc' | 'tls';

export const ratioSpecsOf: Readonly<Record<Part, readonly RatioSpec[]>> = {
  whole: ratioSpecs,
  grpc: grpcRatioSpecs,
  tls: tlsRatioSpecs,
};

/** Those of the given ratios whose scenario and contenders were measured. */
export function ratiosOf(measured: Measured, specs: readonly RatioSpec[] = ratioSpecs): Ratio[] {
  return specs.flatMap((spec) => {
    const over = seriesOf(measured, spec.over);
    const under = spec.under === undefined ? over.map(() => 1) : seriesOf(measured, spec.under);
    if (over.length === 0 || under.length !== over.length) return [];
    const spread = spreadOf(over.map((value, round) => value / (under[round] ?? Number.NaN)));
    return [judged(spec, spread)];
  });
}

/** Keys of the ratios with a bar whose contenders took part, and that could not be told all the same. */
export function notMeasured(
  measured: Measured,
  specs: readonly RatioSpec[],
  ratios: readonly Ratio[],
): string[] {
  const told = new Set(ratios.map(({ key }) => key));
  const tookPart = ({ scenario, contender }: Term): boolean =>
    measured.get(scenario)?.has(contender) === true;
  return specs
    .filter(
      ({ key, bar, over, under = over }) =>
        bar !== undefined && !told.has(key) && tookPart(over) && tookPart(under),
    )
    .map(({ key }) => key);
}

function judged({ key, bar, atLeast, by }: RatioSpec, spread: Spread): Ratio {
  const value = spread[by];
  if (bar === undefined) return { key, value, spread, atLeast };
  return { key, value, spread, bar, atLeast, met: atLeast ? value >= bar : value <= bar };
}

/** One value for each round. */
function seriesOf(measured: Measured, { scenario, contender, figure }: Term): number[] {
  const rounds = measured.get(scenario)?.get(contender) ?? [];
  return rounds.flatMap((figures) => figures[figure] ?? []);
}
