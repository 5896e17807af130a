import { invalid, type Numbers } from './checks.js';
import { valuesVary } from './regression-metrics.js';
import type { SliceFeature } from './slice-feature.js';
import type { AllRows, Moments } from './slice-test.js';

/** Cells of one combination of features; more would not have rows enough. */
const CELLS_MAX = 1_000_000;

/** Values around their mean, which keeps the digits of the variance. */
export interface CentredValues {
  readonly shift: number;
  readonly around: Float64Array;
  readonly total: AllRows;
}

/** The values without their mean. @throws PermanentError `invalid` when their powers are out of range */
export function centred(perRow: Numbers): CentredValues {
  const n = perRow.length;
  let shift = 0;
  for (let row = 0; row < n; row++) shift += perRow[row]! / n;
  // The mean of equal values misses them by rounding, which would look like a difference without any variance.
  if (!valuesVary(perRow)) shift = perRow[0]!;
  const around = new Float64Array(n);
  let [s1, s2, s3] = [0, 0, 0];
  for (let row = 0; row < n; row++) {
    const value = perRow[row]! - shift;
    around[row] = value;
    s1 += value;
    s2 += value * value;
    s3 += value * value * value;
  }
  if (!Number.isFinite(s2 * s2 + Math.abs(s3))) throw invalid('perRow', s2, 'is too widely spread');
  const skewness = s2 > 0 ? s3 / n / (s2 / n) ** 1.5 : 0;
  return { shift, around, total: { n, s1, s2, skewness } };
}

/** Which cell each row is in: `outer · width + codes`. */
export interface CellOfRow {
  readonly outer: Uint32Array;
  readonly width: number;
  readonly codes: ArrayLike<number>;
}

/** Visits every combination of up to `depth` features with the sums of its cells, in a fixed order. */
export function everyCombination(
  features: readonly SliceFeature[],
  depth: number,
  { around }: CentredValues,
  visit: (combination: readonly number[], cells: Float64Array, of: CellOfRow) => void,
): void {
  // Joint codes by number of conditions, overwritten by the next combination.
  const joint = Array.from({ length: depth }, () => new Uint32Array(around.length));
  const descend = (combination: readonly number[], outer: Uint32Array, outerCells: number, at: number): void => {
    const { codes, values, name } = features[at]!;
    const cells = outerCells * values.length;
    if (cells > CELLS_MAX) throw invalid('features', cells, `give more than ${CELLS_MAX} cells with ${name}`);
    const chosen = [...combination, at];
    const of = { outer, width: values.length, codes };
    visit(chosen, addedUp({ ...of, cells }, around), of);
    if (chosen.length === depth) return;
    const own = joint[chosen.length - 1]!;
    for (let row = 0; row < own.length; row++) own[row] = outer[row]! * values.length + codes[row]!;
    for (let next = at + 1; next < features.length; next++) descend(chosen, own, cells, next);
  };
  const none = new Uint32Array(around.length);
  features.forEach((_, at) => descend([], none, 1, at));
}

/** Count and power sums of the values of each cell, side by side so that a row touches one cache line. */
function addedUp(
  { outer, width, codes, cells }: CellOfRow & { readonly cells: number },
  around: Float64Array,
): Float64Array {
  const sums = new Float64Array(cells * 3);
  for (let row = 0; row < around.length; row++) {
    const at = (outer[row]! * width + codes[row]!) * 3;
    const value = around[row]!;
    sums[at]! += 1;
    sums[at + 1]! += value;
    sums[at + 2]! += value * value;
  }
  return sums;
}

/** Moments of one cell. */
export const momentsAt = (cells: Float64Array, cell: number): Moments => ({
  n: cells[3 * cell]!,
  s1: cells[3 * cell + 1]!,
  s2: cells[3 * cell + 2]!,
});
