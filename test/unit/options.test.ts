import { describe, expect, it } from 'vitest';
import { Channel, type ChannelOptions, Server, type ServerOptions } from '../../lib/index.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';

const day = 86_400_000;
const bad: [name: string, values: unknown[]][] = [
  ['ioThreads', [0, -1, 129, 1.5, '2', Number.NaN, null]],
  ['maxFrameBytes', [0, 63, (1 << 30) + 1, 100.5]],
  ['maxCallsInFlight', [0, (1 << 20) + 1, Number.POSITIVE_INFINITY]],
];
const badForServers: typeof bad = [
  ['maxWriteQueueBytes', [0, 1023, 2 ** 31]],
  ['frameTimeoutMs', [0, -5, day + 1, Number.NaN]],
  ['idleTimeoutMs', [-1, day + 1, '5']],
  ['maxConnectionAgeMs', [-1, day + 1, '5']],
  ['maxConnectionAgeGraceMs', [-1, day + 1]],
  ['maxConnectionIdleMs', [-1, Number.NaN]],
  ['keepaliveTimeMs', [-1, day + 1]],
  ['keepaliveTimeoutMs', [0, day + 1]],
  ['minPingIntervalMs', [-1, day + 1]],
  ['maxConcurrentStreams', [0, 2 ** 21]],
  ['maxCallsPerConnection', [0, 2 ** 21]],
  ['maxConnections', [0, 2 ** 21]],
  ['defaultTimeoutMs', [0, day + 1, Number.POSITIVE_INFINITY]],
  ['backlog', [0, 65_536]],
];
const badForChannels: typeof bad = [
  ['connections', [0, 1025]],
  ['connection', ['long', 5]],
  ['connectTimeoutMs', [0, day + 1]],
  ['timeoutMs', [0, -1, day + 1, '100']],
  ['maxQueuedBytes', [0, 1023]],
  ['balancer', ['random']],
];

function cases(...tables: (typeof bad)[]): [name: string, value: unknown][] {
  return tables.flat().flatMap(([name, values]) => values.map((value): [string, unknown] => [name, value]));
}

describe('options of a server', () => {
  it.each(cases(bad, badForServers))('%s: %s is refused by name', (name, value) => {
    const make = () => new Server({ [name]: value } as ServerOptions);
    expect(make).toThrow(RangeError);
    expect(make).toThrow(name);
  });

  it('that are unknown are refused, with a list of those there are', () => {
    expect(() => new Server({ maxFrameByte: 5 } as ServerOptions)).toThrow(
      /no option maxFrameByte;.*maxFrameBytes/,
    );
    expect(() => new Server({ timeoutMs: 5 } as ServerOptions)).toThrow(TypeError);
  });

  it('at their limits are taken, and undefined is the default', async () => {
    const network = new MemoryNetwork();
    const options: ServerOptions = {
      ioThreads: 128,
      maxFrameBytes: 64,
      maxWriteQueueBytes: 1024,
      frameTimeoutMs: 0.1 + 0.9,
      idleTimeoutMs: 0,
      maxCallsPerConnection: 1,
      maxCallsInFlight: 1 << 20,
      maxConnections: 1,
      defaultTimeoutMs: day,
      backlog: 65_535,
      transport: network.serverTransport,
    };
    const { address } = await new Server(options).listen('10.0.0.1:0');
    expect(network.servers.get(address)?.options).toMatchObject({
      ioThreads: 128,
      idleTimeoutMs: 0,
      frameTimeoutMs: 1,
    });
    new Server({ ioThreads: undefined } as unknown as ServerOptions);
  });

  it('have the documented defaults', async () => {
    const network = new MemoryNetwork();
    const { address } = await new Server({ transport: network.serverTransport }).listen('10.0.0.1:0');
    expect(network.servers.get(address)?.options).toMatchObject({
      maxFrameBytes: 4 << 20,
      maxWriteQueueBytes: 4 << 20,
      frameTimeoutMs: 10_000,
      idleTimeoutMs: 300_000,
      maxCallsPerConnection: 1024,
      maxCallsInFlight: 65_536,
      maxConnections: 65_536,
      maxConcurrentStreams: 1024,
      maxConnectionAgeMs: 0,
      maxConnectionAgeGraceMs: 0,
      maxConnectionIdleMs: 0,
      keepaliveTimeMs: 7_200_000,
      keepaliveTimeoutMs: 20_000,
      minPingIntervalMs: 300_000,
      permitPingsWithoutCalls: false,
      defaultTimeoutMs: 30_000,
    });
  });
});

describe('options of a channel', () => {
  const transport = new MemoryNetwork().clientTransport;
  const make = (options: object) => new Channel('10.0.0.1:1', { transport, ...options } as ChannelOptions);

  it.each(cases(bad, badForChannels))('%s: %s is refused by name', (name, value) => {
    expect(() => make({ [name]: value })).toThrow(
      name === 'balancer' || name === 'connection' ? TypeError : RangeError,
    );
    expect(() => make({ [name]: value })).toThrow(name);
  });

  it.each([
    [{ minMs: 0 }, 'backoff.minMs'],
    [{ maxMs: -1 }, 'backoff.maxMs'],
  ])('backoff %j is refused by name', (backoff, text) => {
    expect(() => make({ backoff })).toThrow(text);
  });

  it('that are unknown are refused, also inside backoff', () => {
    expect(() => make({ timeout: 5 })).toThrow(/no option timeout;.*timeoutMs/);
    expect(() => make({ backoff: { min: 5 } })).toThrow(TypeError);
  });

  it('is refused where it needs another', () => {
    expect(() => new Channel('zookeeper:///Order', { transport })).toThrow('resolver');
  });
});
