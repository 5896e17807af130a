import { assert, canonicalJson } from '@rondo/kernel';
import { addBatch, addFeedback, addPairs, emptyEvidence, readEvidence, type EvidenceState } from './evidence.js';
import type { Fact, Measured } from './facts.js';
import { noLabels, type LabelCounts, type ScoredPair, type ServedBatch } from './observations.js';
import { addOutcomes, addServed, emptyMaturing, readMaturing, type MaturingEvidence } from './maturing.js';
import { arrivedOf, type Reading } from './reading.js';
import { judgedAnalyses, type AnalysisRule, type RolloutPlan, type StepRule } from './rollout-plan.js';
import {
  promote,
  routeToCandidate,
  withdrawCandidate,
  type Actor,
  type ModelBundle,
  type RoutingState,
} from './routing.js';
import { emptySplit, observeSplit, type SplitState } from './split-check.js';

/** A stay in a step. A step may be entered again after a person set another weight. */
export interface StepVisit {
  readonly stepIndex: number;
  /** Policy time; absent until the first traffic of an event-time pipeline tells it. */
  readonly enteredAtMs?: number;
  readonly leftAtMs?: number;
  /** Samples per analysis when the step was entered; what came later is the step's own. */
  readonly samplesAtEntry: Readonly<Record<string, number>>;
}

/** One rollout: what it wants, what it has seen, and the evidence so far. Plain data. */
export interface RolloutState {
  readonly rolloutId: string;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
  readonly endpoint: string;
  readonly policyGeneration: number;
  readonly plan: RolloutPlan;
  readonly candidate: ModelBundle;
  /** Absent when there was nothing to compare with. */
  readonly champion?: ModelBundle;
  readonly phase: 'Running' | 'Promoted' | 'RolledBack';
  readonly paused?: { readonly reason: string; readonly actor: Actor };
  readonly stepIndex: number;
  readonly visits: readonly StepVisit[];
  /** The share asked for, and the routing epoch that carries it. */
  readonly wants: {
    readonly weightPercent: number;
    readonly shadow: boolean;
    readonly epoch: number;
  };
  /** Newest routing epoch found in served traffic. */
  readonly seen: { readonly epoch: number };
  /** Running sufficient statistics by analysis. */
  readonly evidence: Readonly<Record<string, EvidenceState>>;
  /** By age of the requests, of the analyses that ask for mature labels; absent in a rollout that began before there were any. */
  readonly maturing?: Readonly<Record<string, MaturingEvidence>>;
  readonly split: SplitState;
  readonly latest: readonly Reading[];
  /** Policy time of the newest recorded look. */
  readonly lastMeasuredAtMs?: number;
  /** Newest event time of served traffic. */
  readonly watermarkMs?: number;
  readonly startedAtMs?: number;
  readonly startedWallMs: number;
  readonly finishedWallMs?: number;
  readonly predictions: number;
  readonly labels: LabelCounts;
  /** Requests whose scores were given up because too many waited for labels. */
  readonly droppedRequests: number;
  readonly nextSequence: number;
  readonly pendingRequests: number;
  readonly cause: string;
  /** Rises with everything a person could have based a decision on; the etag. */
  readonly revision: number;
}

/** New states and what happened, to be saved as one. */
export interface Change {
  readonly rollout: RolloutState;
  readonly routing: RoutingState;
  readonly facts: readonly Fact[];
}

const HOUR_MS = 3_600_000;
/** The rule itself acts. */
export const POLICY: Actor = {
  id: 'policy:rollout',
  kind: 'Policy',
  roles: [],
};

/** What StartRollout asks for. */
export interface RolloutRequest {
  readonly rolloutId: string;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
  readonly policyGeneration: number;
  readonly plan: RolloutPlan;
  readonly candidate: ModelBundle;
}

