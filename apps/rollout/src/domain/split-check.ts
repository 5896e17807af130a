import {
  readSampleRatioEProcess,
  startSampleRatioEProcess,
  updateSampleRatioEProcess,
  type SampleRatioEProcess,
} from '@rondo/statistics';
import type { ServedBatch } from './observations.js';

/** Rows served since the present share was asked for, and the test of their split; absent while a share of 0 or 100 % leaves nothing to test. */
export interface SplitState {
  readonly rows: number;
  readonly candidateRows: number;
  readonly test?: SampleRatioEProcess;
}

/** Nothing served yet. */
export const emptySplit: SplitState = { rows: 0, candidateRows: 0 };

/** Chance of ever reporting a mismatch that is none. */
const ALPHA = 0.001;

/** Counts a request served under the present share; one in which the candidate failed says nothing about the split. */
export function observeSplit(
  split: SplitState,
  batch: ServedBatch,
  wants: { readonly weightPercent: number },
): SplitState {
  const { weightPercent } = wants;
  if (weightPercent === 0 || batch.candidate.failed > 0 || batch.servedByCandidate.length === 0) return split;
  const rows = batch.servedByCandidate.length;
  const candidateRows = batch.servedByCandidate.filter(Boolean).length;
  const counted = {
    rows: split.rows + rows,
    candidateRows: split.candidateRows + candidateRows,
  };
  if (weightPercent === 100) return counted;
  const shares = [weightPercent, 100 - weightPercent];
  const before = split.test ?? startSampleRatioEProcess(shares);
  return {
    ...counted,
    test: updateSampleRatioEProcess(before, [candidateRows, rows - candidateRows], shares),
  };
}

/** Sample-ratio mismatch: says so when the observed split contradicts the share asked for, at every look together with 0.1 % error. */
export function splitMismatch(split: SplitState, weightPercent: number): string | undefined {
  const wrong = split.test
    ? readSampleRatioEProcess(split.test, ALPHA).rejected
    : weightPercent === 100 && split.candidateRows < split.rows;
  if (!wrong) return undefined;
  const observed = ((100 * split.candidateRows) / split.rows).toFixed(1);
  return `sample-ratio mismatch: the candidate answered ${observed} % of ${split.rows} rows, ${weightPercent} % was asked for`;
}
