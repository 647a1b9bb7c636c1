import type { FigureName } from './figures.ts';
import { type RatioSpec, ratiosOver, type Term } from './ratio-spec.ts';

const ours = ratiosOver('rocket-grpc');
const term = (scenario: string, figure: FigureName): Term => ({ scenario, contender: 'rocket-grpc', figure });

/** The ratios of our server with TLS: called by gRPC, and its handshakes. */
export const tlsRatioSpecs: readonly RatioSpec[] = [
  ofPlain('tlsCpuVsPlain50x1', 'tls50x1', '50x1', 1.5),
  ofPlain('tlsCpuVsPlain50x20', 'tls50x20', '50x20', 1.7),
  ours('tlsCallsVsGrpcJs50x1', 'tls50x1', 'callsPerSecond', 'grpc-js', 9),
  ours('tlsCpuVsGrpcGo50x1', 'tls50x1', 'cpuMicrosPerCall', 'grpc-go', 0.7),
  ours('tlsBytesVsGrpcJs1m', 'tls1m', 'bodyBytesPerSecond', 'grpc-js', 1.5),
  ours('handshakesVsNodeTls', 'handshakes', 'handshakesPerCpuSecond', 'node-tls', 1),
  {
    key: 'tlsIdleBytes',
    over: term('tlsIdle', 'bytesPerConnection'),
    bar: 24 * 1024,
    atLeast: false,
    by: 'median',
  },
  {
    key: 'tlsHandshakeStormP99',
    over: term('tlsStorm', 'stormP99Us'),
    under: term('tlsStorm', 'p99Us'),
    bar: 3,
    atLeast: false,
    by: 'median',
  },
  // Without a bar.
  ours('tlsCpuVsGrpcJs50x1', 'tls50x1', 'cpuMicrosPerCall', 'grpc-js'),
  ours('tlsCallsVsGrpcGo50x1', 'tls50x1', 'callsPerSecond', 'grpc-go'),
  ours('tlsCallsVsGrpcJs50x20', 'tls50x20', 'callsPerSecond', 'grpc-js'),
  ours('tlsCpuVsGrpcGo50x20', 'tls50x20', 'cpuMicrosPerCall', 'grpc-go'),
  ours('tlsBytesVsGrpcGo1m', 'tls1m', 'bodyBytesPerSecond', 'grpc-go'),
];

/** CPU of a call with TLS over that of one without. */
function ofPlain(key: string, tls: string, plain: string, bar: number): RatioSpec {
  const figure = 'cpuMicrosPerCall';
  return { key, over: term(tls, figure), under: term(plain, figure), bar, atLeast: false, by: 'median' };
}
