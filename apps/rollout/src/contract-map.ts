import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  ActorKind,
  AnalysisMeasuredSchema,
  type AnalysisResultSchema,
  OverrideRequestedSchema,
  RolloutFinishedSchema,
  RolloutPausedSchema,
  RolloutResult,
  RolloutSchema,
  RolloutStartedSchema,
  RolloutStepEnteredSchema,
  RoutingChangedSchema,
  RoutingSchema,
  type SliceResultsSchema,
  StepFailedSchema,
  Verdict,
  type AnalysisMeasured,
  type EstimateSchema,
  type FeedbackObserved,
  type LabelsObserved,
  type ModelRef,
  type PredictionsLogged,
  type Rollout,
  type Routing,
} from '@rondo/contracts';
import type { Outgoing } from '@rondo/journal';
import type { PipelineSpec } from '@rondo/policy';
import type { Fact, Measured } from './domain/facts.js';
import type { AskedRequests, ObservedFeedback, ObservedLabels, ServedBatch } from './domain/observations.js';
import { etagOf } from './domain/override.js';
import { waitingFor } from './domain/plan.js';
import type { Estimate, Reading, SliceReadings } from './domain/reading.js';
import type { RolloutState } from './domain/rollout-state.js';
import type { RolloutPlan, SliceRule } from './domain/rollout-plan.js';
import type { Actor, ModelBundle, RoutingState } from './domain/routing.js';

const ACTOR_KINDS = {
  Human: ActorKind.HUMAN,
  Service: ActorKind.SERVICE,
  Policy: ActorKind.POLICY,
} as const;
const VERDICTS = {
  Pass: Verdict.PASS,
  Fail: Verdict.FAIL,
  Inconclusive: Verdict.INCONCLUSIVE,
} as const;

/** The rollout part of an admitted policy. */
export function planFrom(spec: PipelineSpec): RolloutPlan {
  const { rollout } = spec;
  return {
    endpoint: rollout.endpoint,
    time: spec.time,
    steps: rollout.steps.map((step) => ({
      name: step.name,
      weightPercent: step.weight ?? 0,
      shadow: step.shadow ?? false,
      bakeMs: step.bakeMs,
      analyses: [...step.analyses],
    })),
    analyses: rollout.analyses.map(({ name, metric, feedback, alpha, margin, minSamples, ...asked }) => ({
      name,
      metric,
      alpha,
      margin,
      minSamples,
      ...(feedback !== undefined && { feedback }),
      ...(asked.minLabelShare !== undefined && { minLabelShare: asked.minLabelShare }),
      ...(asked.labelMaturity && { labelMaturity: asked.labelMaturity }),
    })),
    ...(rollout.slices && { slices: sliceRuleFrom(rollout.slices, spec.data.features.columns) }),
    deadlineMs: rollout.deadlineMs,
    onDeadline: rollout.onDeadline,
  };
}

function sliceRuleFrom(
  { analysis, by, falseDiscoveryRate, minSamples }: NonNullable<PipelineSpec['rollout']['slices']>,
  columns: readonly string[],
): SliceRule {
  const features = by.map((each) => ({ ...each, column: columns.indexOf(each.feature) }));
  return { analysis, features, falseDiscoveryRate, minSamples };
}

/** A model reference with the feature view it was trained on, as one set. */
export function bundleFrom(model: ModelRef, featureViewDigest: string): ModelBundle {
  return {
    name: model.name,
    version: model.version,
    digest: model.digest,
    featureViewDigest,
  };
}

/** An actor of the wire; a missing one is the control plane. */
export function actorFrom(actor: { id: string; kind: ActorKind; roles: readonly string[] } | undefined): Actor {
  if (!actor) return { id: 'service:control-plane', kind: 'Service', roles: [] };
  const kind = actor.kind === ActorKind.HUMAN ? 'Human' : actor.kind === ActorKind.POLICY ? 'Policy' : 'Service';
  return { id: actor.id, kind, roles: [...actor.roles] };
}

