import { wilsonInterval } from '@rondo/statistics';
import type { EstimateValue } from './model-reference.js';

const CONFIDENCE = 0.95;

/** Bounds of the share of each bin, each on its own: no decision reads a single share. */
export type ShareBounds = {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  /** Coverage of each interval. */
  readonly confidence: number;
  /** Rows of all bins together. */
  readonly n: number;
  readonly method: string;
};

/** How sure the shares of a feature are; absent where there are no rows. */
export type ShareIntervals = {
  readonly nullRateReference?: EstimateValue;
  readonly nullRateCurrent?: EstimateValue;
  readonly referenceShares?: ShareBounds;
  readonly currentShares?: ShareBounds;
};

/** Cells of a feature before and now: rows per bin, and rows without a value. */
export interface FeatureCells {
  readonly reference: readonly number[];
  readonly referenceMissing: number;
  readonly current: readonly number[];
  readonly currentMissing: number;
}

/**
 * The intervals of a feature's shares. They hold as well for bins of the reference that are cut at its own quantiles: the share of
 * all rows between two order statistics has the distribution Beta(k, n + 1 - k), k being the rows between them
 * (Wilks 1941, Annals of Mathematical Statistics 12:91).
 */
export function shareIntervals(feature: string, cells: FeatureCells): ShareIntervals {
  const { reference, referenceMissing, current, currentMissing } = cells;
  const nullRateReference = nullRate(feature, referenceMissing, referenceMissing + sum(reference));
  const nullRateCurrent = nullRate(feature, currentMissing, currentMissing + sum(current));
  const [referenceShares, currentShares] = [boundsOf(reference), boundsOf(current)];
  return {
    ...(nullRateReference && { nullRateReference }),
    ...(nullRateCurrent && { nullRateCurrent }),
    ...(referenceShares && { referenceShares }),
    ...(currentShares && { currentShares }),
  };
}

function nullRate(slice: string, missing: number, rows: number): EstimateValue | undefined {
  if (rows === 0) return undefined;
  return {
    name: 'nullRate',
    value: missing / rows,
    ...wilsonInterval(missing, rows, CONFIDENCE),
    confidence: CONFIDENCE,
    n: rows,
    slice,
    method: 'Wilson, rows taken as independent',
  };
}

function boundsOf(counts: readonly number[]): ShareBounds | undefined {
  const n = sum(counts);
  if (n === 0) return undefined;
  const intervals = counts.map((count) => wilsonInterval(count, n, CONFIDENCE));
  return {
    lower: intervals.map(({ lower }) => lower),
    upper: intervals.map(({ upper }) => upper),
    confidence: CONFIDENCE,
    n,
    method: 'Wilson, each bin on its own, rows taken as independent',
  };
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
