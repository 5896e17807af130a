/** The process is killed once it has recorded so many messages of that type. */
interface Recorded {
  readonly type: string;
  readonly count: number;
}

/** Or once it has replayed so many hours of traffic after so many weeks. */
interface Replayed {
  readonly weeksDone: number;
  readonly hoursSent: number;
}

export type KillPoint = Recorded | Replayed;

/** Messages after which a phase is at work. Each first stands for its phase in the first cycle, each second in the second. */
const PHASES: readonly (readonly [first: Recorded, second: Recorded])[] = [
  [at('PrepareSnapshot', 1), at('PrepareSnapshot', 2)],
  [at('LabelCampaignOpened', 1), at('LabelCampaignOpened', 2)],
  [at('TrainCandidate', 1), at('TrainCandidate', 3)],
  [at('CandidateTrained', 1), at('CandidateTrained', 3)],
  [at('EvaluateCandidate', 1), at('EvaluateCandidate', 2)],
  [at('ModelRegistered', 1), at('ModelRegistered', 2)],
];

/**
 * Where to kill the small story, in the order of its events: while data comes in, in every phase of a cycle, between cycles
 * while the model serves, at several hours of a rollout, and at a quarantine.
 */
export function killPlan(seed: number): KillPoint[] {
  const random = mulberry32(seed);
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const cycles = PHASES.map(([first, second]) => (random() < 0.5 ? { first } : { second }));
  return [
    at('ArrivalAccepted', 1),
    ...cycles.flatMap(({ first }) => first ?? []),
    { weeksDone: 1, hoursSent: between(24, 140) },
    at('ArrivalMerged', 1),
    ...cycles.flatMap(({ second }) => second ?? []),
    at('AnalysisMeasured', between(1, 10)),
    at('AnalysisMeasured', between(14, 20)),
    at('AnalysisMeasured', between(21, 30)),
    at('BatchQuarantined', 1),
    { weeksDone: 6, hoursSent: between(1, 40) },
  ];
}

function at(type: string, count: number): Recorded {
  return { type, count };
}

/** Tommy Ettinger's generator of 32 bits; enough to choose moments. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