/** Undefined for a message without the event time that everything here rests on. */
export function servedBatchFrom(message: PredictionsLogged): ServedBatch | undefined {
  if (!message.eventTime) return undefined;
  const rows = message.championScores.length;
  return {
    requestId: message.requestId,
    eventTimeMs: timestampMs(message.eventTime),
    epoch: Number(message.epoch),
    ...(message.candidate && { candidateDigest: message.candidate.digest }),
    keys: [...message.keys],
    assignedToCandidate: assignedOf(message),
    servedByCandidate: Array.from({ length: rows }, (_, row) => message.servedByCandidate[row] ?? false),
    championScores: message.championScores.map(chanceOrNull),
    candidateScores: Array.from({ length: rows }, (_, row) => chanceOrNull(message.candidateScores[row])),
    ...(message.slices.length > 0 && { slices: message.slices }),
    championLatencyMs: finiteOrZero(message.championLatencyMs),
    candidateLatencyMs: finiteOrZero(message.candidateLatencyMs),
    ...askedRequestsOf(message),
  };
}

/** A message that does not tell who was assigned tells who answered, which is the same unless the candidate failed. */
function assignedOf({ assignedToCandidate, servedByCandidate, candidateErrors }: PredictionsLogged): boolean[] {
  if (assignedToCandidate.length > 0) return [...assignedToCandidate];
  return candidateErrors > 0 ? [] : [...servedByCandidate];
}

/** A message that does not tell its requests counts as one: that is never too much evidence. */
function askedRequestsOf(message: PredictionsLogged): Pick<ServedBatch, 'champion' | 'candidate'> {
  if (message.championRequests + message.candidateRequests > 0)
    return {
      champion: { requests: message.championRequests, failed: message.championFailedRequests },
      candidate: { requests: message.candidateRequests, failed: message.candidateFailedRequests },
    };
  const one = (scores: readonly number[], errors: number): AskedRequests => ({
    requests: errors > 0 || scores.some((score) => chanceOrNull(score) !== null) ? 1 : 0,
    failed: errors > 0 ? 1 : 0,
  });
  return {
    champion: one(message.championScores, message.championErrors),
    candidate: one(message.candidateScores, message.candidateErrors),
  };
}

/** Outcomes as the join needs them. */
export function labelsFrom(message: LabelsObserved): ObservedLabels {
  return {
    requestId: message.requestId,
    rowIndexes: [...message.rowIndexes],
    labels: [...message.labels],
  };
}

export function feedbackFrom(message: FeedbackObserved): ObservedFeedback {
  return {
    requestId: message.requestId,
    rowIndex: message.rowIndex,
    name: message.name,
    value: message.value,
  };
}

/** What other services are told. */
export function outgoingOf(fact: Fact, rollout: RolloutState): Outgoing {
  const { pipeline, cycleId, rolloutId, endpoint } = rollout;
  const about = { pipeline, cycleId, rolloutId };
  const headers = { cycleid: cycleId };
  switch (fact.kind) {
    case 'RolloutStarted':
      return out(RolloutStartedSchema, {
        ...about,
        endpoint,
        candidate: modelOf(fact.candidate),
        ...(fact.champion && { champion: modelOf(fact.champion) }),
      });
    case 'StepEntered': {
      const { stepIndex, step, weightPercent, shadow, atMs } = fact;
      return out(RolloutStepEnteredSchema, {
        ...about,
        stepIndex,
        step,
        weightPercent,
        shadow,
        ...eventTime(atMs),
      });
    }
    case 'AnalysisMeasured':
      return {
        schema: AnalysisMeasuredSchema,
        message: measuredOf(fact.measured, rollout),
        key: pipeline,
        headers,
      };
    case 'RoutingChanged':
      return routingOutgoing(fact.routing, fact.rolloutId, headers);
    case 'Paused':
      return out(RolloutPausedSchema, {
        ...about,
        paused: fact.paused,
        reason: fact.reason,
        actor: actorOf(fact.actor),
      });
    case 'Finished':
      return out(RolloutFinishedSchema, {
        ...about,
        endpoint,
        result: fact.result === 'Promoted' ? RolloutResult.PROMOTED : RolloutResult.ROLLED_BACK,
        candidate: modelOf(rollout.candidate),
        ...(rollout.champion && { champion: modelOf(rollout.champion) }),
        cause: fact.cause,
        actor: actorOf(fact.actor),
        evidence: fact.evidence.map(resultOf),
        ...eventTime(fact.atMs),
        tookMs: BigInt(Math.round(fact.tookMs)),
        ...(fact.serving && { serving: modelOf(fact.serving) }),
      });
  }

  function out<D extends Parameters<typeof create>[0]>(schema: D, init: MessageInitShape<D>): Outgoing {
    return { schema, message: create(schema, init), key: pipeline, headers };
  }
}

