import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AbortRolloutSchema,
  CandidateSelectedSchema,
  CancelLabelCampaignSchema,
  CancelTrainingSchema,
  CycleFinishedSchema,
  CyclePhaseChangedSchema,
  CycleStartedSchema,
  EvaluateCandidateSchema,
  IncidentOpenedSchema,
  OpenLabelCampaignSchema,
  PrepareSnapshotSchema,
  StartRolloutSchema,
  TrainCandidateSchema,
} from '@rondo/contracts';
import type { Outgoing, Unit } from '@rondo/journal';
import { assert, elapsedMs, idFrom, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import { actorTo, artifactTo, outgoing, splitTo } from '../contract-map.js';
import { coolDownAfter } from '../domain/cool-down.js';
import {
  enter,
  finish,
  reopen,
  startCycle,
  type CycleResult,
  type CycleStart,
  type CycleState,
  type Phase,
} from '../domain/cycle.js';
import type { IncidentState } from '../domain/incident.js';
import { policyTimeMs, type PipelineState } from '../domain/pipeline.js';
import type { ActorReference } from '../domain/references.js';
import { select } from '../domain/selection.js';
import { loadPipeline, savePipeline } from './pipelines.js';

export const CYCLE = 'cycle';

export async function loadCycle(unit: Unit, id: string): Promise<CycleState> {
  const stored = await unit.load<CycleState>(CYCLE, id);
  if (!stored)
    throw new PermanentError('not-found', `there is no cycle ${id}`, {
      field: 'cycle_id',
      value: id,
      rule: 'an existing cycle',
    });
  return stored.state;
}

export function saveCycle(unit: Unit, cycle: CycleState, messages: readonly Outgoing[] = []): void {
  unit.save<CycleState>({
    kind: CYCLE,
    id: cycle.id,
    state: cycle,
    index: { pipeline: cycle.pipeline, number: cycle.number, phase: cycle.phase },
    outgoing: messages,
  });
}

const headersOf = (cycle: CycleState): Readonly<Record<string, string>> => ({ cycleid: cycle.id });

/** Tells that a cycle entered the phase it is in. */
export function phaseChanged(cycle: CycleState, from: Phase, reason: string): Outgoing {
  return outgoing(
    CyclePhaseChangedSchema,
    { pipeline: cycle.pipeline, cycleId: cycle.id, from, to: cycle.phase, reason },
    headersOf(cycle),
  );
}

function prepareCommand(cycle: CycleState, spec: PipelineSpec, atMs: number): Outgoing {
  const round = cycle.labelSet ? 'labeled' : 'first';
  return outgoing(
    PrepareSnapshotSchema,
    {
      pipeline: cycle.pipeline,
      cycleId: cycle.id,
      idempotencyKey: idFrom(cycle.id, 'prepare', round, String(cycle.phases.length)),
      policyGeneration: BigInt(cycle.generation),
      asOf: timestampFromMs(cycle.asOfMs),
      deadline: timestampFromMs(atMs + spec.training.timeoutMs),
      ...(cycle.labelSet && { labelSet: artifactTo(cycle.labelSet) }),
    },
    headersOf(cycle),
  );
}

/** Opens a cycle and sends its first command. The caller has decided that it may start. */
export function openCycle(unit: Unit, pipeline: PipelineState, spec: PipelineSpec, start: CycleStart): PipelineState {
  const cycle = startCycle(start);
  const { id: cycleId, number, decisionId, trigger, causes } = cycle;
  const started = outgoing(
    CycleStartedSchema,
    {
      pipeline: cycle.pipeline,
      cycleId,
      number,
      decisionId,
      trigger,
      policyGeneration: BigInt(cycle.generation),
      causeEventIds: [...causes],
    },
    headersOf(cycle),
  );
  saveCycle(unit, cycle, [started, prepareCommand(cycle, spec, start.atMs)]);
  const nowMs = start.asOfMs;
  const recent = pipeline.cycleStartsMs.filter((at) => at > nowMs - spec.triggerPolicy.budget.perMs);
  return { ...pipeline, cycles: number, activeCycleId: cycleId, cycleStartsMs: [...recent, nowMs] };
}

/** The snapshot is there: ask people about doubtful rows when the policy wants it, else train. */
export function afterSnapshot(unit: Unit, cycle: CycleState, spec: PipelineSpec, atMs: number): void {
  const review = cycle.snapshot?.review;
  if (!spec.labeling || !review || cycle.snapshot.reviewRows === 0 || cycle.labelNote !== '')
    return beginTraining(unit, cycle, spec, atMs);
  const next = enter(cycle, 'Labeling', atMs);
  const command = outgoing(
    OpenLabelCampaignSchema,
    {
      pipeline: cycle.pipeline,
      cycleId: cycle.id,
      idempotencyKey: idFrom(cycle.id, 'label', String(next.phases.length)),
      policyGeneration: BigInt(cycle.generation),
      reviewArtifact: artifactTo(review),
      champion: cycle.champion,
      snapshotDigest: cycle.snapshot.digest,
    },
    headersOf(cycle),
  );
  saveCycle(unit, next, [
    phaseChanged(next, cycle.phase, `${cycle.snapshot.reviewRows} rows need a person's eye`),
    command,
  ]);
}

/** Sends the labels back into preparation, so that the training set holds them. */
export function prepareWithLabels(unit: Unit, cycle: CycleState, spec: PipelineSpec, atMs: number): void {
  const next = enter(cycle, 'Preparing', atMs);
  saveCycle(unit, next, [phaseChanged(next, cycle.phase, cycle.labelNote), prepareCommand(next, spec, atMs)]);
}

export function beginTraining(unit: Unit, cycle: CycleState, spec: PipelineSpec, atMs: number): void {
  const snapshot = cycle.snapshot;
  assert(snapshot, `cycle ${cycle.id} trains without a snapshot`);
  const next = enter(cycle, 'Training', atMs, {
    candidates: spec.training.candidates.map((candidate) => ({
      name: candidate.name,
      state: 'Training',
      trainer: candidate.trainer,
      params: {},
      validation: [],
      featureImportance: [],
      complexity: 0,
      message: '',
      durationMs: 0,
      progress: 0,
      stage: 'queued',
    })),
  });
  const commands = spec.training.candidates.map((candidate) =>
    outgoing(
      TrainCandidateSchema,
      {
        pipeline: cycle.pipeline,
        cycleId: cycle.id,
        idempotencyKey: idFrom(cycle.id, 'train', candidate.name, String(next.phases.length)),
        policyGeneration: BigInt(cycle.generation),
        candidate: candidate.name,
        snapshotDigest: snapshot.digest,
        splits: snapshot.splits.filter((split) => split.name !== 'test').map(splitTo),
        seed: BigInt(spec.training.seed),
        deadline: timestampFromMs(atMs + spec.training.timeoutMs),
      },
      headersOf(cycle),
    ),
  );
  const reason =
    cycle.phase === 'Labeling' ? `${cycle.labelNote}; ${commands.length} candidates` : `${commands.length} candidates`;
  saveCycle(unit, next, [phaseChanged(next, cycle.phase, reason), ...commands]);
}

/** All candidates are done: choose one on the validation rows and have it judged on the sealed test rows. */
export async function selectAndEvaluate(
  unit: Unit,
  cycle: CycleState,
  spec: PipelineSpec,
  atMs: number,
): Promise<void> {
  const trained = cycle.candidates.filter((candidate) => candidate.state === 'Trained');
  const selecting = enter(cycle, 'Selecting', atMs);
  const choice = select(trained, spec.selection);
  if (!choice) {
    const reasons = cycle.candidates
      .map((candidate) => `${candidate.name}: ${candidate.message || 'no validation metric'}`)
      .join('; ');
    return finishCycle(unit, cycle, spec, {
      result: 'Failed',
      reason: `no candidate could be trained (${reasons})`,
      atMs,
    });
  }
  const selected = trained.find((candidate) => candidate.name === choice.candidate);
  assert(selected?.model && cycle.snapshot, `candidate ${choice.candidate} has no model`);
  if (selected.model.digest === cycle.champion?.digest) {
    const { name, version } = cycle.champion;
    const reason = `${choice.candidate} is ${name}/${version} byte for byte: equal data, parameters and seed; there is nothing to replace`;
    const chosen = { ...selecting, selected: choice.candidate, selectionNote: choice.explanation };
    return finishCycle(unit, chosen, spec, { result: 'Rejected', reason, atMs });
  }
  const next = enter(selecting, 'Evaluating', atMs, { selected: choice.candidate, selectionNote: choice.explanation });
  saveCycle(unit, next, [
    outgoing(
      CandidateSelectedSchema,
      {
        pipeline: cycle.pipeline,
        cycleId: cycle.id,
        candidate: choice.candidate,
        rule: choice.rule,
        considered: trained.map((c) => c.name),
        explanation: choice.explanation,
      },
      headersOf(cycle),
    ),
    phaseChanged(next, cycle.phase, choice.explanation),
    outgoing(
      EvaluateCandidateSchema,
      {
        pipeline: cycle.pipeline,
        cycleId: cycle.id,
        idempotencyKey: idFrom(cycle.id, 'evaluate', choice.candidate, String(next.phases.length)),
        policyGeneration: BigInt(cycle.generation),
        candidate: choice.candidate,
        model: artifactTo(selected.model),
        champion: cycle.champion,
        snapshotDigest: cycle.snapshot.digest,
        splits: cycle.snapshot.splits.map(splitTo),
        deadline: timestampFromMs(atMs + spec.training.timeoutMs),
      },
      headersOf(cycle),
    ),
  ]);
}

/** The challenger may take traffic. */
export function beginRollout(unit: Unit, cycle: CycleState, atMs: number, reason: string): void {
  const next = enter(cycle, 'RollingOut', atMs);
  saveCycle(unit, next, [
    phaseChanged(next, cycle.phase, reason),
    outgoing(
      StartRolloutSchema,
      {
        pipeline: cycle.pipeline,
        cycleId: cycle.id,
        idempotencyKey: idFrom(cycle.id, 'rollout', String(next.phases.length)),
        policyGeneration: BigInt(cycle.generation),
        candidate: cycle.challenger,
        champion: cycle.champion,
        approvalId: cycle.approvalId ?? '',
        featureViewDigest: cycle.snapshot?.featureViewDigest ?? '',
      },
      headersOf(cycle),
    ),
  ]);
}

export interface CycleEnd {
  readonly result: CycleResult;
  readonly reason: string;
  readonly atMs: number;
}

/** Ends the cycle: the pipeline is free again, cools down as the policy says, and a rollback opens an incident. */
export async function finishCycle(unit: Unit, cycle: CycleState, spec: PipelineSpec, end: CycleEnd): Promise<void> {
  const done = finish(cycle, end.result, end.reason, end.atMs);
  const stored = await loadPipeline(unit, cycle.pipeline);
  const { activeCycleId: _ended, ...pipeline } = stored;
  const nowMs = policyTimeMs(stored, spec.time, end.atMs);
  const coolDown = coolDownAfter(spec.triggerPolicy.cooldown, end.result, nowMs);
  savePipeline(unit, { ...pipeline, ...(coolDown && { coolDown }) });
  const messages = [
    outgoing(
      CycleFinishedSchema,
      {
        pipeline: cycle.pipeline,
        cycleId: cycle.id,
        number: cycle.number,
        result: end.result,
        reason: end.reason,
        durationMs: BigInt(elapsedMs(cycle.startedAtMs, end.atMs)),
        model: cycle.challenger,
        eventTime: timestampFromMs(nowMs),
      },
      headersOf(cycle),
    ),
  ];
  saveCycle(unit, done, messages);
  if (end.result === 'RolledBack') openIncident(unit, done, end);
}

function openIncident(unit: Unit, cycle: CycleState, end: CycleEnd): void {
  const id = idFrom('incident', cycle.id);
  const summary = `cycle ${cycle.number} was rolled back: ${end.reason}`;
  unit.save<IncidentState>({
    kind: 'incident',
    id,
    state: {
      id,
      pipeline: cycle.pipeline,
      cycleId: cycle.id,
      state: 'Open',
      summary,
      openedAtMs: end.atMs,
      evidence: [
        cycle.decisionId,
        ...(cycle.rolloutId ? [cycle.rolloutId] : []),
        ...(cycle.evaluation?.report ? [cycle.evaluation.report.digest] : []),
      ],
      postmortem: '',
      actionItems: [],
    },
    index: { pipeline: cycle.pipeline, state: 'Open' },
    outgoing: [
      outgoing(
        IncidentOpenedSchema,
        { pipeline: cycle.pipeline, incidentId: id, cycleId: cycle.id, summary, openedAt: timestampFromMs(end.atMs) },
        headersOf(cycle),
      ),
    ],
  });
}

/** Tells the services to stop; the cycle ends at once unless traffic has to be moved back first. */
export async function cancelCycle(
  unit: Unit,
  cycle: CycleState,
  spec: PipelineSpec,
  who: { actor: ActorReference; reason: string; atMs: number },
): Promise<void> {
  const base = { pipeline: cycle.pipeline, cycleId: cycle.id, reason: who.reason };
  const headers = headersOf(cycle);
  if (cycle.phase === 'RollingOut') {
    const idempotencyKey = idFrom(cycle.id, 'abort');
    const abort = outgoing(AbortRolloutSchema, { ...base, idempotencyKey, actor: actorTo(who.actor) }, headers);
    saveCycle(unit, { ...cycle, cancelRequested: `${who.actor.id}: ${who.reason}` }, [abort]);
    return;
  }
  if (cycle.phase === 'Training') saveCycle(unit, cycle, [outgoing(CancelTrainingSchema, base, headers)]);
  if (cycle.phase === 'Labeling') saveCycle(unit, cycle, [outgoing(CancelLabelCampaignSchema, base, headers)]);
  await finishCycle(unit, cycle, spec, {
    result: 'Cancelled',
    reason: `${who.actor.id}: ${who.reason}`,
    atMs: who.atMs,
  });
}

/** Runs the failed step again. */
export async function retryStep(unit: Unit, cycle: CycleState, spec: PipelineSpec, atMs: number): Promise<void> {
  const stored = await loadPipeline(unit, cycle.pipeline);
  if (cycle.phase !== 'Finished' || !cycle.failedStep || stored.activeCycleId) {
    throw new PermanentError(
      'failed-precondition',
      stored.activeCycleId ? `cycle ${stored.activeCycleId} is running` : `cycle ${cycle.number} has no failed step`,
      {
        field: 'cycle_id',
        value: cycle.id,
        rule: 'a failed cycle of a pipeline that runs no other',
        reason: 'NOTHING_TO_RETRY',
      },
    );
  }
  const { coolDown: _over, ...pipeline } = stored;
  savePipeline(unit, { ...pipeline, activeCycleId: cycle.id });
  const again = reopen(cycle, atMs);
  switch (again.phase) {
    case 'Preparing':
      return saveCycle(unit, again, [phaseChanged(again, 'Finished', 'retried'), prepareCommand(again, spec, atMs)]);
    case 'Labeling':
      return afterSnapshot(unit, { ...again, labelNote: '' }, spec, atMs);
    case 'Training':
    case 'Selecting':
      return beginTraining(unit, again, spec, atMs);
    case 'Evaluating':
      return selectAndEvaluate(unit, again, spec, atMs);
    case 'AwaitingApproval':
    case 'RollingOut':
    case 'Finished':
      return beginRollout(unit, again, atMs, 'retried');
  }
}
