import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AnnounceArrivalSchema,
  ApprovalVotedSchema,
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  CandidateFailedSchema,
  CandidateTrainedSchema,
  ChampionChangedSchema,
  CycleFinishedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  EvaluationCompletedSchema,
  IncidentOpenedSchema,
  LabelsObservedSchema,
  ModelRegisteredSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutStartedSchema,
  RoutingChangedSchema,
  SnapshotPreparedSchema,
  StartRolloutSchema,
} from '@rondo/contracts';
import type { JournalEntry } from '@rondo/journal';
import { SERVICES } from './laboratory.js';
import type { Simulation } from './simulation.js';

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
  'same-end',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** A broken promise. */
export interface Violation {
  readonly check: CheckName;
  readonly message: string;
}

/** An entry of a journal with its message. */
interface Fact<D extends DescMessage> {
  readonly entry: JournalEntry;
  readonly message: MessageShape<D>;
}

/** What all services recorded, read after the end of a run by nothing but the journals' own port. */
class Record {
  private constructor(private readonly byType: ReadonlyMap<string, JournalEntry[]>) {}

  static async of(simulation: Simulation): Promise<Record> {
    const byType = new Map<string, JournalEntry[]>();
    for (const service of SERVICES) {
      for (const entry of await entriesOf(simulation, service))
        byType.set(entry.type, [...(byType.get(entry.type) ?? []), entry]);
    }
    return new Record(byType);
  }

  of<D extends DescMessage>(schema: D): Fact<D>[] {
    const entries = this.byType.get(schema.typeName) ?? [];
    return entries.map((entry) => ({ entry, message: fromBinary(schema, entry.payload) }));
  }
}

async function entriesOf(simulation: Simulation, service: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (;;) {
    const page = await simulation
      .journalOf(service)
      .entries({ afterPosition: entries.at(-1)?.position ?? 0, limit: 10_000 });
    entries.push(...page);
    if (page.length < 10_000) return entries;
  }
}

async function documents<S>(
  simulation: Simulation,
  service: string,
  kind: string,
): Promise<{ id: string; state: S }[]> {
  return (await simulation.journalOf(service).list<S>(kind, { limit: 10_000 })).items;
}

/** Every broken promise of a run that has ended. */
export async function violations(simulation: Simulation): Promise<Violation[]> {
  const record = await Record.of(simulation);
  const checks: readonly [CheckName, (simulation: Simulation, record: Record) => Promise<string[]> | string[]][] = [
    ['one-fate', oneFate],
    ['one-effect', oneEffect],
    ['one-cycle-per-cause', oneCyclePerCause],
    ['one-champion', oneChampion],
    ['epochs-rise', epochsRise],
    ['approved', approved],
    ['weight-0-after-end', weightZeroAfterEnd],
    ['chain', chain],
    ['comes-to-rest', comesToRest],
    ['nothing-parked', nothingParked],
    ['labels-once', labelsOnce],
  ];
  const found = await Promise.all(
    checks.map(async ([check, run]) => (await run(simulation, record)).map((message) => ({ check, message }))),
  );
  return found.flat();
}

