import type { Cause, Journal, Unit } from '@rondo/journal';
import { elapsedMs, type Clock } from '@rondo/kernel';
import {
  isComplete,
  joinFeedback,
  joinLabels,
  noLabels,
  pendingFrom,
  type ObservedFeedback,
  type ObservedLabels,
  type ServedBatch,
} from '../domain/observations.js';
import { reconcile } from '../domain/override.js';
import { isServedIn, observeBatch, observeFeedback, observePairs } from '../domain/observing.js';
import type { RolloutState } from '../domain/rollout-state.js';
import type { RoutingState } from '../domain/routing.js';
import {
  dropOldestPending,
  forgetPredictions,
  loadPending,
  loadRollout,
  loadRouting,
  removePending,
  saveChange,
  savePending,
} from '../rollout-store.js';
import type { RolloutMetrics } from './rollout-metrics.js';

/** Message that set an observation off, and when it was published. */
export interface Observed {
  readonly cause: Cause;
  readonly publishedMs: number;
}

/** Takes served traffic, outcomes and feedback into the running rollout of their endpoint, then lets the plan act. */
export class ObserveServing {
  constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly metrics: RolloutMetrics,
    private readonly options: { readonly pendingRequestsMax: number },
  ) {}

  /** Counts the request and keeps its scores for the labels; does nothing without a running rollout. */
  predictions(endpoint: string, batch: ServedBatch, observed: Observed): Promise<void> {
    return this.#observe(endpoint, observed, async (unit, rollout) => {
      if (!isServedIn(rollout, batch)) return undefined;
      return this.#keep(unit, endpoint, batch, observeBatch(rollout, batch));
    });
  }

  /** Joins outcomes to the kept scores; unknown requests are counted and ignored. */
  labels(endpoint: string, labels: ObservedLabels, observed: Observed): Promise<void> {
    return this.#observe(endpoint, observed, async (unit, rollout) => {
      const pending = await loadPending(unit, endpoint, labels.requestId);
      const nowMs = this.clock.now();
      if (!pending || pending.rolloutId !== rollout.rolloutId) {
        const counts = { ...noLabels, unknown: labels.labels.length };
        return observePairs(rollout, [], counts, { servedMs: nowMs, nowMs });
      }
      const joined = joinLabels(pending, labels);
      const next = observePairs(rollout, joined.pairs, joined.counts, { servedMs: pending.eventTimeMs, nowMs });
      if (isComplete(joined.pending) && !keepsUnpaired(rollout)) {
        removePending(unit, endpoint, labels.requestId);
        return { ...next, pendingRequests: next.pendingRequests - 1 };
      }
      savePending(unit, endpoint, joined.pending);
      return next;
    });
  }

  /** Counts feedback for the arm that answered the row. */
  feedback(endpoint: string, feedback: ObservedFeedback, observed: Observed): Promise<void> {
    return this.#observe(endpoint, observed, async (unit, rollout) => {
      const pending = await loadPending(unit, endpoint, feedback.requestId);
      const joined = pending && pending.rolloutId === rollout.rolloutId ? joinFeedback(pending, feedback) : undefined;
      if (!pending || !joined) return undefined;
      savePending(unit, endpoint, joined.pending);
      return observeFeedback(rollout, joined);
    });
  }

  /** A durable timer came due: look again, although nothing arrived. */
  async look(rolloutId: string, cause: Cause): Promise<void> {
    await this.journal.once(cause, async (unit) => {
      const rollout = await loadRollout(unit, rolloutId);
      const routing = rollout && (await loadRouting(unit, rollout.endpoint));
      if (!rollout || !routing || rollout.phase !== 'Running') return;
      const nowMs = this.clock.now();
      saveChange(unit, reconcile(rollout, routing, { nowMs, tookMs: 0 }), {
        nowMs,
      });
    });
  }

  /** Removes what an ended rollout kept for joins. */
  async forget(rolloutId: string, cause: Cause): Promise<void> {
    await this.journal.once(cause, async (unit) => {
      const rollout = await loadRollout(unit, rolloutId);
      if (rollout && rollout.phase !== 'Running') await forgetPredictions(unit, rollout, this.clock.now());
    });
  }

  async #observe(
    endpoint: string,
    observed: Observed,
    take: (unit: Unit, rollout: RolloutState) => Promise<RolloutState | undefined>,
  ): Promise<void> {
    // Most traffic is served without a rollout; that costs one read and no transaction.
    if (!(await loadRouting(this.journal, endpoint))?.rolloutId) return;
    const done = await this.journal.once(observed.cause, async (unit) => {
      const running = await runningOn(unit, endpoint);
      const taken = running && (await take(unit, running.rollout));
      if (!taken) return undefined;
      const nowMs = this.clock.now();
      const time = { nowMs, tookMs: elapsedMs(observed.publishedMs, nowMs) };
      const change = reconcile(taken, running.routing, time);
      saveChange(unit, change, time);
      return { change, pairs: taken.labels.joined - running.rollout.labels.joined };
    });
    if (done.outcome === 'done' && done.value) this.metrics.record(done.value.change, done.value.pairs);
  }

  async #keep(unit: Unit, endpoint: string, batch: ServedBatch, rollout: RolloutState): Promise<RolloutState> {
    const pending = pendingFrom(batch, {
      rolloutId: rollout.rolloutId,
      sequence: rollout.nextSequence,
      unpairedToo: keepsUnpaired(rollout),
      sliceFeatures: rollout.plan.slices?.features.length ?? 0,
    });
    if (!pending) return rollout;
    savePending(unit, endpoint, pending);
    const kept = {
      ...rollout,
      nextSequence: rollout.nextSequence + 1,
      pendingRequests: rollout.pendingRequests + 1,
    };
    if (kept.pendingRequests <= this.options.pendingRequestsMax || !(await dropOldestPending(unit, rollout.rolloutId)))
      return kept;
    return {
      ...kept,
      pendingRequests: kept.pendingRequests - 1,
      droppedRequests: kept.droppedRequests + 1,
    };
  }
}

async function runningOn(
  unit: Unit,
  endpoint: string,
): Promise<{ rollout: RolloutState; routing: RoutingState } | undefined> {
  const routing = await loadRouting(unit, endpoint);
  if (!routing?.rolloutId) return undefined;
  const rollout = await loadRollout(unit, routing.rolloutId);
  return rollout && { rollout, routing };
}

/** Feedback may come for any row, long after the labels. */
function keepsUnpaired(rollout: RolloutState): boolean {
  return rollout.plan.analyses.some((rule) => rule.metric === 'engagement');
}
