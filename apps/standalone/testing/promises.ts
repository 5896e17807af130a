import {
  AnalysisMeasuredSchema,
  ApprovalClosedSchema,
  ApprovalRequestedSchema,
  ApprovalVotedSchema,
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  BatchQuarantinedSchema,
  BatchReadySchema,
  CandidateFailedSchema,
  CandidateTrainedSchema,
  ChampionChangedSchema,
  CycleFinishedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  DriftEvaluatedSchema,
  EvaluateCandidateSchema,
  EvaluationCompletedSchema,
  IncidentOpenedSchema,
  LabelCampaignClosedSchema,
  LabelCampaignOpenedSchema,
  ModelRegisteredSchema,
  PerformanceEvaluatedSchema,
  PrepareSnapshotSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutStartedSchema,
  RoutingChangedSchema,
  SnapshotPreparedSchema,
  StepFailedSchema,
  TrainCandidateSchema,
} from '@rondo/contracts';
import { approved } from './approved.js';
import type { Recorded } from './recorded.js';

/** The promises that are checked after every run; ids are those of docs/reliability.md. */
export const CHECKS = [
  'one-fate',
  'one-effect',
  'one-cycle-per-cause',
  'one-champion',
  'epochs-rise',
  'approved',
  'weight-0-after-end',
  'chain',
  'comes-to-rest',
  'nothing-parked',
  'labels-once',
  'verdicts-replay',
  'way-back',
  'log-replays',
  'newer-and-older',
  'same-end',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** A broken promise. */
export interface Violation {
  readonly check: CheckName;
  readonly message: string;
}

/** What of the promises the journals alone can tell: held against the simulation and against real servers. */
const PROMISES: readonly [CheckName, (recorded: Recorded) => string[]][] = [
  ['one-fate', oneFate],
  ['one-effect', oneEffect],
  ['one-cycle-per-cause', oneCyclePerCause],
  ['one-champion', oneChampion],
  ['epochs-rise', epochsRise],
  ['approved', approved],
  ['weight-0-after-end', weightZeroAfterEnd],
  ['comes-to-rest', comesToRest],
  ['labels-once', labelsOnce],
];

/** Every promise that the journals show to be broken. */
export function brokenPromises(recorded: Recorded): Violation[] {
  return PROMISES.flatMap(([check, broken]) => broken(recorded).map((message) => ({ check, message })));
}

/** What was accepted was found good or bad, and what may start a cycle was decided, once. */
function oneFate(recorded: Recorded): string[] {
  const judged = new Set([
    ...recorded.messages(BatchReadySchema).map(({ eventId }) => eventId),
    ...recorded.messages(BatchQuarantinedSchema).map(({ eventId }) => eventId),
    ...recorded.messages(ArrivalFailedSchema).map(({ eventId }) => eventId),
  ]);
  const accepted = recorded.messages(ArrivalAcceptedSchema).map(({ eventId }) => eventId);
  const decided = counted(recorded.messages(DecisionMadeSchema).flatMap(({ causeEventIds }) => causeEventIds));
  const decidable = [
    ...recorded.messages(BatchReadySchema).map(({ eventId }) => eventId),
    ...recorded.messages(DriftEvaluatedSchema).map(({ evaluationId }) => evaluationId),
    ...recorded.messages(PerformanceEvaluatedSchema).map(({ evaluationId }) => evaluationId),
  ];
  return [
    ...accepted.filter((id) => !judged.has(id)).map((id) => `arrival ${id} was accepted and never judged`),
    ...decidable.filter((id) => !decided.has(id)).map((id) => `event ${id} was never decided`),
    ...repeated(decided).map(([id, times]) => `event ${id} was decided ${times} times`),
  ];
}

/** What must happen once happened once, whatever was delivered how often. */
function oneEffect(recorded: Recorded): string[] {
  const registered = recorded.messages(ModelRegisteredSchema);
  const candidates = [...recorded.messages(CandidateTrainedSchema), ...recorded.messages(CandidateFailedSchema)];
  const votes = recorded.messages(ApprovalVotedSchema);
  const effects: [string, string[]][] = [
    ['CycleStarted', recorded.messages(CycleStartedSchema).map(({ cycleId }) => cycleId)],
    ['CycleFinished', recorded.messages(CycleFinishedSchema).map(({ cycleId }) => cycleId)],
    ['SnapshotPrepared', snapshotsOf(recorded)],
    ['candidate trained or failed', candidates.map(({ cycleId, candidate }) => `${cycleId} ${candidate}`)],
    ['EvaluationCompleted', recorded.messages(EvaluationCompletedSchema).map(({ cycleId }) => cycleId)],
    ['ModelRegistered', registered.map(({ pipeline, model }) => `${pipeline} ${model?.version}`)],
    ['ModelRegistered of a cycle', registered.map(({ cycleId }) => cycleId)],
    ['RolloutStarted', recorded.messages(RolloutStartedSchema).map(({ cycleId }) => cycleId)],
    ['RolloutFinished', recorded.messages(RolloutFinishedSchema).map(({ rolloutId }) => rolloutId)],
    ['IncidentOpened', recorded.messages(IncidentOpenedSchema).map(({ cycleId }) => cycleId)],
    ['vote', votes.map(({ approvalId, actor }) => `${approvalId} ${actor?.id}`)],
    ['ApprovalClosed', recorded.messages(ApprovalClosedSchema).map(({ approvalId }) => approvalId)],
    ['LabelCampaignClosed', recorded.messages(LabelCampaignClosedSchema).map(({ campaignId }) => campaignId)],
  ];
  return effects.flatMap(([name, ids]) => repeated(counted(ids)).map(([id, times]) => `${name} ${id}: ${times} times`));
}

/** A cycle prepares at most twice, the second time with labels and so with another digest. */
function snapshotsOf(recorded: Recorded): string[] {
  return recorded.messages(SnapshotPreparedSchema).map(({ cycleId, snapshotDigest }) => `${cycleId} ${snapshotDigest}`);
}

/** One cycle per cause, and cycles are numbered without gaps. */
function oneCyclePerCause(recorded: Recorded): string[] {
  const cycles = recorded.messages(CycleStartedSchema);
  const numbers = cycles.map(({ number }) => number);
  return [
    ...repeated(counted(cycles.flatMap(({ causeEventIds }) => causeEventIds))).map(
      ([cause, times]) => `cause ${cause} started ${times} cycles`,
    ),
    ...(numbers.every((number, index) => number === index + 1) ? [] : [`cycles are numbered ${numbers.join(', ')}`]),
  ];
}

/** Every routing has a champion, and each champion follows the one before. */
function oneChampion(recorded: Recorded): string[] {
  const moves = recorded.messages(ChampionChangedSchema);
  return [
    ...recorded
      .messages(RoutingChangedSchema)
      .filter(({ champion }) => !champion?.digest)
      .map(({ epoch }) => `epoch ${epoch} has no champion`),
    ...moves
      .filter(({ from }, index) => (from?.digest ?? '') !== (moves[index - 1]?.to?.digest ?? ''))
      .map(({ to }) => `champion ${to?.version} follows one that was none`),
  ];
}

/** Each routing write has the next epoch. */
function epochsRise(recorded: Recorded): string[] {
  return recorded
    .messages(RoutingChangedSchema)
    .map(({ epoch }, index) => [epoch, index + 1] as const)
    .filter(([epoch, next]) => epoch !== BigInt(next))
    .map(([epoch, next]) => `routing write ${next} has epoch ${epoch}`);
}

/** With the end of a rollout its candidate is gone for good. */
function weightZeroAfterEnd(recorded: Recorded): string[] {
  const routings = recorded.of(RoutingChangedSchema);
  return recorded.of(RolloutFinishedSchema).flatMap(({ position, message }) => {
    const { rolloutId, result, candidate } = message;
    const last = routings.findLast((routing) => routing.message.rolloutId === rolloutId)?.message;
    const keeps = last && (last.candidateWeightPercent > 0 || last.shadow || last.candidate !== undefined);
    const again = routings.some(
      (routing) => routing.position > position && candidate && routing.message.candidate?.digest === candidate.digest,
    );
    return [
      ...(result === RolloutResult.ROLLED_BACK && keeps
        ? [`rollout ${rolloutId} ended with weight ${last.candidateWeightPercent}`]
        : []),
      ...(again ? [`rollout ${rolloutId} ended, and its candidate came back`] : []),
    ];
  });
}

/** What began ended, and every command was answered unless its cycle was called off. */
function comesToRest(recorded: Recorded): string[] {
  const open = (name: string, begun: readonly string[], ended: readonly string[]): string[] => {
    const over = new Set(ended);
    return begun.filter((id) => !over.has(id)).map((id) => `${name} ${id} did not end`);
  };
  const failed = recorded.messages(StepFailedSchema);
  const calledOff = new Set(
    recorded
      .messages(CycleFinishedSchema)
      .filter(({ result }) => result === 'Cancelled' || result === 'Superseded')
      .map(({ cycleId }) => cycleId),
  );
  const lasting = <M extends { cycleId: string }>(messages: readonly M[]): M[] =>
    messages.filter(({ cycleId }) => !calledOff.has(cycleId));
  const trained = [...recorded.messages(CandidateTrainedSchema), ...recorded.messages(CandidateFailedSchema)];
  const idOf = ({ cycleId, candidate }: { cycleId: string; candidate: string }): string => `${cycleId} ${candidate}`;
  const prepared = [...recorded.messages(SnapshotPreparedSchema), ...failed].map(({ cycleId }) => cycleId);
  const evaluated = [...recorded.messages(EvaluationCompletedSchema), ...failed].map(({ cycleId }) => cycleId);
  return [
    ...open(
      'cycle',
      recorded.messages(CycleStartedSchema).map(({ cycleId }) => cycleId),
      recorded.messages(CycleFinishedSchema).map(({ cycleId }) => cycleId),
    ),
    ...open(
      'rollout',
      recorded.messages(RolloutStartedSchema).map(({ rolloutId }) => rolloutId),
      recorded.messages(RolloutFinishedSchema).map(({ rolloutId }) => rolloutId),
    ),
    ...open(
      'approval',
      recorded.messages(ApprovalRequestedSchema).map(({ approvalId }) => approvalId),
      recorded.messages(ApprovalClosedSchema).map(({ approvalId }) => approvalId),
    ),
    ...open(
      'label campaign',
      recorded.messages(LabelCampaignOpenedSchema).map(({ campaignId }) => campaignId),
      recorded.messages(LabelCampaignClosedSchema).map(({ campaignId }) => campaignId),
    ),
    ...open(
      'preparation of cycle',
      lasting(recorded.messages(PrepareSnapshotSchema)).map(({ cycleId }) => cycleId),
      prepared,
    ),
    ...open('training of', lasting(recorded.messages(TrainCandidateSchema)).map(idOf), trained.map(idOf)),
    ...open(
      'evaluation of cycle',
      lasting(recorded.messages(EvaluateCandidateSchema)).map(({ cycleId }) => cycleId),
      evaluated,
    ),
  ];
}

/** No rollout ever counts more labels than it has seen rows, and it forgets none. */
function labelsOnce(recorded: Recorded): string[] {
  const before = new Map<string, bigint>();
  return recorded.messages(AnalysisMeasuredSchema).flatMap(({ rolloutId, labels, predictions }) => {
    const problems = [
      ...(labels > predictions ? [`rollout ${rolloutId} counts ${labels} labels of ${predictions} rows`] : []),
      ...(labels < (before.get(rolloutId) ?? 0n) ? [`rollout ${rolloutId} goes back to ${labels} labels`] : []),
    ];
    before.set(rolloutId, labels);
    return problems;
  });
}

/** How often each id occurs. */
export function counted(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** Those that occur more than once. */
function repeated(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].filter(([, times]) => times > 1);
}
