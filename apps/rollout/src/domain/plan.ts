import { formatDurationMs } from '@rondo/kernel';
import { arrivedOf, type Reading } from './reading.js';
import { count } from './reading-parts.js';
import { policyTime, stepOf, type RolloutState } from './rollout-state.js';
import { splitMismatch } from './split-check.js';

/** What to do next; leaves the actor nothing to choose. */
export type Intent =
  | { readonly kind: 'Hold'; readonly waitingFor: string }
  | { readonly kind: 'RollBack'; readonly cause: string }
  | {
      readonly kind: 'EnterStep';
      readonly stepIndex: number;
      readonly reason: string;
    }
  | { readonly kind: 'Promote'; readonly cause: string };

/**
 * Decides from the state alone. Harm shown rolls back at once, paused or not. Traffic rises only when the bake has passed, the
 * gateways serve what was asked, the observed split agrees, and every analysis of the step passes on samples of that step too:
 * evidence that is missing, old or inconclusive holds.
 */
export function plan(rollout: RolloutState, nowMs: number): Intent {
  if (rollout.phase !== 'Running') return hold(`nothing: ${rollout.phase}`);
  const harmful = rollout.latest.find((reading) => reading.verdict === 'Fail');
  if (harmful)
    return {
      kind: 'RollBack',
      cause: `${harmful.analysis}: ${harmful.explanation}`,
    };
  const overdue = deadlinePassed(rollout, nowMs);
  if (overdue && rollout.plan.onDeadline === 'RollBack') return { kind: 'RollBack', cause: overdue };
  const reasons = reasonsToHold(rollout, nowMs);
  if (reasons.length > 0) return hold([...(overdue ? [overdue] : []), ...reasons].join('; '));
  const passed = rollout.latest.filter((reading) => stepOf(rollout).analyses.includes(reading.analysis));
  const because =
    passed.map((reading) => `${reading.analysis}: ${reading.explanation}`).join('; ') || 'the bake time has passed';
  if (rollout.stepIndex + 1 < rollout.plan.steps.length)
    return {
      kind: 'EnterStep',
      stepIndex: rollout.stepIndex + 1,
      reason: because,
    };
  return { kind: 'Promote', cause: because };
}

/** What the rollout waits for, in words with numbers. */
export function waitingFor(rollout: RolloutState, nowMs: number): string {
  const intent = plan(rollout, nowMs);
  switch (intent.kind) {
    case 'Hold':
      return intent.waitingFor;
    case 'RollBack':
      return `roll back: ${intent.cause}`;
    case 'EnterStep':
      return `step ${intent.stepIndex + 1} of ${rollout.plan.steps.length}`;
    case 'Promote':
      return 'promotion';
  }
}

function hold(text: string): Intent {
  return { kind: 'Hold', waitingFor: text };
}

function reasonsToHold(rollout: RolloutState, nowMs: number): string[] {
  const reasons: string[] = [];
  if (rollout.paused) reasons.push(`paused by ${rollout.paused.actor.id}: ${rollout.paused.reason}`);
  if (rollout.seen.epoch < rollout.wants.epoch) {
    reasons.push(`traffic under routing epoch ${rollout.wants.epoch} (newest seen ${rollout.seen.epoch})`);
  }
  const bake = bakeLeft(rollout, nowMs);
  if (bake) reasons.push(bake);
  const mismatch = splitMismatch(rollout.split, rollout.wants.weightPercent);
  if (mismatch) reasons.push(mismatch);
  const step = stepOf(rollout);
  for (const name of step.analyses) {
    const reading = rollout.latest.find((candidate) => candidate.analysis === name);
    const missing = reading ? evidenceMissing(rollout, reading, nowMs) : `${name} has no samples yet`;
    if (missing) reasons.push(missing);
  }
  return reasons;
}

function bakeLeft(rollout: RolloutState, nowMs: number): string | undefined {
  const step = stepOf(rollout);
  const enteredAtMs = rollout.visits.at(-1)?.enteredAtMs;
  const atMs = policyTime(rollout, nowMs);
  const clock = rollout.plan.time === 'EventTime' ? 'event time' : 'time';
  if (enteredAtMs === undefined || atMs === undefined) return `the first traffic of step ${step.name}`;
  const leftMs = enteredAtMs + step.bakeMs - atMs;
  return leftMs > 0
    ? `${formatDurationMs(roundUpToMinute(leftMs))} more ${clock} in step ${step.name} (bake ${formatDurationMs(step.bakeMs)})`
    : undefined;
}

/** A tenth of the samples must come from the step itself: traffic that stops must not let old evidence raise the weight. */
function evidenceMissing(rollout: RolloutState, reading: Reading, nowMs: number): string | undefined {
  if (reading.verdict !== 'Pass')
    return `${reading.analysis}: ${reading.explanation}${expectedIn(rollout, reading, nowMs)}`;
  const fresh = arrivedOf(reading) - (rollout.visits.at(-1)?.samplesAtEntry[reading.analysis] ?? 0);
  const wanted = Math.ceil(reading.minSamples / 10);
  if (fresh >= wanted) return undefined;
  return `${reading.analysis} needs ${count(wanted - fresh)} more ${reading.unit} of step ${stepOf(rollout).name} (n=${count(fresh)} of ${count(wanted)})`;
}

/** How long the missing samples take at the pace of this step; empty while there is no pace to go by. */
function expectedIn(rollout: RolloutState, reading: Reading, nowMs: number): string {
  const visit = rollout.visits.at(-1);
  const atMs = policyTime(rollout, nowMs);
  if (reading.moreNeeded === null || visit?.enteredAtMs === undefined || atMs === undefined) return '';
  const samples = arrivedOf(reading) - (visit.samplesAtEntry[reading.analysis] ?? 0);
  const elapsedMs = atMs - visit.enteredAtMs;
  if (samples <= 0 || elapsedMs <= 0) return '';
  return `; at the pace of this step in about ${formatDurationMs(roughly((reading.moreNeeded * elapsedMs) / samples))}`;
}

function deadlinePassed(rollout: RolloutState, nowMs: number): string | undefined {
  const { deadlineMs } = rollout.plan;
  const atMs = policyTime(rollout, nowMs);
  if (atMs === undefined || rollout.startedAtMs === undefined) return undefined;
  return atMs - rollout.startedAtMs >= deadlineMs
    ? `the deadline of ${formatDurationMs(deadlineMs)} has passed without enough evidence`
    : undefined;
}

/** A projection is no more exact than this. */
function roughly(ms: number): number {
  return ms > 3 * 3_600_000 ? Math.ceil(ms / 3_600_000) * 3_600_000 : roundUpToMinute(ms);
}

function roundUpToMinute(ms: number): number {
  return ms > 60_000 ? Math.ceil(ms / 60_000) * 60_000 : ms;
}
