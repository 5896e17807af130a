import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AnalysisMeasuredSchema,
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  LabelsObservedSchema,
  PredictionsLoggedSchema,
  RolloutStartedSchema,
  RoutingChangedSchema,
  StartRolloutSchema,
} from '@rondo/contracts';
import type { Journal, JournalEntry } from '@rondo/journal';
import { assert, messageOf } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import { parseAdmitted, type PipelineSpec } from '@rondo/policy';
import { brokenPromises, type CheckName, type Violation } from './promises.js';
import { Recorded } from './recorded.js';
import { replayedAnalyses } from './replayed-analyses.js';
import { replayedDecisions, type PolicyOf } from './replayed-decisions.js';
import { replayedEvaluations, type ReadArtifact } from './replayed-evaluations.js';
import { STATEFUL, type StatefulService } from './services.js';
import { wayBack } from './way-back.js';

/** A message of the log with its place in it. */
export type Logged = Envelope & { readonly position: number };

/** What a run left behind that has come to rest, be it simulated or on real servers. */
export interface Remains {
  readonly journalOf: (service: StatefulService) => Pick<Journal, 'list' | 'entries' | 'verify'>;
  /** The log of the bus, each message once, in an order in which nothing comes before its cause. */
  readonly log: readonly Logged[];
  readonly artifact: ReadArtifact;
  /** Causes of the units of work that had to give an announcement its fate. */
  readonly announced: ReadonlySet<string>;
  /** Requests in the order of their answers: the epoch by which each was answered, and the oldest that was right by then. */
  readonly served: readonly { readonly epoch: bigint; readonly due: bigint }[];
  /** Votes on other evidence than what was judged, and not refused. */
  readonly acceptedStale: readonly string[];
  /** Messages that were set aside and are no poison. */
  readonly parked: readonly string[];
  /** Announcements that were made and are nowhere. */
  readonly lost: readonly string[];
  /** What was still to be done when nothing went on any more. */
  readonly unfinished: readonly string[];
}

/** The remains with the entries of all journals, read once. */
interface Read extends Remains {
  readonly entries: readonly JournalEntry[];
  readonly recorded: Recorded;
}

const PAGE = 10_000;

/** Every broken promise of a run that has ended, but for its end itself. */
export async function violations(remains: Remains): Promise<Violation[]> {
  const entries = (await Promise.all(STATEFUL.map((service) => entriesOf(remains, service)))).flat();
  const read = { ...remains, entries, recorded: Recorded.ofJournals(entries) };
  const checks: readonly [CheckName, (read: Read) => Promise<string[]> | string[]][] = [
    ['one-fate', oneFate],
    ['one-champion', oneChampion],
    ['epochs-rise', epochsRise],
    ['approved', approved],
    ['weight-0-after-end', weightZeroAfterEnd],
    ['chain', chain],
    ['comes-to-rest', comesToRest],
    ['nothing-parked', nothingParked],
    ['labels-once', labelsOnce],
    ['verdicts-replay', verdictsReplay],
    ['way-back', ({ recorded, artifact }) => wayBack(recorded, artifact)],
  ];
  const found = await Promise.all(
    checks.map(async ([check, run]) => (await run(read)).map((message) => ({ check, message }))),
  );
  return [...brokenPromises(read.recorded), ...found.flat()];
}

async function entriesOf({ journalOf }: Remains, service: StatefulService): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (;;) {
    const page = await journalOf(service).entries({ afterPosition: entries.at(-1)?.position ?? 0, limit: PAGE });
    entries.push(...page);
    if (page.length < PAGE) return entries;
  }
}

async function documents<S>(
  { journalOf }: Remains,
  service: StatefulService,
  kind: string,
): Promise<{ id: string; state: S }[]> {
  return (await journalOf(service).list<S>(kind, { limit: PAGE })).items;
}

/** Messages of a type in the log, in its order. */
export function logged<D extends DescMessage, L extends Logged>(
  log: readonly L[],
  schema: D,
): { readonly at: L; readonly message: MessageShape<D> }[] {
  const found = log.filter(({ type }) => type === schema.typeName);
  return found.map((at) => ({ at, message: fromBinary(schema, at.payload) }));
}

