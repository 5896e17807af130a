import { canonicalJson } from '@rondo/kernel';
import { addBatch, addFeedback, addPairs, readEvidence, type EvidenceState } from './evidence.js';
import type { Fact, Measured } from './facts.js';
import { addOutcomes, addServed, readMaturing, type MaturingEvidence } from './maturing.js';
import type { LabelCounts, ScoredPair, ServedBatch } from './observations.js';
import type { Reading } from './reading.js';
import { judgedAnalyses, type AnalysisRule } from './rollout-plan.js';
import { policyTime, stepOf, type RolloutState } from './rollout-state.js';
import { addToSlices, judgedWithSlices, readSlices } from './slices.js';
import { observeSplit } from './split-check.js';

const HOUR_MS = 3_600_000;

/** Whether a request was served in this rollout: neither with another candidate nor under a routing before the rollout's first. */
export function isServedIn(rollout: RolloutState, batch: ServedBatch): boolean {
  return batch.candidateDigest === rollout.candidate.digest && batch.epoch > (rollout.sinceEpoch ?? -1);
}

/** Takes in one served request; others than the rollout's change nothing. */
export function observeBatch(rollout: RolloutState, batch: ServedBatch): RolloutState {
  if (!isServedIn(rollout, batch)) return rollout;
  const watermarkMs = Math.max(rollout.watermarkMs ?? batch.eventTimeMs, batch.eventTimeMs);
  const evidence = mapEvidence(rollout, (rule, state) => addBatch(rule, state, batch));
  const split = batch.epoch === rollout.wants.epoch ? observeSplit(rollout.split, batch, rollout.wants) : rollout.split;
  const seen = { epoch: Math.max(rollout.seen.epoch, batch.epoch) };
  const clocked = {
    ...rollout,
    watermarkMs,
    startedAtMs: rollout.startedAtMs ?? watermarkMs,
  };
  return {
    ...withEntryTime(clocked),
    evidence,
    ...matured(rollout, (rule, maturing) => addServed(rule, maturing, batch)),
    split,
    seen,
    predictions: rollout.predictions + batch.championScores.length,
  };
}

/** Takes in rows of one request whose outcome became known. */
export function observePairs(
  rollout: RolloutState,
  pairs: readonly ScoredPair[],
  counts: LabelCounts,
  at: { readonly servedMs: number; readonly nowMs: number },
): RolloutState {
  const labels = sumCounts(rollout.labels, counts);
  if (pairs.length === 0) return { ...rollout, labels };
  const time = { servedMs: at.servedMs, nowMs: policyTime(rollout, at.nowMs) ?? at.servedMs };
  return {
    ...rollout,
    labels,
    evidence: mapEvidence(rollout, (rule, state) => addPairs(rule, state, pairs)),
    ...matured(rollout, (rule, maturing) => addOutcomes(rule, maturing, pairs, time)),
    ...sliced(rollout, pairs),
  };
}

/** A user's reaction to an answer of one arm. */
export interface ArmFeedback {
  readonly arm: 'candidate' | 'champion';
  readonly name: string;
  readonly value: number;
}

/** Takes in one user's reaction to an answer. */
export function observeFeedback(rollout: RolloutState, feedback: ArmFeedback): RolloutState {
  return {
    ...rollout,
    evidence: mapEvidence(rollout, (rule, state) => addFeedback(rule, state, feedback)),
  };
}

