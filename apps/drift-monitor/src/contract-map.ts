import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  DriftEvaluatedSchema,
  DriftState as DriftStateMessage,
  PerformanceEvaluatedSchema,
  ReferenceProfiledSchema,
  type BatchReady,
  type ChampionChanged,
  type DriftEvaluated,
  type ShareBoundsSchema,
  type PerformanceEvaluated,
  type PredictionsLogged,
  type TimeRange,
} from '@rondo/contracts';
import type { Outgoing } from '@rondo/journal';
import { PermanentError } from '@rondo/kernel';
import { estimateFrom, estimateTo } from './contract-estimates.js';
import type { DriftEvaluation, DriftState, FeatureDrift } from './domain/drift-evaluation.js';
import type { FeatureLossAttribution } from './domain/feature-losses.js';
import type { LossAttribution } from './domain/loss-attribution.js';
import type { PerformanceEvaluation, Window } from './domain/performance.js';
import type { DriftRequest, Reference } from './domain/reference.js';
import type { ShareBounds, ShareIntervals } from './domain/shares.js';
import { servedRequest, type ServedRequest } from './domain/served-request.js';

const STATES: Readonly<Record<DriftState, DriftStateMessage>> = {
  insufficient: DriftStateMessage.INSUFFICIENT,
  clear: DriftStateMessage.CLEAR,
  negligible: DriftStateMessage.NEGLIGIBLE,
  seasonal: DriftStateMessage.SEASONAL,
  suspected: DriftStateMessage.SUSPECTED,
  detected: DriftStateMessage.DETECTED,
};

/** The new reference, its profile still to be made. @throws PermanentError `invalid` when something needed is absent */
export function referenceFrom(event: ChampionChanged): Reference {
  const { pipeline, to, referenceRows, snapshotDigest } = event;
  if (!to) throw missing('ChampionChanged', 'to');
  if (!referenceRows) throw missing('ChampionChanged', 'reference_rows');
  return {
    pipeline,
    model: { name: to.name, version: to.version, digest: to.digest },
    snapshotDigest,
    rowsDigest: referenceRows.digest,
    featureNames: [...event.featureNames],
    importance: [...event.featureImportance],
    metrics: event.referenceMetrics.map(estimateFrom),
    status: 'profiling',
    profileDigest: '',
    waiting: [],
  };
}

/** The interval a batch covers. @throws PermanentError `invalid` when it has none */
export function windowFrom(range: TimeRange | undefined): Window {
  if (!range?.start || !range.end) throw missing('BatchReady', 'data_interval');
  const window = {
    startMs: timestampMs(range.start),
    endMs: timestampMs(range.end),
  };
  if (window.endMs > window.startMs) return window;
  const rule = 'the end is after the start';
  throw new PermanentError('invalid', `BatchReady: data_interval is empty`, {
    field: 'data_interval',
    value: window,
    rule,
  });
}

/** The comparison a batch asks for. @throws PermanentError `invalid` without features */
export function driftRequestFrom(event: BatchReady, modelDigest: string): DriftRequest {
  if (!event.featuresArtifact) throw missing('BatchReady', 'features_artifact');
  return {
    pipeline: event.pipeline,
    batchId: event.batchId,
    featuresDigest: event.featuresArtifact.digest,
    ...windowFrom(event.dataInterval),
    generation: Number(event.policyGeneration),
    modelDigest,
  };
}

/** What is kept of an answered request; undefined when no champion answered or its time is unknown. */
export function servedFrom(message: PredictionsLogged): ServedRequest | undefined {
  const { pipeline, requestId, eventTime, champion, championScores, keys } = message;
  if (!eventTime || !champion || championScores.length === 0) return undefined;
  const served = {
    pipeline,
    requestId,
    eventTimeMs: timestampMs(eventTime),
    modelDigest: champion.digest,
  };
  return servedRequest(served, championScores, keys);
}

/** A profile was stored. */
export function profiledOutgoing(reference: Reference, sizeBytes: number): Outgoing {
  const { pipeline, model, snapshotDigest, profileDigest } = reference;
  const profile = {
    digest: profileDigest,
    mediaType: 'application/json',
    sizeBytes: BigInt(sizeBytes),
  };
  const message = create(ReferenceProfiledSchema, {
    pipeline,
    model,
    snapshotDigest,
    profile,
  });
  return { schema: ReferenceProfiledSchema, message, key: pipeline };
}

