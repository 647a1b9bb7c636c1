import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { takesPart, withoutAbsent } from '../../bench/compare/absent.ts';
import { type ContenderName, contenderNames, contenders } from '../../bench/compare/contenders.ts';
import type { Figures } from '../../bench/compare/figures.ts';
import { grpcRatioSpecs } from '../../bench/compare/grpc-ratios.ts';
import { readmeWithTable, resultsMarkdown } from '../../bench/compare/markdown.ts';
import { notMeasured, ratioSpecs, ratiosOf } from '../../bench/compare/ratios.ts';
import type { Results } from '../../bench/compare/results.ts';
import { type Measured, stepsOf } from '../../bench/compare/run.ts';
import { scenarios } from '../../bench/compare/scenarios.ts';
import { readResults, resultPaths } from '../../bench/compare/write.ts';
import { handshakeCommand } from '../../bench/lib/handshake-load.ts';
import { streamArguments } from '../../bench/lib/stream-load.ts';

describe('the written results', () => {
  const results = readResults();

  it('compare.md is what compare.json gives', () => {
    expect(readFileSync(resultPaths.markdown, 'utf8')).toBe(resultsMarkdown(results));
  });

  it.each(resultPaths.readmes)('the table of %s is what compare.json gives', (path) => {
    const readme = readFileSync(path, 'utf8');
    expect(readme).toBe(readmeWithTable(readme, results));
  });

  it('they hold every ratio that has a bar', () => {
    const written = new Set(results.ratios.map(({ key }) => key));
    const barred = ratioSpecs.filter(({ bar }) => bar !== undefined);
    const measured = barred.filter(
      ({ over, under = over }) => ![over, under].some(({ contender }) => results.absent.includes(contender)),
    );
    expect(measured.map(({ key }) => key).filter((key) => !written.has(key))).toEqual([]);
  });
});

describe('tables', () => {
  const spread = { median: 7, min: 6, max: 8, q1: 6, q3: 8 };
  const results: Results = {
    ...readResults(),
    absent: ['grpc-go', 'tonic'],
    scenarios: [{ key: '50x1', title: 'Fifty', contenders: { 'rocket-grpc': { callsPerSecond: spread } } }],
  };

  it('have no column of a contender that was not there, and say so', () => {
    const markdown = resultsMarkdown(results);
    expect(markdown).toContain('Not measured: grpc-go, tonic.');
    expect(markdown).toContain('| calls/s | 7.00 (6.00 … 8.00) |');
    const readme = readmeWithTable('<!-- bench:begin --><!-- bench:end -->', results);
    const head = readme.split('\n').find((line) => line.includes('grpc-js'));
    expect(head).toContain('by gRPC');
    expect(head).toContain('grpc C++');
    expect(head).not.toMatch(/grpc-go|tonic/);
  });

  it('do not speak of absence when all were there', () => {
    expect(resultsMarkdown({ ...results, absent: [] })).not.toContain('Not measured');
  });
});

