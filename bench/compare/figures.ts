/** What is measured; not every scenario yields every figure. */
export const figureNames = [
  'callsPerSecond',
  'bodyBytesPerSecond',
  'p50Us',
  'p99Us',
  'p999Us',
  'cpuMicrosPerCall',
  'jsCpuMicrosPerCall',
  'clientCpuMicrosPerCall',
  'callsPerClientCpuSecond',
  'messagesPerSecond',
  'messagesPerCpuSecond',
  'messagesPerClientCpuSecond',
  'cpuMicrosPerMessage',
  'jsCpuMicrosPerMessage',
  'handshakesPerSecond',
  'handshakesPerCpuSecond',
  'stormP99Us',
  'peakMemoryBytes',
  'failures',
  'bytesPerConnection',
  'firstReplyMs',
] as const;
export type FigureName = (typeof figureNames)[number];
export type Figures = Readonly<Partial<Record<FigureName, number>>>;

interface FigureText {
  readonly label: string;
  /** How many of its units are one of the label's. */
  readonly per: number;
  readonly higherIsBetter: boolean;
}

const mebibyte = 1024 * 1024;

export const figureTexts: Readonly<Record<FigureName, FigureText>> = {
  callsPerSecond: { label: 'calls/s', per: 1, higherIsBetter: true },
  bodyBytesPerSecond: { label: 'bodies, MiB/s', per: mebibyte, higherIsBetter: true },
  p50Us: { label: 'p50, µs', per: 1, higherIsBetter: false },
  p99Us: { label: 'p99, µs', per: 1, higherIsBetter: false },
  p999Us: { label: 'p99.9, µs', per: 1, higherIsBetter: false },
  cpuMicrosPerCall: { label: 'server CPU, µs/call', per: 1, higherIsBetter: false },
  jsCpuMicrosPerCall: { label: 'its JS thread, µs/call', per: 1, higherIsBetter: false },
  clientCpuMicrosPerCall: { label: 'client CPU, µs/call', per: 1, higherIsBetter: false },
  callsPerClientCpuSecond: { label: 'calls per CPU second of the client', per: 1, higherIsBetter: true },
  messagesPerSecond: { label: 'messages/s', per: 1, higherIsBetter: true },
  messagesPerCpuSecond: { label: 'messages per CPU second of the server', per: 1, higherIsBetter: true },
  messagesPerClientCpuSecond: {
    label: 'messages per CPU second of the client',
    per: 1,
    higherIsBetter: true,
  },
  cpuMicrosPerMessage: { label: 'server CPU, µs/message', per: 1, higherIsBetter: false },
  jsCpuMicrosPerMessage: { label: 'its JS thread, µs/message', per: 1, higherIsBetter: false },
  handshakesPerSecond: { label: 'handshakes/s', per: 1, higherIsBetter: true },
  handshakesPerCpuSecond: { label: 'handshakes per CPU second of the server', per: 1, higherIsBetter: true },
  stormP99Us: { label: 'p99 amid handshakes, µs', per: 1, higherIsBetter: false },
  peakMemoryBytes: { label: 'peak memory, MiB', per: mebibyte, higherIsBetter: false },
  failures: { label: 'failed calls', per: 1, higherIsBetter: false },
  bytesPerConnection: { label: 'bytes per connection', per: 1, higherIsBetter: false },
  firstReplyMs: { label: 'ms', per: 1, higherIsBetter: false },
};