/** I1: every announcement was accepted, merged or refused, once; every event in the ledger has a final fate, decided once. */
async function oneFate(simulation: Simulation, record: Record): Promise<string[]> {
  const problems: string[] = [];
  const answers = [
    ...record.of(ArrivalAcceptedSchema),
    ...record.of(ArrivalMergedSchema),
    ...record.of(ArrivalFailedSchema),
  ];
  const announced = new Set(
    simulation.broker.log.filter(({ type }) => type === AnnounceArrivalSchema.typeName).map(({ id }) => id),
  );
  for (const id of announced) {
    // A failure to read the data is told later and by the job, so it answers no announcement directly.
    const fates = answers.filter(({ entry }) => entry.headers['causationid'] === id);
    if (fates.length !== 1) problems.push(`announcement ${id} has ${fates.length} fates`);
  }
  if (simulation.story.done && announced.size !== simulation.story.announcements)
    problems.push(`${simulation.story.announcements} announcements were made, ${announced.size} are in the log`);
  const ledger = await documents<{ kind: string; eventId: string; fate: string; summary: string }>(
    simulation,
    'control-plane',
    'ledger-event',
  );
  for (const { id, state } of ledger)
    if (state.fate === 'Pending') problems.push(`event ${id} has no fate: ${state.summary}`);
  const arrivals = ledger.filter(({ state }) => state.kind === 'arrival').length;
  if (arrivals !== announced.size) problems.push(`${announced.size} announcements, ${arrivals} arrivals in the ledger`);
  for (const [event, times] of counted(record.of(DecisionMadeSchema).flatMap(({ message }) => message.causeEventIds)))
    if (times > 1) problems.push(`event ${event} was decided ${times} times`);
  return problems;
}

/** I2: what must happen once happened once, whatever was delivered how often. */
function oneEffect(_simulation: Simulation, record: Record): string[] {
  const effects: [string, string[]][] = [
    ['CycleStarted', record.of(CycleStartedSchema).map(({ message }) => message.cycleId)],
    ['CycleFinished', record.of(CycleFinishedSchema).map(({ message }) => message.cycleId)],
    [
      'SnapshotPrepared',
      record
        .of(SnapshotPreparedSchema)
        .map(({ message, entry }) => `${message.cycleId} ${message.snapshotDigest} ${entry.stream}`),
    ],
    [
      'candidate trained or failed',
      [...record.of(CandidateTrainedSchema), ...record.of(CandidateFailedSchema)].map(
        ({ message }) => `${message.cycleId} ${message.candidate}`,
      ),
    ],
    ['EvaluationCompleted', record.of(EvaluationCompletedSchema).map(({ message }) => message.cycleId)],
    ['ModelRegistered', record.of(ModelRegisteredSchema).map(({ message }) => String(message.model?.version))],
    ['ModelRegistered of a cycle', record.of(ModelRegisteredSchema).map(({ message }) => message.cycleId)],
    ['RolloutStarted', record.of(RolloutStartedSchema).map(({ message }) => message.cycleId)],
    ['RolloutFinished', record.of(RolloutFinishedSchema).map(({ message }) => message.rolloutId)],
    ['IncidentOpened', record.of(IncidentOpenedSchema).map(({ message }) => message.cycleId)],
    ['vote', record.of(ApprovalVotedSchema).map(({ message }) => `${message.approvalId} ${message.actor?.id}`)],
  ];
  return effects.flatMap(([name, ids]) =>
    [...counted(ids)].filter(([, times]) => times > 1).map(([id, times]) => `${name} ${id}: ${times} times`),
  );
}

/** One cycle per cause, and its causes are its own. */
function oneCyclePerCause(_simulation: Simulation, record: Record): string[] {
  const causes = record.of(CycleStartedSchema).flatMap(({ message }) => message.causeEventIds);
  const numbers = record.of(CycleStartedSchema).map(({ message }) => message.number);
  const problems = [...counted(causes)]
    .filter(([, times]) => times > 1)
    .map(([cause, times]) => `cause ${cause} started ${times} cycles`);
  if (numbers.some((number, index) => number !== index + 1)) problems.push(`cycles are numbered ${numbers.join(', ')}`);
  return problems;
}

