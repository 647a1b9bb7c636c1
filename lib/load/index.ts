export { type LatencyBucket, latencyBuckets } from './distribution.ts';
export {
  type EncodedRequest,
  encodeRequest,
  type RequestOptions,
  UnknownMethodError,
} from './encode-request.ts';
export { htmlReport } from './html-report.ts';
export type { CountMode, DurationMode, LoadMode, LoadOptions, RateMode } from './load-options.ts';
export { type Latency, type LoadConfig, type LoadError, type LoadResult, loadConfig } from './load-result.ts';
export { OrderServer } from './own-server.ts';
export type { LoadProgress } from './progress.ts';
export { UnreachableError } from './reach.ts';
export { runLoad } from './run-load.ts';
export type { SeriesPoint } from './series.ts';
export { describeLoad, formatMs, textReport } from './text-report.ts';
