import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type ContenderName, contenderNames, type Protocol } from './contenders.ts';
import { type Part, ratioSpecsOf } from './ratios.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';

export const help = `npm run bench:compare -- [options]

Our server and our client, by TinyPB ("rocket") and by gRPC ("rocket-grpc"), beside grpc-js, nice-grpc, connect-node, a
TinyPB server on plain node:net ("net"), node:tls ("node-tls"), our core without JavaScript ("native"), grpc-go, tonic
and grpc C++: round robin, servers on core 0 and load on core 1 where there are two. scripts/setup-peers.sh builds the last
three and the drivers of streams and handshakes; what is missing is left out. Prints the ratios and, as the last line,
one JSON object. A ratio is ours / theirs of the same round. About 50 minutes.

  --grpc               only the ratios of gRPC, server and client (npm run bench:grpc)
  --tls                only the ratios of TLS (npm run bench:tls)
  --quick              2 rounds of half a second, fewer contenders: 9 minutes, for a first look
  --rounds N           rounds (5)
  --seconds S          measured window of each run (2)
  --only A,B           only these scenarios: ${scenarios.map(({ key }) => key).join(', ')}
  --contenders A,B     only these: ${contenderNames.join(', ')}
  --no-pin             leave the choice of cores to the system
  --write, --no-write  write bench/results/compare.json, its tables and the README's; default: a whole run that is
                       not quick does
  --render             measure nothing: make the tables anew from compare.json
`;

export interface Options {
  readonly part: Part;
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly primeSeconds: Readonly<Record<Protocol, number>>;
  /** A new client process starts with cold code. */
  readonly clientWarmupSeconds: number;
  readonly idleConnections: number;
  readonly scenarios: readonly Scenario[];
  readonly pin: boolean;
  readonly write: boolean;
}

/** `help` and `render` ask for something else than a measurement. Throws RangeError for wrong values. */
export function parseOptions(args: readonly string[]): Options | 'help' | 'render' {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      grpc: { type: 'boolean', default: false },
      tls: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      contenders: { type: 'string' },
      pin: { type: 'boolean', default: availableParallelism() >= 2 },
      write: { type: 'boolean' },
      render: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.render) return 'render';
  const { grpc, tls, quick } = values;
  if (grpc && tls) throw new RangeError('--grpc and --tls: one of them');
  const part = grpc ? 'grpc' : tls ? 'tls' : 'whole';
  const rounds = Number(values.rounds ?? (quick ? 2 : 5));
  const seconds = Number(values.seconds ?? (quick ? 0.5 : 2));
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds: a number from 1');
  if (!(seconds >= 0.2)) throw new RangeError('--seconds: a number from 0.2');
  if (values.pin && availableParallelism() < 2) throw new RangeError('--pin needs two cores');
  const whole = part === 'whole' && values.only === undefined && values.contenders === undefined;
  if (values.write === true && !whole) throw new RangeError('--write needs every scenario and contender');
  return {
    part,
    quick,
    rounds,
    seconds,
    warmupSeconds: quick ? 0.3 : 1,
    // Until calls/s rise no further: grpc-js takes two seconds, connect-node four.
    primeSeconds: quick ? { tinypb: 1, h2: 2.5 } : { tinypb: 1.5, h2: 4.5 },
    clientWarmupSeconds: quick ? 2 : 4,
    idleConnections: quick ? 500 : 2000,
    scenarios: chosen(partOf(asMeasured(quick), part), values.only, values.contenders),
    pin: values.pin,
    write: values.write ?? (whole && !quick),
  };
}

/** The scenarios as they are measured in this kind of run. */
function asMeasured(quick: boolean): readonly Scenario[] {
  return scenarios.map((scenario) => {
    const { contenders, quickContenders, quickRounds, rounds = Number.POSITIVE_INFINITY } = scenario;
    return {
      ...scenario,
      rounds: quick ? (quickRounds ?? rounds) : rounds,
      contenders: quick ? (quickContenders ?? contenders) : contenders,
    };
  });
}

/** What the ratios of the part name. */
function partOf(all: readonly Scenario[], part: Part): readonly Scenario[] {
  if (part === 'whole') return all;
  const terms = ratioSpecsOf[part].flatMap(({ over, under = over }) => [over, under]);
  const named = new Set(terms.map(({ scenario, contender }) => `${scenario} ${contender}`));
  return all
    .map((scenario) => ({
      ...scenario,
      contenders: scenario.contenders.filter((name) => named.has(`${scenario.key} ${name}`)),
    }))
    .filter(({ contenders }) => contenders.length > 0);
}

function chosen(
  from: readonly Scenario[],
  only: string | undefined,
  names: string | undefined,
): readonly Scenario[] {
  const keys = listed(
    '--only',
    only,
    scenarios.map(({ key }) => key),
  );
  const wanted = listed<ContenderName>('--contenders', names, contenderNames);
  return from
    .filter(({ key }) => keys.includes(key))
    .map((scenario) => ({
      ...scenario,
      contenders: scenario.contenders.filter((name) => wanted.includes(name)),
    }))
    .filter(({ contenders }) => contenders.length > 0);
}

function listed<T extends string>(
  option: string,
  text: string | undefined,
  known: readonly T[],
): readonly T[] {
  if (text === undefined) return known;
  return text.split(',').map((name) => {
    const found = known.find((value) => value === name);
    if (found === undefined) throw new RangeError(`${option}: ${name} is none of ${known.join(', ')}`);
    return found;
  });
}
