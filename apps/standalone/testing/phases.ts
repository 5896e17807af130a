import type { DistributedRondo } from './distributed-rondo.js';

/** So many messages of a type, named without its package, in all journals. */
interface Reached {
  readonly type: string;
  readonly count: number;
}

/** What a cycle goes through. */
export interface Phase {
  readonly name: string;
  /** The service that works on it. */
  readonly worker: string;
  readonly begins: Reached;
  readonly ends: Reached;
  /** Requests for predictions come in it; what a gateway has in memory meanwhile may be lost by right. */
  readonly hasTraffic?: true;
}

/** The phases of a first cycle, and the rollout of a second one. */
export const PHASES: readonly Phase[] = [
  phase('a snapshot is prepared', 'data-prep', ['PrepareSnapshot', 1], ['SnapshotPrepared', 1]),
  phase('people label', 'labeling', ['LabelCampaignOpened', 1], ['LabelCampaignClosed', 1]),
  phase('candidates are trained', 'training', ['TrainCandidate', 1], ['CandidateTrained', 2]),
  phase('one of them is selected', 'control-plane', ['CandidateTrained', 1], ['EvaluateCandidate', 1]),
  phase('it is evaluated', 'evaluation', ['EvaluateCandidate', 1], ['EvaluationCompleted', 1]),
  phase('it has become champion', 'drift-monitor', ['ChampionChanged', 1], ['ReferenceProfiled', 1]),
  { ...phase('a rollout measures', 'rollout', ['AnalysisMeasured', 1], ['RolloutFinished', 2]), hasTraffic: true },
];

function phase(name: string, worker: string, begins: [string, number], ends: [string, number]): Phase {
  const reached = ([type, count]: [string, number]): Reached => ({ type, count });
  return { name, worker, begins: reached(begins), ends: reached(ends) };
}

/**
 * Ends every process of every service as a power cut would, and starts it again: first the worker of the phase, which stays away until all
 * others were killed, so that the phase lasts. Of the others so many are away at once.
 * @returns the services that were killed, in their order; the worker last
 * @throws Error when the phase was over before the last of them
 */
export async function killEveryService(rondo: DistributedRondo, phase: Phase, atOnce: number): Promise<string[]> {
  const { worker, ends } = phase;
  const killed: string[] = [];
  const kill = async (service: string): Promise<void> => {
    await Promise.all(rondo.of(service).map((replica) => replica.kill()));
    killed.push(service);
  };
  const start = (service: string): Promise<unknown> => Promise.all(rondo.of(service).map((replica) => replica.start()));
  // The gateway comes first: whoever waited for a moment without requests has just found it.
  const others = ['inference-gateway', ...rondo.serviceNames].filter(
    (service, index, all) => service !== worker && all.indexOf(service) === index,
  );
  const first = others.splice(0, atOnce);
  await Promise.all([kill(worker), ...first.map(kill)]);
  const next = async (service: string | undefined): Promise<void> => {
    if (service === undefined) return;
    await start(service);
    const following = others.shift();
    if (following !== undefined) await kill(following);
    await next(following);
  };
  await Promise.all(first.map(next));
  const ended = await rondo.journaled(ends.type);
  if (ended >= ends.count) throw new Error(`${phase.name}: over before every service was killed`);
  await start(worker);
  return killed;
}
