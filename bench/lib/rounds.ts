/** Something that can be measured again and again, started anew for every round. */
export interface Contender<Server> {
  readonly name: string;
  start(): Promise<Server>;
  stop(server: Server): Promise<void>;
}

export interface RoundsOptions<Server, Scenario, Figures> {
  readonly rounds: number;
  readonly contenders: readonly Contender<Server>[];
  readonly scenarios: readonly Scenario[];
  measure(server: Server, scenario: Scenario): Promise<Figures>;
  /** Called after each measurement. */
  onMeasured(round: number, contender: string, scenario: Scenario, figures: Figures): void;
}

/** Per scenario, per contender's name: the figures of each round, in the order of the rounds. */
export type RoundFigures<Scenario, Figures> = Map<Scenario, Map<string, Figures[]>>;

/**
 * Measures the contenders in turns: within a round and a scenario directly one after the other, so both meet the
 * same mood of the machine, and in an order that changes every round, so neither is always the one that goes first.
 * The first failure ends it.
 */
export async function runRounds<Server, Scenario, Figures>(
  options: RoundsOptions<Server, Scenario, Figures>,
): Promise<RoundFigures<Scenario, Figures>> {
  const figures: RoundFigures<Scenario, Figures> = new Map();
  for (let round = 0; round < options.rounds; round++) {
    const started: { contender: Contender<Server>; server: Server }[] = [];
    try {
      for (const contender of rotated(options.contenders, round)) {
        started.push({ contender, server: await contender.start() });
      }
      for (const scenario of options.scenarios) {
        for (const { contender, server } of started) {
          const measured = await options.measure(server, scenario);
          record(figures, scenario, contender.name, measured);
          options.onMeasured(round, contender.name, scenario, measured);
        }
      }
    } finally {
      for (const { contender, server } of started) await contender.stop(server);
    }
  }
  return figures;
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function record<Scenario, Figures>(
  figures: RoundFigures<Scenario, Figures>,
  scenario: Scenario,
  contender: string,
  measured: Figures,
): void {
  const byContender = figures.get(scenario) ?? new Map<string, Figures[]>();
  figures.set(scenario, byContender);
  const rounds = byContender.get(contender) ?? [];
  byContender.set(contender, rounds);
  rounds.push(measured);
}
