import { PermanentError } from '@rondo/kernel';
import { temporalSplit } from '@rondo/statistics';
import type { Batch } from './batch.js';

/** Half-open range of event time, ms since the epoch. */
export interface TimeRange {
  readonly startMs: number;
  readonly endMs: number;
}

/** Which rows go where. Embargoes and the sealed test part follow the policy. */
export interface SnapshotPlan {
  readonly window: TimeRange;
  readonly splits: readonly { readonly name: 'train' | 'validation' | 'test'; readonly range: TimeRange }[];
  /** Ready batches that touch the window, by interval. */
  readonly batches: readonly Batch[];
}

export interface SplitPolicy {
  readonly windowMs: number;
  readonly validationMs: number;
  readonly testMs: number;
  readonly embargoMs: number;
}

/**
 * Cuts the window into train, validation and (newest) test, with an embargo before each of the latter two. The window ends at
 * `asOf`, or with the newest ready batch before it: between two batches, and while one is in quarantine, the newest days that
 * are known judge.
 */
export function planSnapshot(asOfMs: number, policy: SplitPolicy, ready: readonly Batch[]): SnapshotPlan {
  const known = current(ready).filter((batch) => batch.startMs < asOfMs && batch.endMs > asOfMs - policy.windowMs);
  if (known.length === 0) {
    throw new PermanentError('failed-precondition', 'no ready batch lies in the window', {
      field: 'as_of',
      value: new Date(asOfMs).toISOString(),
      rule: 'at least one ready batch in the window',
      reason: 'NO_DATA',
    });
  }
  const endMs = Math.min(asOfMs, Math.max(...known.map((batch) => batch.endMs)));
  const window = { startMs: endMs - policy.windowMs, endMs };
  const outer = temporalSplit({
    fromMs: window.startMs,
    untilMs: window.endMs,
    testMs: policy.testMs,
    embargoMs: policy.embargoMs,
  });
  const inner = temporalSplit({
    fromMs: window.startMs,
    untilMs: outer.train.untilMs,
    testMs: policy.validationMs,
    embargoMs: policy.embargoMs,
  });
  const range = ({ fromMs, untilMs }: { fromMs: number; untilMs: number }): TimeRange => ({
    startMs: fromMs,
    endMs: untilMs,
  });
  const batches = current(ready).filter((batch) => batch.startMs < window.endMs && batch.endMs > window.startMs);
  return {
    window,
    batches,
    splits: [
      { name: 'train', range: range(inner.train) },
      { name: 'validation', range: range(inner.test) },
      { name: 'test', range: range(outer.test) },
    ],
  };
}

/** Ready batches that nothing superseded, by interval. */
export function current(ready: readonly Batch[]): Batch[] {
  return ready
    .filter((batch) => batch.state === 'ready' && batch.supersededBy === undefined)
    .sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs || (a.batchId < b.batchId ? -1 : 1));
}

/** Batches whose rows the features of `batch` may see as context: those that end no later than it starts, within the lookback. */
export function contextOf(
  batch: TimeRange & { readonly batchId: string },
  ready: readonly Batch[],
  lookbackMs: number,
): Batch[] {
  if (lookbackMs === 0) return [];
  const fromMs = batch.startMs - lookbackMs;
  return current(ready).filter(
    (other) => other.batchId !== batch.batchId && other.endMs <= batch.startMs && other.endMs > fromMs,
  );
}
