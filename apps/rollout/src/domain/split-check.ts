import {
  readSampleRatioEProcess,
  startSampleRatioEProcess,
  updateSampleRatioEProcess,
  type SampleRatioEProcess,
} from '@rondo/statistics';
import type { ServedBatch } from './observations.js';
import { firstSeen, noKeys, type SeenKeys } from './seen-keys.js';

/**
 * Keys met since the present share was asked for, and the test of their split; absent while a share of 0 or 100 % leaves nothing to
 * test. The split is by key: all rows of a key have its arm, so only its first one tells anything. A row without a key falls by
 * itself and counts by itself.
 */
export interface SplitState {
  readonly keys: number;
  readonly candidateKeys: number;
  readonly seen: SeenKeys;
  readonly test?: SampleRatioEProcess;
}

/** Nothing served yet. */
export const emptySplit: SplitState = { keys: 0, candidateKeys: 0, seen: noKeys };

/** Chance of ever reporting a mismatch that is none. */
const ALPHA = 0.001;
/** Keys in which a mismatch should be found; there are fewer of them than requests. */
const CONCENTRATION = 1_000;

/** Counts the keys of a request served under the present share by the arm the split gave them, whoever answered. */
export function observeSplit(
  state: SplitState,
  batch: ServedBatch,
  wants: { readonly weightPercent: number },
): SplitState {
  const { weightPercent } = wants;
  const { keys, assignedToCandidate } = batch;
  if (weightPercent === 0 || assignedToCandidate.length === 0) return state;
  const split = counted(state);
  const rows = keys.flatMap((key, row) => (key === '' ? [] : [row]));
  const { isNew, seen } = firstSeen(
    split.seen,
    rows.map((row) => keys[row]!),
  );
  const repeated = new Set(rows.filter((_, i) => !isNew[i]));
  const arms = assignedToCandidate.filter((_, row) => !repeated.has(row));
  const candidateKeys = arms.filter(Boolean).length;
  const next = { keys: split.keys + arms.length, candidateKeys: split.candidateKeys + candidateKeys, seen };
  if (weightPercent === 100) return next;
  const shares = [weightPercent, 100 - weightPercent];
  const before = split.test ?? startSampleRatioEProcess(shares, { concentration: CONCENTRATION });
  return { ...next, test: updateSampleRatioEProcess(before, [candidateKeys, arms.length - candidateKeys], shares) };
}

/** Sample-ratio mismatch: says so when the observed split contradicts the share asked for, at every look together with 0.1 % error. */
export function splitMismatch(state: SplitState, weightPercent: number): string | undefined {
  const split = counted(state);
  const wrong = split.test
    ? readSampleRatioEProcess(split.test, ALPHA).rejected
    : weightPercent === 100 && split.candidateKeys < split.keys;
  if (!wrong) return undefined;
  const observed = ((100 * split.candidateKeys) / split.keys).toFixed(1);
  return `sample-ratio mismatch: the candidate was given ${observed} % of ${split.keys} keys, ${weightPercent} % was asked for`;
}

/** A rollout of an earlier version counted rows; its split is looked at anew. */
function counted(state: SplitState | { readonly seen?: undefined }): SplitState {
  return state.seen === undefined ? emptySplit : state;
}