/** I3: once there was a champion there is one, in every routing ever written; alias and routing agree at the end. */
async function oneChampion(simulation: Simulation, record: Record): Promise<string[]> {
  const problems: string[] = [];
  const routings = record.of(RoutingChangedSchema).map(({ message }) => message);
  for (const { epoch, champion } of routings) if (!champion?.digest) problems.push(`epoch ${epoch} has no champion`);
  const serving = routings.at(-1)?.champion?.digest;
  const [pipeline] = await documents<{ champion?: { digest: string } }>(simulation, 'control-plane', 'pipeline');
  if (pipeline?.state.champion?.digest !== serving)
    problems.push(
      `the registry names ${pipeline?.state.champion?.digest ?? 'none'}, the endpoint serves ${serving ?? 'none'}`,
    );
  const aliases = await documents<{ untilMs?: number; model: { digest: string } }>(
    simulation,
    'control-plane',
    'alias-entry',
  );
  const open = aliases.filter(({ state }) => state.untilMs === undefined);
  if (open.length !== (serving === undefined ? 0 : 1)) problems.push(`${open.length} models are champion at the end`);
  const moves = record.of(ChampionChangedSchema).map(({ message }) => message);
  moves.forEach((move, index) => {
    if ((move.from?.digest ?? '') !== (moves[index - 1]?.to?.digest ?? ''))
      problems.push(`champion ${move.to?.version} follows one that was none`);
  });
  return problems;
}

/** I3: each routing write has the next epoch; no gateway goes back. */
function epochsRise(simulation: Simulation, record: Record): string[] {
  const problems: string[] = [];
  record.of(RoutingChangedSchema).forEach(({ message }, index) => {
    if (message.epoch !== BigInt(index + 1)) problems.push(`routing write ${index + 1} has epoch ${message.epoch}`);
  });
  const { served } = simulation.story;
  served.forEach(({ epoch }, index) => {
    if (index > 0 && epoch < served[index - 1]!.epoch)
      problems.push(`the gateway went back from epoch ${served[index - 1]!.epoch} to ${epoch}`);
  });
  return problems;
}

interface ApprovalDocument {
  readonly id: string;
  readonly cycleId: string;
  readonly state: string;
  readonly votesNeeded: number;
  readonly authors: readonly string[];
  readonly candidate: { readonly digest: string };
  readonly votes: readonly { readonly actor: { readonly id: string }; readonly approve: boolean }[];
}

/** I4: traffic moves only for what enough people approved, who saw just that; authors do not count. */
async function approved(simulation: Simulation, record: Record): Promise<string[]> {
  const problems: string[] = [];
  const approvals = new Map(
    (await documents<ApprovalDocument>(simulation, 'control-plane', 'approval')).map(({ id, state }) => [id, state]),
  );
  const commands = record.of(StartRolloutSchema);
  for (const { message } of commands) {
    const approval = approvals.get(message.approvalId);
    const votes = new Set(approval?.votes.filter(({ approve }) => approve).map(({ actor }) => actor.id));
    for (const author of approval?.authors ?? []) votes.delete(author);
    if (approval?.state !== 'Approved' || votes.size < approval.votesNeeded)
      problems.push(
        `cycle ${message.cycleId} rolls out with ${votes.size} approvals in state ${approval?.state ?? 'none'}`,
      );
    else if (approval.candidate.digest !== message.candidate?.digest)
      problems.push(`cycle ${message.cycleId} rolls out another model than was approved`);
  }
  for (const { message } of record.of(RolloutStartedSchema)) {
    const command = commands.find((known) => known.message.cycleId === message.cycleId);
    if (command?.message.candidate?.digest !== message.candidate?.digest)
      problems.push(`rollout ${message.rolloutId} was never asked for`);
  }
  for (const what of simulation.story.acceptedStale) problems.push(`a vote on other evidence was counted: ${what}`);
  return problems;
}

