import { toJson, type DescMethodUnary, type JsonObject, type JsonValue, type Message } from '@bufbuild/protobuf';
import {
  AuditService,
  CycleService,
  DataService,
  DriftService,
  EventService,
  IncidentService,
  LabelingService,
  ModelService,
  OperationsService,
  PipelineService,
  registry,
  RolloutService,
} from '@rondo/contracts';
import type { GrpcConnection } from '@rondo/rpc';

const PIPELINE = { pipeline: 'flight-delay' };
const PAGE = { ...PIPELINE, pageSize: 500 };

/**
 * Fields that tell the clock on the wall or how fast the machine is, or derive from something that does. How often a rollout was
 * looked at depends on the moments at which messages came; what it concluded does not.
 */
const OF_THE_MACHINE: ReadonlySet<string> = new Set([
  'receivedAt',
  'decidedAt',
  'evaluatedAt',
  'startedAt',
  'finishedAt',
  'registeredAt',
  'openedAt',
  'dueAt',
  'since',
  'championSince',
  'until',
  'durationMs',
  'phases',
  'reportDigest',
  'modelCardDigest',
  'etag',
  'decisionId',
  'manifestDigest',
  'looks',
]);
const TIMINGS: ReadonlySet<JsonValue | undefined> = new Set(['p50Ms', 'p99Ms']);

/** What Rondo knows of the pipeline by name of the list, as JSON without what depends on the machine. */
export type FinalState = Readonly<Record<string, JsonValue>>;

/** Reads everything there is to know about the story through the API. */
export async function finalState(api: GrpcConnection): Promise<FinalState> {
  const json = (method: DescMethodUnary, answer: Message): JsonValue =>
    withoutMachine(toJson(method.output, answer, { registry }));
  const events = await api.client(EventService).listEvents(PAGE);
  const drift = api.client(DriftService);
  const rollouts = api.client(RolloutService);
  const state = {
    ledger: json(EventService.method.listEvents, events),
    cycles: json(CycleService.method.listCycles, await api.client(CycleService).listCycles(PAGE)),
    pipeline: json(PipelineService.method.getPipeline, await api.client(PipelineService).getPipeline(PIPELINE)),
    batches: json(DataService.method.listBatches, await api.client(DataService).listBatches(PAGE)),
    models: json(ModelService.method.listModels, await api.client(ModelService).listModels(PIPELINE)),
    routing: json(RolloutService.method.getRouting, await rollouts.getRouting({ endpoint: PIPELINE.pipeline })),
    rollouts: json(RolloutService.method.listRollouts, await rollouts.listRollouts(PIPELINE)),
    drift: json(DriftService.method.listDriftEvaluations, await drift.listDriftEvaluations(PAGE)),
    performance: json(DriftService.method.listPerformanceEvaluations, await drift.listPerformanceEvaluations(PAGE)),
    campaigns: json(LabelingService.method.listCampaigns, await api.client(LabelingService).listCampaigns(PIPELINE)),
    incidents: json(IncidentService.method.listIncidents, await api.client(IncidentService).listIncidents(PIPELINE)),
    parked: json(OperationsService.method.listParked, await api.client(OperationsService).listParked({})),
  };
  return inOrder(withNames(state));
}

/**
 * The state with its numbers to twelve digits: gateways that run beside each other publish labels in an order of their own, and a sum
 * in another order may differ in its last bits.
 */
export function inAnyOrderOfSums(state: FinalState): FinalState {
  return rounded(state) as FinalState;
}

function rounded(value: JsonValue): JsonValue {
  if (typeof value === 'number') return Number(value.toPrecision(12));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
}

/** Whether the audit chain verifies, and over how many entries. */
export async function auditOf(api: GrpcConnection): Promise<{ readonly intact: boolean; readonly entries: number }> {
  const { intact, entries } = await api.client(AuditService).verifyAudit({});
  return { intact, entries: Number(entries) };
}

/** The id of a batch derives from the time its file was written, and others from that: they are named after the file instead. */
function withNames<S extends Record<string, JsonValue>>(state: S): S {
  const batches = itemsOf(state['batches'], 'batches');
  const drift = itemsOf(state['drift'], 'evaluations');
  const names = [
    ...batches.map(({ batchId, uri }) => [batchId, `batch of ${String(uri).split('/').at(-1)}`]),
    ...drift.map(({ evaluationId, window }) => [evaluationId, `drift of ${JSON.stringify(window)}`]),
  ] as [string, string][];
  let text = JSON.stringify(state);
  for (const [id, name] of names) text = text.replaceAll(id, JSON.stringify(name).slice(1, -1));
  return JSON.parse(text) as S;
}

/**
 * Lists whose order depends on ids are sorted. Who did not hear that an announcement arrived announces again, so merges count
 * announcements and are no part of the state.
 */
function inOrder(state: FinalState): FinalState {
  const sorted = (items: JsonObject[]): JsonObject[] =>
    [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    ...state,
    ledger: sorted(itemsOf(state['ledger'], 'events').filter(({ fate }) => fate !== 'Merged')),
    batches: sorted(itemsOf(state['batches'], 'batches').map((batch) => batch)),
  };
}

const itemsOf = (answer: JsonValue | undefined, list: string): JsonObject[] =>
  ((answer as JsonObject)[list] ?? []) as JsonObject[];

function withoutMachine(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    return value.filter((item) => !TIMINGS.has((item as JsonObject | null)?.['name'])).map(withoutMachine);
  }
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !OF_THE_MACHINE.has(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutMachine(item)]));
}
