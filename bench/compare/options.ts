import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type ContenderName, contenderNames, type Protocol } from './contenders.ts';
import { grpcRatioSpecs } from './grpc-ratios.ts';
import { type Scenario, scenarios } from './scenarios.ts';

export const help = `npm run bench:compare -- [options]

Our server, by TinyPB ("rocket") and by gRPC ("rocket-grpc"), and our client beside grpc-js, nice-grpc, connect-node, a
TinyPB server on plain node:net ("net"), our core without JavaScript ("native"), grpc-go, tonic and grpc C++: round robin,
servers on core 0 and load on core 1 where there are two. scripts/setup-peers.sh builds the last three; those that are
missing are left out. Prints the ratios and, as the last line, one JSON object. A ratio is ours / theirs of the same
round. About 28 minutes.

  --grpc               only what is compared with our server called by gRPC (npm run bench:grpc)
  --quick              2 rounds of half a second, fewer contenders: 4 to 5 minutes, for a first look
  --rounds N           rounds (5)
  --seconds S          measured window of each run (2)
  --only A,B           only these scenarios: ${scenarios.map(({ key }) => key).join(', ')}
  --contenders A,B     only these: ${contenderNames.join(', ')}
  --no-pin             leave the choice of cores to the system
  --write, --no-write  write bench/results/compare.json, its tables and the README's; default: a whole run that is
                       not quick does
  --render             measure nothing: make the tables anew from compare.json
`;

/** Those the gRPC ratios name. */
const grpcContenders: ReadonlySet<ContenderName> = new Set(
  grpcRatioSpecs.flatMap(({ over, under = over }) => [over.contender, under.contender]),
);

export interface Options {
  /** Only the gRPC part. */
  readonly grpc: boolean;
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
  const { grpc, quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 2 : 5));
  const seconds = Number(values.seconds ?? (quick ? 0.5 : 2));
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds: a number from 1');
  if (!(seconds >= 0.2)) throw new RangeError('--seconds: a number from 0.2');
  if (values.pin && availableParallelism() < 2) throw new RangeError('--pin needs two cores');
  const whole = !grpc && values.only === undefined && values.contenders === undefined;
  if (values.write === true && !whole) throw new RangeError('--write needs every scenario and contender');
  return {
    grpc,
    quick,
    rounds,
    seconds,
    warmupSeconds: quick ? 0.3 : 1,
    // Until calls/s rise no further: grpc-js takes two seconds, connect-node four.
    primeSeconds: quick ? { tinypb: 1, h2: 2.5 } : { tinypb: 1.5, h2: 4.5 },
    clientWarmupSeconds: quick ? 2.5 : 4,
    idleConnections: quick ? 500 : 2000,
    scenarios: chosen(grpc ? grpcPart(part(quick)) : part(quick), values.only, values.contenders),
    pin: values.pin,
    write: values.write ?? (whole && !quick),
  };
}

/** The scenarios as they are measured in this kind of run. */
function part(quick: boolean): readonly Scenario[] {
  return scenarios.map((scenario) => {
    const { contenders, quickContenders, quickRounds, rounds = Number.POSITIVE_INFINITY } = scenario;
    return {
      ...scenario,
      rounds: quick ? (quickRounds ?? rounds) : rounds,
      contenders: quick ? (quickContenders ?? contenders) : contenders,
    };
  });
}

/** Of those in which our server is called by gRPC: the contenders it is compared with. */
function grpcPart(all: readonly Scenario[]): readonly Scenario[] {
  const ours: ContenderName = 'rocket-grpc';
  return all
    .filter(({ contenders }) => contenders.includes(ours))
    .map((scenario) => ({
      ...scenario,
      contenders: scenario.contenders.filter((name) => grpcContenders.has(name)),
    }));
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