/** A routing write as the gateways apply it. */
export function routingOutgoing(
  routing: RoutingState,
  rolloutId: string,
  headers: Record<string, string> = {},
): Outgoing {
  const { champion, candidate, previousChampion } = routing;
  const message = create(RoutingChangedSchema, {
    pipeline: routing.pipeline,
    endpoint: routing.endpoint,
    epoch: BigInt(routing.epoch),
    ...(champion && {
      champion: modelOf(champion),
      championFeatureViewDigest: champion.featureViewDigest,
    }),
    ...(candidate && {
      candidate: modelOf(candidate),
      candidateFeatureViewDigest: candidate.featureViewDigest,
    }),
    ...(previousChampion && { previousChampion: modelOf(previousChampion) }),
    candidateWeightPercent: routing.weightPercent,
    shadow: routing.shadow,
    rolloutId,
    reason: routing.reason,
    actor: actorOf(routing.actor),
    slices: (routing.slices ?? []).map(({ feature, column, cuts = [], values = [] }) => ({
      feature,
      column,
      cuts: [...cuts],
      values: [...values],
    })),
  });
  return {
    schema: RoutingChangedSchema,
    message,
    key: routing.pipeline,
    headers,
  };
}

/** The audit record of an override, whatever became of it. */
export function overrideOutgoing(
  override: {
    readonly pipeline: string;
    readonly method: string;
    readonly subject: string;
    readonly reason: string;
    readonly requestId: string;
  },
  actor: Actor,
  outcome: string,
): Outgoing {
  const message = create(OverrideRequestedSchema, {
    ...override,
    actor: actorOf(actor),
    outcome,
  });
  return { schema: OverrideRequestedSchema, message, key: override.pipeline };
}

/** The answer to a StartRollout that cannot be carried out. */
export function stepFailedOutgoing(
  command: {
    readonly pipeline: string;
    readonly cycleId: string;
    readonly idempotencyKey: string;
  },
  failure: { readonly code: string; readonly message: string },
): Outgoing {
  const { pipeline, cycleId, idempotencyKey } = command;
  const message = create(StepFailedSchema, {
    pipeline,
    cycleId,
    idempotencyKey,
    step: 'rollout',
    ...failure,
    attempts: 1,
  });
  return {
    schema: StepFailedSchema,
    message,
    key: pipeline,
    headers: { cycleid: cycleId },
  };
}

/** A rollout as the API shows it. */
export function rolloutOf(rollout: RolloutState, history: readonly Measured[], nowMs: number): Rollout {
  const { wants, startedWallMs, finishedWallMs } = rollout;
  return create(RolloutSchema, {
    pipeline: rollout.pipeline,
    cycleId: rollout.cycleId,
    rolloutId: rollout.rolloutId,
    endpoint: rollout.endpoint,
    state: rollout.phase === 'Running' && rollout.paused ? 'Paused' : rollout.phase,
    candidate: modelOf(rollout.candidate),
    ...(rollout.champion && { champion: modelOf(rollout.champion) }),
    steps: rollout.plan.steps.map((step, index) => stepOf(rollout, step, index)),
    stepIndex: rollout.stepIndex,
    weightPercent: wants.weightPercent,
    latest: rollout.latest.map(resultOf),
    history: history.map((measured) => measuredOf(withoutSlices(measured), rollout)),
    predictions: BigInt(rollout.predictions),
    labels: BigInt(rollout.labels.joined),
    cause: rollout.cause,
    waitingFor: rollout.phase === 'Running' ? waitingFor(rollout, nowMs) : '',
    startedAt: timestampFromMs(startedWallMs),
    ...(finishedWallMs !== undefined && {
      finishedAt: timestampFromMs(finishedWallMs),
    }),
    etag: etagOf(rollout),
  });
}