/** Begins a rollout: through the steps, or straight to the champion's place when the endpoint serves nothing yet. */
export function start(request: RolloutRequest, routing: RoutingState, nowMs: number): Change {
  const rollout = newRollout(request, routing, nowMs);
  const started: Fact = {
    kind: 'RolloutStarted',
    candidate: rollout.candidate,
    ...(rollout.champion && { champion: rollout.champion }),
  };
  if (!routing.champion) {
    const cause = `first model of ${routing.endpoint}: there is no champion to compare with, so the steps do not apply`;
    return prepend(
      started,
      finishPromoted(rollout, routing, {
        cause,
        actor: POLICY,
        nowMs,
        tookMs: 0,
      }),
    );
  }
  return prepend(
    started,
    enterStep(rollout, routing, {
      stepIndex: 0,
      reason: 'rollout started',
      actor: POLICY,
      nowMs,
    }),
  );
}

/** Takes in one served request. Requests of other candidates or older epochs than the rollout's first change nothing. */
export function observeBatch(rollout: RolloutState, batch: ServedBatch): RolloutState {
  if (batch.candidateDigest !== rollout.candidate.digest) return rollout;
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
    const reading =
      maturing && atMs !== undefined
        ? readMaturing(rule, evidence, maturing, { looks, nowMs: atMs })
        : readEvidence(rule, evidence, looks);
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

/** Moves to a step and asks for its share of the traffic. */
export function enterStep(
  rollout: RolloutState,
  routing: RoutingState,
  to: {
    readonly stepIndex: number;
    readonly reason: string;
    readonly actor: Actor;
    readonly nowMs: number;
  },
): Change {
  const step = rollout.plan.steps[to.stepIndex];
  assert(step, `rollout ${rollout.rolloutId} has no step ${to.stepIndex}`);
  const atMs = policyTime(rollout, to.nowMs);
  const visits = leaveStep(rollout, to.nowMs);
  const samplesAtEntry = Object.fromEntries(rollout.latest.map((reading) => [reading.analysis, arrivedOf(reading)]));
  const entered: StepVisit = {
    stepIndex: to.stepIndex,
    samplesAtEntry,
    ...(atMs !== undefined && { enteredAtMs: atMs }),
  };
  const moved = {
    ...rollout,
    stepIndex: to.stepIndex,
    visits: [...visits, entered],
    split: emptySplit,
    cause: to.reason,
    revision: rollout.revision + 1,
  };
  const fact: Fact = {
    kind: 'StepEntered',
    stepIndex: to.stepIndex,
    step: step.name,
    weightPercent: step.weightPercent,
    shadow: step.shadow,
    ...(atMs !== undefined && { atMs }),
  };
  const routed = share(moved, routing, {
    weightPercent: step.weightPercent,
    shadow: step.shadow,
    reason: `step ${step.name}: ${to.reason}`,
    actor: to.actor,
  });
  return { ...routed, facts: [fact, ...routed.facts] };
}

/** Asks for another share inside the present step. */
export function share(
  rollout: RolloutState,
  routing: RoutingState,
  to: {
    readonly weightPercent: number;
    readonly shadow: boolean;
    readonly reason: string;
    readonly actor: Actor;
  },
): Change {
  const routed = routeToCandidate(
    routing,
    {
      rolloutId: rollout.rolloutId,
      candidate: rollout.candidate,
      weightPercent: to.weightPercent,
      shadow: to.shadow,
    },
    { reason: to.reason, actor: to.actor },
  );
  const wants = {
    weightPercent: to.weightPercent,
    shadow: to.shadow,
    epoch: routed.epoch,
  };
  return {
    rollout: { ...rollout, wants, split: emptySplit },
    routing: routed,
    facts: [{ kind: 'RoutingChanged', routing: routed, rolloutId: rollout.rolloutId }],
  };
}

/** Why a rollout ends and how long it took from there to the routing write. */
export interface Ending {
  readonly cause: string;
  readonly actor: Actor;
  readonly nowMs: number;
  readonly tookMs: number;
}

/** The candidate takes the champion's place. */
export function finishPromoted(rollout: RolloutState, routing: RoutingState, ending: Ending): Change {
  const routed = promote(routing, rollout.candidate, {
    reason: ending.cause,
    actor: ending.actor,
  });
  return finish(rollout, routed, { ...ending, result: 'Promoted' });
}

/** The candidate loses all traffic; the champion's bundle stays what it was. */
export function finishRolledBack(rollout: RolloutState, routing: RoutingState, ending: Ending): Change {
  const routed = withdrawCandidate(routing, {
    reason: ending.cause,
    actor: ending.actor,
  });
  return finish(rollout, routed, { ...ending, result: 'RolledBack' });
}

/** Policy time of the rollout: the watermark of the traffic, or the wall clock. */
export function policyTime(rollout: RolloutState, nowMs: number): number | undefined {
  return rollout.plan.time === 'EventTime' ? rollout.watermarkMs : nowMs;
}

/** The step the rollout is in. */
export function stepOf(rollout: RolloutState): StepRule {
  const step = rollout.plan.steps[rollout.stepIndex];
  assert(step, `rollout ${rollout.rolloutId} is in step ${rollout.stepIndex}, which its plan does not have`);
  return step;
}

function finish(
  rollout: RolloutState,
  routing: RoutingState,
  ending: Ending & { readonly result: 'Promoted' | 'RolledBack' },
): Change {
  assert(rollout.phase === 'Running', `rollout ${rollout.rolloutId} has ended before`);
  const atMs = policyTime(rollout, ending.nowMs);
  const { paused: _paused, ...rest } = rollout;
  const finished: RolloutState = {
    ...rest,
    phase: ending.result,
    visits: leaveStep(rollout, ending.nowMs),
    wants: { weightPercent: 0, shadow: false, epoch: routing.epoch },
    finishedWallMs: ending.nowMs,
    cause: ending.cause,
    revision: rollout.revision + 1,
  };
  const fact: Fact = {
    kind: 'Finished',
    result: ending.result,
    cause: ending.cause,
    actor: ending.actor,
    evidence: rollout.latest,
    tookMs: ending.tookMs,
    ...(atMs !== undefined && { atMs }),
    ...(routing.champion && { serving: routing.champion }),
  };
  return {
    rollout: finished,
    routing,
    facts: [{ kind: 'RoutingChanged', routing, rolloutId: rollout.rolloutId }, fact],
  };
}

function newRollout(request: RolloutRequest, routing: RoutingState, nowMs: number): RolloutState {
  return {
    ...request,
    endpoint: routing.endpoint,
    ...(routing.champion && { champion: routing.champion }),
    phase: 'Running',
    stepIndex: 0,
    visits: [],
    wants: { weightPercent: 0, shadow: false, epoch: routing.epoch },
    seen: { epoch: 0 },
    evidence: Object.fromEntries(request.plan.analyses.map((rule) => [rule.name, emptyEvidence(rule)])),
    maturing: Object.fromEntries(
      request.plan.analyses.filter((rule) => rule.labelMaturity).map((rule) => [rule.name, emptyMaturing(rule)]),
    ),
    split: emptySplit,
    latest: [],
    ...(request.plan.time === 'WallClock' && { startedAtMs: nowMs }),
    startedWallMs: nowMs,
    predictions: 0,
    labels: noLabels,
    droppedRequests: 0,
    nextSequence: 0,
    pendingRequests: 0,
    cause: 'rollout started',
    revision: 1,
  };
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

/** The first traffic of an event-time pipeline tells when its present step began. */
function withEntryTime(rollout: RolloutState): RolloutState {
  const last = rollout.visits.at(-1);
  if (!last || last.enteredAtMs !== undefined || rollout.watermarkMs === undefined) return rollout;
  return {
    ...rollout,
    visits: [...rollout.visits.slice(0, -1), { ...last, enteredAtMs: rollout.watermarkMs }],
  };
}

function leaveStep(rollout: RolloutState, nowMs: number): readonly StepVisit[] {
  const atMs = policyTime(rollout, nowMs);
  const last = rollout.visits.at(-1);
  if (!last || last.leftAtMs !== undefined || atMs === undefined) return rollout.visits;
  return [...rollout.visits.slice(0, -1), { ...last, leftAtMs: atMs }];
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

function prepend(fact: Fact, change: Change): Change {
  return { ...change, facts: [fact, ...change.facts] };
}