describe('ratios', () => {
  function measured(scenario: string, rounds: Partial<Record<ContenderName, Figures[]>>): Measured {
    return new Map([[scenario, new Map(Object.entries(rounds) as [ContenderName, Figures[]][])]]);
  }

  function ratio(from: Measured, key: string) {
    return ratiosOf(from).find((one) => one.key === key);
  }

  it('are taken within a round, and their median is judged', () => {
    const figures = measured('50x1', {
      rocket: [{ callsPerSecond: 100 }, { callsPerSecond: 300 }, { callsPerSecond: 240 }],
      net: [{ callsPerSecond: 100 }, { callsPerSecond: 100 }, { callsPerSecond: 200 }],
    });
    expect(ratio(figures, 'callsVsNet50x1')).toMatchObject({
      value: 1.2,
      met: false,
      spread: { min: 1, max: 3 },
    });
  });

  it('of our server called by gRPC have TinyPB or a peer below the line', () => {
    const figures = measured('50x1', {
      rocket: [{ cpuMicrosPerCall: 8 }],
      'rocket-grpc': [{ cpuMicrosPerCall: 9 }],
      'grpc-go': [{ cpuMicrosPerCall: 20 }],
    });
    expect(ratio(figures, 'grpcCpuVsTinypb50x1')).toMatchObject({ value: 1.125, met: true });
    expect(ratio(figures, 'grpcCpuVsGrpcGo50x1')).toMatchObject({ value: 0.45, met: true });
    expect(ratiosOf(figures, grpcRatioSpecs)).toEqual(ratiosOf(figures));
  });

  it('can be a figure by itself', () => {
    const figures = measured('idle', { 'rocket-grpc': [{ bytesPerConnection: 7000 }] });
    expect(ratio(figures, 'grpcIdleBytes')).toMatchObject({ value: 7000, bar: 6144, met: false });
  });

  it('with TLS have the same without TLS below the line', () => {
    const figures: Measured = new Map([
      ...measured('tls50x1', { 'rocket-grpc': [{ cpuMicrosPerCall: 12 }, { cpuMicrosPerCall: 13 }] }),
      ...measured('50x1', { 'rocket-grpc': [{ cpuMicrosPerCall: 10 }, { cpuMicrosPerCall: 10 }] }),
    ]);
    expect(ratio(figures, 'tlsCpuVsPlain50x1')).toMatchObject({ value: 1.25, bar: 1.5, met: true });
  });

  it('of our client are of calls for its own CPU time', () => {
    const figures = measured('grpcClient50x1', {
      'rocket-grpc': [{ callsPerSecond: 50, callsPerClientCpuSecond: 200 }],
      'grpc-js': [{ callsPerSecond: 50, callsPerClientCpuSecond: 10 }],
    });
    expect(ratio(figures, 'grpcClientVsGrpcJs50x1')).toMatchObject({ value: 20, met: true });
  });

  it('of a storm are of its p99 over that without', () => {
    const figures = measured('tlsStorm', { 'rocket-grpc': [{ p99Us: 100, stormP99Us: 400 }] });
    expect(ratio(figures, 'tlsHandshakeStormP99')).toMatchObject({ value: 4, met: false });
  });

  it('whose figure could not be told are named, not those whose contender was not there', () => {
    const figures = measured('idle', { 'rocket-grpc': [{}] });
    expect(notMeasured(figures, ratioSpecs, ratiosOf(figures))).toEqual(['grpcIdleBytes']);
    expect(notMeasured(new Map(), ratioSpecs, [])).toEqual([]);
  });

  it('that must stay below a bar are met below it', () => {
    const figures = measured('50x1', { rocket: [{ cpuMicrosPerCall: 6 }], net: [{ cpuMicrosPerCall: 10 }] });
    expect(ratio(figures, 'cpuVsNet50x1')).toMatchObject({ value: 0.6, met: true });
  });

  it('a failure in any round counts, not that of the median round', () => {
    const rounds = [{ failures: 0 }, { failures: 0 }, { failures: 2 }];
    expect(ratio(measured('short8000', { rocket: rounds }), 'failuresShort8000')).toMatchObject({
      value: 2,
      met: false,
    });
  });

  it('are left out when one side was not measured', () => {
    expect(ratiosOf(measured('50x1', { rocket: [{ callsPerSecond: 1 }] }))).toEqual([]);
  });

  it('are of scenarios and contenders that exist and have different names', () => {
    const isIn = (scenario: string, name: ContenderName): boolean =>
      scenarios.some(({ key, contenders }) => key === scenario && contenders.includes(name));
    for (const { key, over, under = over } of ratioSpecs) {
      expect(isIn(over.scenario, over.contender), key).toBe(true);
      expect(isIn(under.scenario, under.contender), key).toBe(true);
    }
    expect(new Set(ratioSpecs.map(({ key }) => key)).size).toBe(ratioSpecs.length);
  });
});