/** A comparison as others are told and the API shows it. */
export function driftTo(evaluation: DriftEvaluation): DriftEvaluated {
  const { window, features, importanceWeighted, rows, rowsNeeded = 0, referenceRows = 0, ...told } = evaluation;
  const { evaluatedAtMs, state, ...same } = told;
  return create(DriftEvaluatedSchema, {
    ...same,
    state: STATES[state],
    window: rangeTo(window),
    features: features.map(featureTo),
    importanceWeighted: estimateTo(importanceWeighted),
    rows: BigInt(rows),
    rowsNeeded: BigInt(rowsNeeded),
    referenceRows: BigInt(referenceRows),
    evaluatedAt: timestampFromMs(evaluatedAtMs),
  });
}

/** An evaluation as others are told and the API shows it. */
export function performanceTo(evaluation: PerformanceEvaluation): PerformanceEvaluated {
  const { window, metrics, referenceMetrics, attribution, rows, rowsNeeded = 0, evaluatedAtMs, ...told } = evaluation;
  const { logLossExcessEstimate, labelCoverageEstimate, ...same } = told;
  return create(PerformanceEvaluatedSchema, {
    ...same,
    window: rangeTo(window),
    metrics: metrics.map(estimateTo),
    referenceMetrics: referenceMetrics.map(estimateTo),
    ...(attribution && { attribution: attributionTo(attribution) }),
    ...(logLossExcessEstimate && { logLossExcessEstimate: estimateTo(logLossExcessEstimate) }),
    ...(labelCoverageEstimate && { labelCoverageEstimate: estimateTo(labelCoverageEstimate) }),
    rows: BigInt(rows),
    rowsNeeded: BigInt(rowsNeeded),
    evaluatedAt: timestampFromMs(evaluatedAtMs),
  });
}

function attributionTo({ change, mix, rate, segments, features }: LossAttribution) {
  return {
    ...(features && { features: featuresTo(features) }),
    change: estimateTo(change),
    mix: estimateTo(mix),
    rate: estimateTo(rate),
    segments: segments.map((one) => ({
      segment: one.segment,
      mix: estimateTo(one.mix),
      rate: estimateTo(one.rate),
      adjustedPValueLog10: one.adjustedLog10PValue,
      referenceRows: BigInt(one.referenceRows),
      rows: BigInt(one.rows),
    })),
  };
}

function featuresTo({ segments, tested, rows }: FeatureLossAttribution) {
  return {
    segments: segments.map(({ mix, rate, excess, adjustedLog10PValue, ...one }) => ({
      ...one,
      mix: estimateTo(mix),
      rate: estimateTo(rate),
      excess: estimateTo(excess),
      adjustedPValueLog10: adjustedLog10PValue,
      referenceRows: BigInt(one.referenceRows),
      rows: BigInt(one.rows),
    })),
    tested,
    rows: BigInt(rows),
  };
}

function featureTo({
  feature,
  state,
  psi,
  distance,
  jensenShannon,
  wasserstein,
  season,
  intervals,
  ...rest
}: FeatureDrift) {
  const { log10PValue, adjustedLog10PValue, binEdges, referenceShares, currentShares, ...same } = rest;
  return {
    ...same,
    feature,
    state: STATES[state],
    psi: estimateTo(psi),
    ...(distance && { distance: estimateTo(distance) }),
    ...(jensenShannon && { jensenShannon: estimateTo(jensenShannon) }),
    ...(wasserstein && { wasserstein: estimateTo(wasserstein) }),
    ...(season && { season: { ...season, effect: estimateTo(season.effect), rows: BigInt(Math.round(season.rows)) } }),
    pValueLog10: log10PValue,
    adjustedPValueLog10: adjustedLog10PValue,
    binEdges: [...binEdges],
    referenceShares: [...referenceShares],
    currentShares: [...currentShares],
    ...(intervals && intervalsTo(intervals)),
  };
}

function intervalsTo({ nullRateReference, nullRateCurrent, referenceShares, currentShares }: ShareIntervals) {
  return {
    ...(nullRateReference && { nullRateReferenceEstimate: estimateTo(nullRateReference) }),
    ...(nullRateCurrent && { nullRateCurrentEstimate: estimateTo(nullRateCurrent) }),
    ...(referenceShares && { referenceShareBounds: boundsTo(referenceShares) }),
    ...(currentShares && { currentShareBounds: boundsTo(currentShares) }),
  };
}

const boundsTo = ({ lower, upper, n, ...same }: ShareBounds): MessageInitShape<typeof ShareBoundsSchema> => ({
  ...same,
  lower: [...lower],
  upper: [...upper],
  n: BigInt(n),
});

function rangeTo({ startMs, endMs }: Window) {
  return { start: timestampFromMs(startMs), end: timestampFromMs(endMs) };
}

function missing(message: string, field: string): PermanentError {
  return new PermanentError('invalid', `${message} has no ${field}`, {
    field,
    rule: 'required',
  });
}