/** Every announcement was accepted, merged or refused, once; every event in the ledger has a final fate. */
async function oneFate(read: Read): Promise<string[]> {
  const { entries, announced, lost } = read;
  const problems = [...lost];
  const answers = new Set<string>(
    [ArrivalAcceptedSchema, ArrivalMergedSchema, ArrivalFailedSchema].map(({ typeName }) => typeName),
  );
  for (const id of announced) {
    // A failure to read the data is told later and by the job, so it answers no announcement directly.
    const fates = entries.filter(({ type, headers }) => answers.has(type) && headers['causationid'] === id);
    if (fates.length !== 1) problems.push(`announcement ${id} has ${fates.length} fates`);
  }
  const ledger = await documents<{ kind: string; fate: string; summary: string }>(
    read,
    'control-plane',
    'ledger-event',
  );
  for (const { id, state } of ledger)
    if (state.fate === 'Pending') problems.push(`event ${id} has no fate: ${state.summary}`);
  const arrivals = ledger.filter(({ state }) => state.kind === 'arrival').length;
  if (arrivals !== announced.size) problems.push(`${announced.size} announcements, ${arrivals} arrivals in the ledger`);
  return problems;
}

/** Alias, registry and routing agree at the end. */
async function oneChampion(read: Read): Promise<string[]> {
  const problems: string[] = [];
  const serving = read.recorded.messages(RoutingChangedSchema).at(-1)?.champion?.digest;
  const pipelines = await documents<{ champion?: { digest: string } }>(read, 'control-plane', 'pipeline');
  const [named] = pipelines.flatMap(({ state }) => state.champion?.digest ?? []);
  if (named !== serving)
    problems.push(`the registry names ${named ?? 'none'}, the endpoint serves ${serving ?? 'none'}`);
  const aliases = await documents<{ untilMs?: number }>(read, 'control-plane', 'alias-entry');
  const open = aliases.filter(({ state }) => state.untilMs === undefined);
  if (open.length !== (serving === undefined ? 0 : 1)) problems.push(`${open.length} models are champion at the end`);
  return problems;
}

/** No gateway goes back to an older epoch. */
function epochsRise({ served }: Remains): string[] {
  return served.flatMap(({ epoch }, index) => {
    const before = served[index - 1]?.epoch ?? 0n;
    return epoch < before ? [`the gateway went back from epoch ${before} to ${epoch}`] : [];
  });
}

interface ApprovalDocument {
  readonly id: string;
  readonly state: string;
  readonly votesNeeded: number;
  readonly authors: readonly string[];
  readonly candidate: { readonly digest: string };
  readonly votes: readonly { readonly actor: { readonly id: string }; readonly approve: boolean }[];
}

/** What is saved of an approval says what its journal says; authors do not count. */
async function approved(read: Read): Promise<string[]> {
  const problems: string[] = [];
  const saved = await documents<ApprovalDocument>(read, 'control-plane', 'approval');
  const approvals = new Map(saved.map(({ id, state }) => [id, state]));
  for (const { cycleId, approvalId, candidate } of read.recorded.messages(StartRolloutSchema)) {
    const approval = approvals.get(approvalId);
    const votes = new Set(approval?.votes.filter(({ approve }) => approve).map(({ actor }) => actor.id));
    for (const author of approval?.authors ?? []) votes.delete(author);
    if (approval?.state !== 'Approved' || votes.size < approval.votesNeeded)
      problems.push(`cycle ${cycleId} rolls out with ${votes.size} approvals in state ${approval?.state ?? 'none'}`);
    else if (approval.candidate.digest !== candidate?.digest)
      problems.push(`cycle ${cycleId} rolls out another model than was approved`);
  }
  for (const what of read.acceptedStale) problems.push(`a vote on other evidence was counted: ${what}`);
  return problems;
}

/**
 * With no rollout no candidate has a share; and every routing, also the one that takes a candidate away, governs the requests that
 * come when it has had the time to reach the gateways.
 */
async function weightZeroAfterEnd(read: Read): Promise<string[]> {
  const problems: string[] = [];
  const routings = await documents<{ weightPercent: number; candidate?: object; rolloutId?: string }>(
    read,
    'rollout',
    'routing',
  );
  for (const { state } of routings)
    if (state.rolloutId === undefined && (state.weightPercent > 0 || state.candidate))
      problems.push(`no rollout runs, and a candidate has ${state.weightPercent} % of the traffic`);
  for (const { epoch, due } of read.served)
    if (epoch < due) problems.push(`a request was answered by epoch ${epoch} when epoch ${due} governed`);
  return problems;
}