describe('the driver of streams', () => {
  it('gets what is asked for by its own names', () => {
    const load = { port: 1, method: 'echo', connections: 2, streamsPerConnection: 3, seconds: 4 } as const;
    const args = streamArguments({ ...load, warmupSeconds: 5 }).join(' ');
    expect(args).toBe('-port 1 -method echo -connections 2 -streams 3 -seconds 4 -warmup 5');
  });
});

describe('the driver of handshakes', () => {
  const load = { port: 1, seconds: 4, warmupSeconds: 5 };

  it.each([
    [{ callers: 2 }, '-port 1 -callers 2 -seconds 4 -warmup 5'],
    [{ rate: 500 }, '-port 1 -rate 500 -seconds 4 -warmup 5'],
  ])('gets what is asked for by its own names', (arrivals, expected) => {
    expect(
      handshakeCommand({ ...load, arrivals })
        .slice(1)
        .join(' '),
    ).toBe(expected);
  });
});

describe('contenders that are not installed', () => {
  const [first] = scenarios;
  if (first === undefined) throw new Error('no scenario');

  it('are left out and named, and so are scenarios without anybody', () => {
    const asked = [
      { ...first, key: 'a', contenders: ['rocket-grpc', 'tonic', 'grpc-go'] as const },
      { ...first, key: 'b', contenders: ['tonic'] as const },
    ];
    const { scenarios: left, absent, leftOut } = withoutAbsent(asked, (name) => name !== 'tonic');
    expect(left.map(({ key, contenders }) => [key, contenders])).toEqual([['a', ['rocket-grpc', 'grpc-go']]]);
    expect(absent).toEqual(['tonic']);
    expect(leftOut).toEqual(['tonic in a, b']);
  });

  it('that take part elsewhere are not absent', () => {
    const asked = [
      { ...first, key: 'a', contenders: ['rocket-grpc', 'tonic'] as const },
      { ...first, key: 'b', contenders: ['tonic'] as const },
    ];
    const { scenarios: left, ...rest } = withoutAbsent(asked, (_name, { key }) => key === 'a');
    expect(left.map(({ key }) => key)).toEqual(['a']);
    expect(rest).toEqual({ absent: [], leftOut: ['tonic in b'] });
  });

  it('and servers without streams leave the streams', () => {
    const streams = scenarios.find(({ kind }) => kind === 'stream');
    if (streams === undefined) throw new Error('no streams');
    expect(takesPart('nice-grpc', streams)).toBe(false);
    expect(takesPart('nice-grpc', first)).toBe(true);
  });

  it('all that is asked for stays when nothing is missing', () => {
    expect(withoutAbsent(scenarios, () => true)).toEqual({ scenarios, absent: [], leftOut: [] });
  });

  it('only servers of other languages can be missing', () => {
    const optional = contenderNames.filter((name) => contenders[name].peer !== undefined);
    expect(optional).toEqual(['grpc-go', 'tonic', 'grpc-cpp']);
  });

  it('of those of other languages the pinned versions are known', () => {
    expect(contenders['grpc-go'].peer?.version()).toMatch(/^\d+\.\d+\.\d+$/);
    expect(contenders.tonic.peer?.version()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('steps', () => {
  it('go round by round, contenders side by side, another one first each time', () => {
    const [scenario] = scenarios;
    if (scenario === undefined) throw new Error('no scenario');
    const two = { ...scenario, contenders: ['rocket', 'net'] as const };
    const order = stepsOf(2, [two]).map(({ round, contender }) => `${round} ${contender}`);
    expect(order).toEqual(['0 rocket', '0 net', '1 net', '1 rocket']);
  });

  it('of a scenario with fewer rounds end earlier', () => {
    const [scenario] = scenarios;
    if (scenario === undefined) throw new Error('no scenario');
    const once = { ...scenario, contenders: ['rocket'] as const, rounds: 1 };
    expect(stepsOf(3, [once])).toHaveLength(1);
  });
});