/** I5: with the end of a rollout its candidate is gone for good, and no row is answered by one that has no share. */
async function weightZeroAfterEnd(simulation: Simulation, record: Record): Promise<string[]> {
  const problems: string[] = [];
  const routings = record.of(RoutingChangedSchema);
  for (const { entry, message } of record.of(RolloutFinishedSchema)) {
    const own = routings.filter((routing) => routing.message.rolloutId === message.rolloutId);
    const later = routings.filter((routing) => routing.entry.position > entry.position);
    const last = own.at(-1)?.message;
    if (
      message.result === RolloutResult.ROLLED_BACK &&
      last &&
      (last.candidateWeightPercent > 0 || last.shadow || last.candidate)
    )
      problems.push(`rollout ${message.rolloutId} ended with weight ${last.candidateWeightPercent}`);
    if (later.some((routing) => routing.message.candidate?.digest === message.candidate?.digest && message.candidate))
      problems.push(`rollout ${message.rolloutId} ended, and its candidate came back`);
  }
  const [routing] = await documents<{ weightPercent: number; candidate?: object; rolloutId?: string }>(
    simulation,
    'rollout',
    'routing',
  );
  if (routing && routing.state.rolloutId === undefined && (routing.state.weightPercent > 0 || routing.state.candidate))
    problems.push(`no rollout runs, and a candidate has ${routing.state.weightPercent} % of the traffic`);
  const weights = new Map(routings.map(({ message }) => [message.epoch, message.candidateWeightPercent]));
  for (const { epoch, candidateRows } of simulation.story.served)
    if (candidateRows > 0 && (weights.get(epoch) ?? 0) === 0)
      problems.push(`${candidateRows} rows were answered by a candidate without a share (epoch ${epoch})`);
  return problems;
}

/** I6: every service's journal verifies, and each of its entries reached the log. */
async function chain(simulation: Simulation): Promise<string[]> {
  const problems: string[] = [];
  const published = new Set(simulation.broker.log.map(({ id }) => id));
  for (const service of SERVICES) {
    const report = await simulation.journalOf(service).verify();
    if (!report.intact) problems.push(`${service}: ${report.broken?.stream} ${report.broken?.explanation}`);
    for (const { messageId, type } of await entriesOf(simulation, service))
      if (!published.has(messageId)) problems.push(`${service}: ${type} ${messageId} was never published`);
  }
  return problems;
}

/** I10: with the last fault behind, everything ends or names the person it waits for. */
async function comesToRest(simulation: Simulation): Promise<string[]> {
  const problems: string[] = [];
  const { story, world } = simulation;
  if (!story.done) problems.push(`the story did not come to its end: ${[...story.acting].join(', ')}`);
  if (world.waiting().length > 0) problems.push(`work is left: ${world.waiting().slice(0, 3).join('; ')}`);
  for (const { state } of await documents<{ number: number; phase: string }>(simulation, 'control-plane', 'cycle'))
    if (state.phase !== 'Finished') problems.push(`cycle ${state.number} stays in ${state.phase}`);
  for (const { id, state } of await documents<{ phase: string }>(simulation, 'rollout', 'rollout'))
    if (state.phase === 'Running') problems.push(`rollout ${id} runs for ever`);
  for (const service of SERVICES) {
    for (const { id, state } of await documents<{ status: string; kind: string }>(simulation, service, 'job'))
      if (!['succeeded', 'failed', 'cancelled'].includes(state.status))
        problems.push(`${service}: job ${state.kind} ${id} stays ${state.status}`);
  }
  return problems;
}

/** Nothing in the story is poison, so nothing may be parked. */
function nothingParked(simulation: Simulation): string[] {
  return simulation.broker.parked.map(({ delivery, reason }) => `${delivery.type} in ${delivery.group}: ${reason}`);
}

/** I13: a rollout counts no more labels than were observed. */
async function labelsOnce(simulation: Simulation): Promise<string[]> {
  const problems: string[] = [];
  const observed = new Map(
    simulation.broker.log
      .filter(({ type }) => type === LabelsObservedSchema.typeName)
      .map(({ payload }) => fromBinary(LabelsObservedSchema, payload))
      .map(({ requestId, labels }) => [requestId, labels.length]),
  );
  const rows = [...observed.values()].reduce((sum, count) => sum + count, 0);
  let joined = 0;
  for (const { state } of await documents<{ labels: { joined: number } }>(simulation, 'rollout', 'rollout'))
    joined += state.labels.joined;
  if (joined > rows) problems.push(`${joined} labels were counted, ${rows} were observed`);
  return problems;
}

function counted(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
