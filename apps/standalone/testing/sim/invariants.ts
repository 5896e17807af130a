import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AnalysisMeasuredSchema,
  AnnounceArrivalSchema,
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  LabelsObservedSchema,
  PredictionsLoggedSchema,
  RolloutStartedSchema,
  RoutingChangedSchema,
  StartRolloutSchema,
} from '@rondo/contracts';
import type { JournalEntry } from '@rondo/journal';
import { brokenPromises, type CheckName, type Violation } from '../promises.js';
import { Recorded } from '../recorded.js';
import type { LoggedMessage } from './broker.js';
import { SERVICES } from './laboratory.js';
import type { Simulation } from './simulation.js';

/** Within this a routing reaches the gateways, ms: messages take up to 20 s, and some are delivered several times before it. */
const REACHES_GATEWAYS_MS = 300_000;

/** What a run left behind. */
interface Remains {
  readonly simulation: Simulation;
  readonly entries: readonly JournalEntry[];
  readonly recorded: Recorded;
}

/** Every broken promise of a run that has ended. */
export async function violations(simulation: Simulation): Promise<Violation[]> {
  const entries = (await Promise.all(SERVICES.map((service) => entriesOf(simulation, service)))).flat();
  const remains = { simulation, entries, recorded: Recorded.ofJournals(entries) };
  const checks: readonly [CheckName, (remains: Remains) => Promise<string[]> | string[]][] = [
    ['one-fate', oneFate],
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
    checks.map(async ([check, run]) => (await run(remains)).map((message) => ({ check, message }))),
  );
  return [...brokenPromises(remains.recorded), ...found.flat()];
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

/** Messages of a type in the log, in its order. */
function logged<D extends DescMessage>(
  { broker }: Simulation,
  schema: D,
): { readonly at: LoggedMessage; readonly message: MessageShape<D> }[] {
  const found = broker.log.filter(({ type }) => type === schema.typeName);
  return found.map((at) => ({ at, message: fromBinary(schema, at.payload) }));
}

/** Every announcement was accepted, merged or refused, once; every event in the ledger has a final fate. */
async function oneFate({ simulation, entries }: Remains): Promise<string[]> {
  const problems: string[] = [];
  const answers = new Set<string>(
    [ArrivalAcceptedSchema, ArrivalMergedSchema, ArrivalFailedSchema].map(({ typeName }) => typeName),
  );
  const announced = new Set(logged(simulation, AnnounceArrivalSchema).map(({ at }) => at.id));
  for (const id of announced) {
    // A failure to read the data is told later and by the job, so it answers no announcement directly.
    const fates = entries.filter(({ type, headers }) => answers.has(type) && headers['causationid'] === id);
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
  return problems;
}

/** Alias, registry and routing agree at the end. */
async function oneChampion({ simulation, recorded }: Remains): Promise<string[]> {
  const problems: string[] = [];
  const serving = recorded.messages(RoutingChangedSchema).at(-1)?.champion?.digest;
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
  return problems;
}

/** No gateway goes back to an older epoch. */
function epochsRise({ simulation }: Remains): string[] {
  const { served } = simulation.story;
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
async function approved({ simulation, recorded }: Remains): Promise<string[]> {
  const problems: string[] = [];
  const approvals = new Map(
    (await documents<ApprovalDocument>(simulation, 'control-plane', 'approval')).map(({ id, state }) => [id, state]),
  );
  for (const { cycleId, approvalId, candidate } of recorded.messages(StartRolloutSchema)) {
    const approval = approvals.get(approvalId);
    const votes = new Set(approval?.votes.filter(({ approve }) => approve).map(({ actor }) => actor.id));
    for (const author of approval?.authors ?? []) votes.delete(author);
    if (approval?.state !== 'Approved' || votes.size < approval.votesNeeded)
      problems.push(`cycle ${cycleId} rolls out with ${votes.size} approvals in state ${approval?.state ?? 'none'}`);
    else if (approval.candidate.digest !== candidate?.digest)
      problems.push(`cycle ${cycleId} rolls out another model than was approved`);
  }
  for (const what of simulation.story.acceptedStale) problems.push(`a vote on other evidence was counted: ${what}`);
  return problems;
}

/**
 * With no rollout no candidate has a share; and every routing, also the one that takes a candidate away, governs the requests that
 * come later than the bound: at once when the services were done, within minutes when messages were under way.
 */
async function weightZeroAfterEnd({ simulation }: Remains): Promise<string[]> {
  const problems: string[] = [];
  const [routing] = await documents<{ weightPercent: number; candidate?: object; rolloutId?: string }>(
    simulation,
    'rollout',
    'routing',
  );
  if (routing && routing.state.rolloutId === undefined && (routing.state.weightPercent > 0 || routing.state.candidate))
    problems.push(`no rollout runs, and a candidate has ${routing.state.weightPercent} % of the traffic`);
  const boundMs = simulation.weather.hurried ? REACHES_GATEWAYS_MS : 0;
  const written = logged(simulation, RoutingChangedSchema);
  for (const { epoch, atMs, newestPosition } of simulation.story.served) {
    const due = written.findLast(({ at }) => at.position <= newestPosition && at.loggedAtMs + boundMs <= atMs)?.message;
    if (due && epoch < due.epoch)
      problems.push(`a request was answered by epoch ${epoch} when epoch ${due.epoch} was older than ${boundMs} ms`);
  }
  return problems;
}

/** Every service's journal verifies, and each of its entries reached the log. */
async function chain({ simulation, entries }: Remains): Promise<string[]> {
  const problems: string[] = [];
  const published = new Set(simulation.broker.log.map(({ id }) => id));
  for (const service of SERVICES) {
    const report = await simulation.journalOf(service).verify();
    if (!report.intact) problems.push(`${service}: ${report.broken?.stream} ${report.broken?.explanation}`);
  }
  for (const { service, messageId, type } of entries)
    if (!published.has(messageId)) problems.push(`${service}: ${type} ${messageId} was never published`);
  return problems;
}

/** With the last fault behind, everything ends or names the person it waits for. */
async function comesToRest({ simulation }: Remains): Promise<string[]> {
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
function nothingParked({ simulation }: Remains): string[] {
  return simulation.broker.parked.map(({ delivery, reason }) => `${delivery.type} in ${delivery.group}: ${reason}`);
}

/** At no moment has a rollout counted more labels than were observed until then of the requests that its candidate scored. */
async function labelsOnce({ simulation, recorded }: Remains): Promise<string[]> {
  const candidateOf = new Map(
    recorded.messages(RolloutStartedSchema).map(({ rolloutId, candidate }) => [rolloutId, candidate?.digest]),
  );
  const scoredBy = new Map(
    logged(simulation, PredictionsLoggedSchema).map(({ message }) => [message.requestId, message.candidate?.digest]),
  );
  const labels = logged(simulation, LabelsObservedSchema);
  const observed = (rolloutId: string, before: number): number => {
    const own = labels.filter(
      ({ at, message }) =>
        at.position < before && scoredBy.get(message.requestId) === (candidateOf.get(rolloutId) ?? 'none'),
    );
    const byRequest = new Map(own.map(({ message }) => [message.requestId, message.labels.length]));
    return [...byRequest.values()].reduce((sum, count) => sum + count, 0);
  };
  const counts = logged(simulation, AnalysisMeasuredSchema).map(({ at, message }) => ({
    rolloutId: message.rolloutId,
    count: Number(message.labels),
    before: at.position,
  }));
  for (const { id, state } of await documents<{ labels: { joined: number } }>(simulation, 'rollout', 'rollout'))
    counts.push({ rolloutId: id, count: state.labels.joined, before: Infinity });
  return counts.flatMap(({ rolloutId, count, before }) => {
    const most = observed(rolloutId, before);
    return count > most ? [`rollout ${rolloutId} counted ${count} labels when ${most} were observed`] : [];
  });
}