/** Looks at every analysis of the steps so far; records a new look when a verdict changed or an event hour has passed. */
export function measure(
  rollout: RolloutState,
  nowMs: number,
): { readonly rollout: RolloutState; readonly facts: readonly Fact[] } {
  const previous = new Map(rollout.latest.map((reading) => [reading.analysis, reading]));
  const atMs = policyTime(rollout, nowMs);
  const latest = analysesSoFar(rollout).map((rule) => {
    const before = previous.get(rule.name);
    const looks = (before?.looks ?? 0) + 1;
    const evidence = rollout.evidence[rule.name]!;
    const maturing = rollout.maturing?.[rule.name];
    const overall =
      maturing && atMs !== undefined
        ? readMaturing(rule, evidence, maturing, { looks, nowMs: atMs })
        : readEvidence(rule, evidence, looks);
    const reading = withSlices(rollout, rule, overall);
    return before && saysTheSame(before, reading) ? before : reading;
  });
  const verdictChanged = latest.some(
    (reading) => (previous.get(reading.analysis)?.verdict ?? 'Inconclusive') !== reading.verdict,
  );
  const last = rollout.lastMeasuredAtMs;
  const hourPassed =
    atMs !== undefined && (last === undefined || Math.floor(atMs / HOUR_MS) > Math.floor(last / HOUR_MS));
  const next = {
    ...rollout,
    latest,
    revision: rollout.revision + (verdictChanged ? 1 : 0),
  };
  const isNew = latest.some((reading) => reading !== previous.get(reading.analysis));
  if (atMs === undefined || !isNew || !(verdictChanged || hourPassed)) return { rollout: next, facts: [] };
  const measured: Measured = {
    step: stepOf(rollout).name,
    results: latest,
    atMs,
    predictions: rollout.predictions,
    labels: rollout.labels.joined,
  };
  return {
    rollout: { ...next, lastMeasuredAtMs: atMs },
    facts: [{ kind: 'AnalysisMeasured', measured }],
  };
}

/** A message that brings nothing new, such as one that comes again, is no look. */
function saysTheSame(before: Reading, reading: Reading): boolean {
  return canonicalJson({ ...before, looks: 0 }) === canonicalJson({ ...reading, looks: 0 });
}

/** Rules of the steps up to the present one: harm seen earlier stays harm. */
function analysesSoFar(rollout: RolloutState): AnalysisRule[] {
  const names = new Set(rollout.plan.steps.slice(0, rollout.stepIndex + 1).flatMap((step) => step.analyses));
  return judgedAnalyses(rollout.plan).filter((rule) => names.has(rule.name));
}

function mapEvidence(
  rollout: RolloutState,
  update: (rule: AnalysisRule, state: EvidenceState) => EvidenceState,
): Record<string, EvidenceState> {
  return Object.fromEntries(
    rollout.plan.analyses.map((rule) => [rule.name, update(rule, rollout.evidence[rule.name]!)]),
  );
}

function matured(
  { plan, maturing }: RolloutState,
  update: (rule: AnalysisRule, state: MaturingEvidence) => MaturingEvidence,
): Pick<RolloutState, 'maturing'> {
  if (!maturing) return {};
  const next = plan.analyses.flatMap((rule) => {
    const state = maturing[rule.name];
    return state ? [[rule.name, update(rule, state)] as const] : [];
  });
  return { maturing: Object.fromEntries(next) };
}

function sliced({ plan, slices }: RolloutState, pairs: readonly ScoredPair[]): Pick<RolloutState, 'slices'> {
  const metric = plan.analyses.find(({ name }) => name === plan.slices?.analysis)?.metric;
  return plan.slices && slices && metric ? { slices: addToSlices(plan.slices, metric, slices, pairs) } : {};
}

/** Harm in a slice fails the analysis that looks at slices; no harm in any changes no verdict. */
function withSlices({ plan, slices }: RolloutState, rule: AnalysisRule, overall: Reading): Reading {
  if (!slices || plan.slices?.analysis !== rule.name) return overall;
  return judgedWithSlices(rule, overall, readSlices(plan.slices, rule, slices));
}

/** The first traffic of an event-time pipeline tells when its present step began. */
function withEntryTime(rollout: RolloutState): RolloutState {
  const last = rollout.visits.at(-1);
  if (!last || last.enteredAtMs !== undefined || rollout.watermarkMs === undefined) return rollout;
  return {
    ...rollout,
    visits: [...rollout.visits.slice(0, -1), { ...last, enteredAtMs: rollout.watermarkMs }],
  };
}

function sumCounts(a: LabelCounts, b: LabelCounts): LabelCounts {
  return {
    joined: a.joined + b.joined,
    unpaired: a.unpaired + b.unpaired,
    duplicate: a.duplicate + b.duplicate,
    contradictory: a.contradictory + b.contradictory,
    unknown: a.unknown + b.unknown,
  };
}
