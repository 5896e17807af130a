import { assert } from '@rondo/kernel';
import type { EvidenceState } from './evidence.js';
import type { Fact } from './facts.js';
import type { MaturingEvidence } from './maturing.js';
import type { LabelCounts } from './observations.js';
import type { Reading } from './reading.js';
import type { RolloutPlan, StepRule } from './rollout-plan.js';
import type { Actor, ModelBundle, RoutingState } from './routing.js';
import type { SliceSums } from './slices.js';
import type { SplitState } from './split-check.js';

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
  /** Routing epoch before the rollout's first: what was served under it is another's; absent in a rollout that began earlier. */
  readonly sinceEpoch?: number;
  /** Newest routing epoch found in served traffic. */
  readonly seen: { readonly epoch: number };
  /** Running sufficient statistics by analysis. */
  readonly evidence: Readonly<Record<string, EvidenceState>>;
  /** By age of the requests, of the analyses that ask for mature labels; absent in a rollout that began before there were any. */
  readonly maturing?: Readonly<Record<string, MaturingEvidence>>;
  /** By slice, of the analysis that looks at them. */
  readonly slices?: SliceSums;
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
