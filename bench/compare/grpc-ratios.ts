import { type RatioSpec, ratiosOver } from './ratio-spec.ts';

const ours = ratiosOver('rocket-grpc');

/** The same generator on both protocols of our server. */
function overTinypb(key: string, scenario: '50x1' | '50x20'): RatioSpec {
  const figure = 'cpuMicrosPerCall';
  return {
    key,
    over: { scenario: `loadgen${scenario}`, contender: 'rocket-grpc', figure },
    under: { scenario, contender: 'rocket', figure },
    atLeast: false,
    by: 'median',
  };
}

/** The ratios of our server called by gRPC, and of our client that calls by gRPC. */
export const grpcRatioSpecs: readonly RatioSpec[] = [
  ours('grpcCallsVsGrpcJs50x1', '50x1', 'callsPerSecond', 'grpc-js', 10),
  ours('grpcCpuVsGrpcJs50x1', '50x1', 'cpuMicrosPerCall', 'grpc-js', 1 / 10),
  ours('grpcCallsVsGrpcJs50x20', '50x20', 'callsPerSecond', 'grpc-js', 35),
  ours('grpcCpuVsGrpcGo50x1', '50x1', 'cpuMicrosPerCall', 'grpc-go', 0.5),
  ours('grpcCpuVsGrpcGo50x20', '50x20', 'cpuMicrosPerCall', 'grpc-go', 0.25),
  ours('grpcCpuVsTonic50x1', '50x1', 'cpuMicrosPerCall', 'tonic', 1),
  ours('grpcCpuVsTonic50x20', '50x20', 'cpuMicrosPerCall', 'tonic', 1),
  ours('grpcCpuVsTinypb50x1', '50x1', 'cpuMicrosPerCall', 'rocket', 1.25),
  ours('grpcCpuVsTinypb50x20', '50x20', 'cpuMicrosPerCall', 'rocket', 1.6),
  ours('grpcP50VsGrpcGo1x1', '1x1', 'p50Us', 'grpc-go', 1.2),
  ours('streamOutVsGrpcJs', 'streamOut', 'messagesPerCpuSecond', 'grpc-js', 10),
  ours('streamOutVsGrpcGo', 'streamOut', 'messagesPerCpuSecond', 'grpc-go', 1),
  ours('pingPongVsGrpcJs', 'pingPong', 'messagesPerCpuSecond', 'grpc-js', 8),
  ours('pingPongVsGrpcGo', 'pingPong', 'messagesPerCpuSecond', 'grpc-go', 0.8),
  ours('grpcBytesVsGrpcJs16k', '16k', 'bodyBytesPerSecond', 'grpc-js', 4),
  ours('grpcBytesVsGrpcJs1m', '1m', 'bodyBytesPerSecond', 'grpc-js', 2),
  {
    key: 'grpcIdleBytes',
    over: { scenario: 'idle', contender: 'rocket-grpc', figure: 'bytesPerConnection' },
    bar: 6144,
    atLeast: false,
    by: 'median',
  },
  ours('grpcClientVsGrpcJs50x1', 'grpcClient50x1', 'callsPerClientCpuSecond', 'grpc-js', 20),
  ours('grpcClientVsGrpcJs50x20', 'grpcClient50x20', 'callsPerClientCpuSecond', 'grpc-js', 30),
  ours('grpcClientVsGrpcGo50x1', 'grpcClient50x1', 'callsPerClientCpuSecond', 'grpc-go', 1.2),
  ours('grpcClientStreamVsGrpcJs', 'clientStreamIn', 'messagesPerClientCpuSecond', 'grpc-js', 10),
  ours('grpcClientP50VsGrpcJs1x1', 'grpcClient1x1', 'p50Us', 'grpc-js', 0.6),
  ours('grpcUploadVsGrpcJs', 'upload', 'bodyBytesPerSecond', 'grpc-js', 2),
  // Without a bar. By our own generator: h2load is slower than what it measures at 50 x 20, and TinyPB has no h2load.
  ours('grpcCallsVsGrpcJs50x1ByLoadgen', 'loadgen50x1', 'callsPerSecond', 'grpc-js'),
  ours('grpcCpuVsGrpcJs50x1ByLoadgen', 'loadgen50x1', 'cpuMicrosPerCall', 'grpc-js'),
  ours('grpcCallsVsGrpcJs50x20ByLoadgen', 'loadgen50x20', 'callsPerSecond', 'grpc-js'),
  ours('grpcCpuVsGrpcGo50x1ByLoadgen', 'loadgen50x1', 'cpuMicrosPerCall', 'grpc-go'),
  ours('grpcCpuVsGrpcGo50x20ByLoadgen', 'loadgen50x20', 'cpuMicrosPerCall', 'grpc-go'),
  ours('grpcCpuVsTonic50x1ByLoadgen', 'loadgen50x1', 'cpuMicrosPerCall', 'tonic'),
  ours('grpcCpuVsTonic50x20ByLoadgen', 'loadgen50x20', 'cpuMicrosPerCall', 'tonic'),
  overTinypb('grpcCpuVsTinypb50x1ByLoadgen', '50x1'),
  overTinypb('grpcCpuVsTinypb50x20ByLoadgen', '50x20'),
  ours('grpcCallsVsGrpcGo50x1', '50x1', 'callsPerSecond', 'grpc-go'),
  ours('grpcCallsVsTonic50x1', '50x1', 'callsPerSecond', 'tonic'),
  ours('grpcCallsVsGrpcCpp50x1', '50x1', 'callsPerSecond', 'grpc-cpp'),
  ours('grpcCpuVsGrpcCpp50x1', '50x1', 'cpuMicrosPerCall', 'grpc-cpp'),
  ours('grpcCallsVsGrpcGo50x20', '50x20', 'callsPerSecond', 'grpc-go'),
  ours('grpcCallsVsTonic50x20', '50x20', 'callsPerSecond', 'tonic'),
  ours('grpcCpuVsGrpcCpp50x20', '50x20', 'cpuMicrosPerCall', 'grpc-cpp'),
  ours('streamOutRateVsGrpcGo', 'streamOut', 'messagesPerSecond', 'grpc-go'),
  ours('pingPongRateVsGrpcGo', 'pingPong', 'messagesPerSecond', 'grpc-go'),
  ours('pingPongP50VsGrpcGo', 'pingPong', 'p50Us', 'grpc-go'),
  ours('grpcP50VsTonic1x1', '1x1', 'p50Us', 'tonic'),
  ours('grpcP50VsTinypb1x1', '1x1', 'p50Us', 'rocket'),
  ours('grpcBytesVsGrpcGo16k', '16k', 'bodyBytesPerSecond', 'grpc-go'),
  ours('grpcBytesVsTonic16k', '16k', 'bodyBytesPerSecond', 'tonic'),
  ours('grpcBytesVsGrpcGo1m', '1m', 'bodyBytesPerSecond', 'grpc-go'),
  ours('grpcBytesVsTonic1m', '1m', 'bodyBytesPerSecond', 'tonic'),
  ours('grpcBytesVsTinypb1m', '1m', 'bodyBytesPerSecond', 'rocket'),
  ours('grpcClientVsGrpcGo50x20', 'grpcClient50x20', 'callsPerClientCpuSecond', 'grpc-go'),
  ours('grpcClientP50VsGrpcGo1x1', 'grpcClient1x1', 'p50Us', 'grpc-go'),
  ours('grpcClientOneStreamVsGrpcJs', 'clientStreamIn1', 'messagesPerClientCpuSecond', 'grpc-js'),
  ours('grpcUploadToGoVsGrpcJs', 'uploadToGo', 'bodyBytesPerSecond', 'grpc-js'),
];