/** Every service's journal verifies, and each of its entries reached the log. */
async function chain({ journalOf, log, entries }: Read): Promise<string[]> {
  const problems: string[] = [];
  const published = new Set(log.map(({ id }) => id));
  for (const service of STATEFUL) {
    const report = await journalOf(service).verify();
    if (!report.intact) problems.push(`${service}: ${report.broken?.stream} ${report.broken?.explanation}`);
  }
  for (const { service, messageId, type } of entries)
    if (!published.has(messageId)) problems.push(`${service}: ${type} ${messageId} was never published`);
  return problems;
}

/** With the last fault behind, everything ends or names the person it waits for. */
async function comesToRest(read: Read): Promise<string[]> {
  const problems = [...read.unfinished];
  for (const { state } of await documents<{ number: number; phase: string }>(read, 'control-plane', 'cycle'))
    if (state.phase !== 'Finished') problems.push(`cycle ${state.number} stays in ${state.phase}`);
  for (const { id, state } of await documents<{ phase: string }>(read, 'rollout', 'rollout'))
    if (state.phase === 'Running') problems.push(`rollout ${id} runs for ever`);
  for (const service of STATEFUL) {
    for (const { id, state } of await documents<{ status: string; kind: string }>(read, service, 'job'))
      if (!['succeeded', 'failed', 'cancelled'].includes(state.status))
        problems.push(`${service}: job ${state.kind} ${id} stays ${state.status}`);
  }
  return problems;
}

/** Nothing but poison may be parked. */
function nothingParked({ parked }: Remains): string[] {
  return [...parked];
}

/** At no moment has a rollout counted more labels than were observed until then of the requests that its candidate scored. */
async function labelsOnce(read: Read): Promise<string[]> {
  const candidateOf = new Map(
    read.recorded.messages(RolloutStartedSchema).map(({ rolloutId, candidate }) => [rolloutId, candidate?.digest]),
  );
  const scoredBy = new Map(
    logged(read.log, PredictionsLoggedSchema).map(({ message }) => [message.requestId, message.candidate?.digest]),
  );
  const labels = logged(read.log, LabelsObservedSchema);
  const observed = (rolloutId: string, before: number): number => {
    const own = labels.filter(
      ({ at, message }) =>
        at.position < before && scoredBy.get(message.requestId) === (candidateOf.get(rolloutId) ?? 'none'),
    );
    const byRequest = new Map(own.map(({ message }) => [message.requestId, message.labels.length]));
    return [...byRequest.values()].reduce((sum, count) => sum + count, 0);
  };
  const counts = logged(read.log, AnalysisMeasuredSchema).map(({ at, message }) => ({
    rolloutId: message.rolloutId,
    count: Number(message.labels),
    before: at.position,
  }));
  for (const { id, state } of await documents<{ labels: { joined: number } }>(read, 'rollout', 'rollout'))
    counts.push({ rolloutId: id, count: state.labels.joined, before: Infinity });
  return counts.flatMap(({ rolloutId, count, before }) => {
    const most = observed(rolloutId, before);
    return count > most ? [`rollout ${rolloutId} counted ${count} labels when ${most} were observed`] : [];
  });
}

/** The same record under the same policy leads to the same verdict. */
async function verdictsReplay(read: Read): Promise<string[]> {
  const kept = await documents<{ pipeline: string; generation: number; bundle: string }>(
    read,
    'data-prep',
    'policy-generation',
  );
  const policies = new Map<string, PipelineSpec>(
    kept.map(({ state }) => [`${state.pipeline}/${state.generation}`, parseAdmitted(state.bundle)]),
  );
  const policyOf: PolicyOf = (pipeline, generation) => {
    const policy = policies.get(`${pipeline}/${generation}`);
    assert(policy, `generation ${generation} of ${pipeline} is not kept`);
    return policy;
  };
  try {
    return [
      ...replayedDecisions(read.recorded, policyOf),
      ...replayedAnalyses(read.recorded, policyOf),
      ...(await replayedEvaluations(read.recorded, policyOf, read.artifact)),
    ];
  } catch (error) {
    return [`what was decided cannot be decided again: ${messageOf(error)}`];
  }
}
