import { checkCounts, checkSameLength, invalid, type Numbers } from './checks.js';

/** Drift of all features as far as the model relies on them. */
export interface WeightedDrift {
  /** Σ importance share · PSI, in the unit of the PSIs. */
  readonly value: number;
  /** What each feature adds to `value`, in the order given. */
  readonly contributions: Float64Array;
}

/**
 * Weighs per-feature PSIs (or any distance >= 0) by the model's feature importances, scaled to sum 1: a large shift of a
 * feature the model ignores is news, not an alarm.
 * @example importanceWeightedDrift([0.3, 0.1], [1, 3]) // => { value: 0.15 }
 */
export function importanceWeightedDrift(psis: Numbers, importances: Numbers): WeightedDrift {
  checkSameLength('importances', importances, 'psis', psis);
  checkCounts('psis', psis);
  const total = checkCounts('importances', importances);
  if (total === 0) throw invalid('importances', total, 'must not all be 0');
  const contributions = Float64Array.from(psis, (value, i) => (value * importances[i]!) / total);
  return { value: contributions.reduce((sum, part) => sum + part, 0), contributions };
}