/** Etag of a routing: its epoch. */
export function routingEtag(routing: RoutingState): string {
  return `e${routing.epoch}`;
}

/** A routing as the API shows it. */
export function routingOf(routing: RoutingState): Routing {
  const { champion, candidate, previousChampion } = routing;
  return create(RoutingSchema, {
    endpoint: routing.endpoint,
    pipeline: routing.pipeline,
    epoch: BigInt(routing.epoch),
    ...(champion && { champion: modelOf(champion) }),
    ...(candidate && { candidate: modelOf(candidate) }),
    ...(previousChampion && { previousChampion: modelOf(previousChampion) }),
    candidateWeightPercent: routing.weightPercent,
    shadow: routing.shadow,
    etag: routingEtag(routing),
  });
}

function stepOf(rollout: RolloutState, step: RolloutPlan['steps'][number], index: number) {
  const visit = rollout.visits.findLast((candidate) => candidate.stepIndex === index);
  const { enteredAtMs, leftAtMs } = visit ?? {};
  return {
    name: step.name,
    weightPercent: step.weightPercent,
    shadow: step.shadow,
    bakeMs: BigInt(step.bakeMs),
    analyses: [...step.analyses],
    ...(enteredAtMs !== undefined && {
      enteredAt: timestampFromMs(enteredAtMs),
    }),
    ...(leftAtMs !== undefined && { leftAt: timestampFromMs(leftAtMs) }),
  };
}

function measuredOf(measured: Measured, rollout: RolloutState): AnalysisMeasured {
  return create(AnalysisMeasuredSchema, {
    pipeline: rollout.pipeline,
    cycleId: rollout.cycleId,
    rolloutId: rollout.rolloutId,
    step: measured.step,
    results: measured.results.map(resultOf),
    eventTime: timestampFromMs(measured.atMs),
    predictions: BigInt(measured.predictions),
    labels: BigInt(measured.labels),
  });
}

/** Past looks are for charts of the analyses. */
function withoutSlices({ results, ...measured }: Measured): Measured {
  return { ...measured, results: results.map(({ slices: _slices, ...reading }) => reading) };
}

function resultOf(reading: Reading): MessageInitShape<typeof AnalysisResultSchema> {
  const { candidate, champion, difference } = reading;
  return {
    analysis: reading.analysis,
    verdict: VERDICTS[reading.verdict],
    ...(candidate && { candidate: estimateOf(candidate) }),
    ...(champion && { champion: estimateOf(champion) }),
    ...(difference && { difference: estimateOf(difference) }),
    eValue: reading.eValue,
    alpha: reading.alpha,
    looks: BigInt(reading.looks),
    explanation: reading.explanation,
    ...(reading.moreNeeded !== null && { moreNeeded: BigInt(reading.moreNeeded) }),
    ...(reading.slices && { slices: sliceResultsOf(reading.slices) }),
  };
}

function sliceResultsOf({ worst, minSamples, ...counts }: SliceReadings): MessageInitShape<typeof SliceResultsSchema> {
  return {
    ...counts,
    minSamples: BigInt(minSamples),
    worst: worst.map(({ slice, difference, eValue, harmed }) => ({
      difference: estimateOf(difference, slice),
      eValue,
      harmed,
    })),
  };
}

function estimateOf(estimate: Estimate, slice = 'all'): MessageInitShape<typeof EstimateSchema> {
  return { ...estimate, n: BigInt(Math.round(estimate.n)), slice };
}

function modelOf(bundle: ModelBundle): {
  name: string;
  version: number;
  digest: string;
} {
  return { name: bundle.name, version: bundle.version, digest: bundle.digest };
}

function actorOf(actor: Actor): {
  id: string;
  kind: ActorKind;
  roles: string[];
} {
  return {
    id: actor.id,
    kind: ACTOR_KINDS[actor.kind],
    roles: [...actor.roles],
  };
}

function eventTime(atMs: number | undefined): {
  eventTime?: ReturnType<typeof timestampFromMs>;
} {
  return atMs === undefined ? {} : { eventTime: timestampFromMs(atMs) };
}

function chanceOrNull(score: number | undefined): number | null {
  return score !== undefined && score >= 0 && score <= 1 ? score : null;
}

function finiteOrZero(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
