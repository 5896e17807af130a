import { checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { looseScale, valueScale, type ValueScale } from './value-scale.js';

/** How values differ: as names, ranks, amounts, or amounts with a true zero. */
export type MeasurementLevel = 'nominal' | 'ordinal' | 'interval' | 'ratio';

/** Agreement beyond chance, or why it is undefined. */
export type AgreementResult =
  | {
      readonly kind: 'measured';
      /** 1 perfect, 0 as by chance, below 0 systematic disagreement. */
      readonly alpha: number;
      /** Units with at least two labels, and the labels on them. */
      readonly units: number;
      readonly labels: number;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'no-unit-labelled-twice' | 'one-value' };

const MAX_RATIO_VALUES = 5_000;
/**
 * Krippendorff's α for any number of annotators with missing labels: one entry per label, `units[i]` the thing labelled
 * (any number that identifies it), `values[i]` the label. 1 - observed / expected disagreement with squared
 * differences: 0/1 for names, rank distance for ordinal, difference for interval, (a - b)/(a + b) for ratio (values
 * >= 0, at most 5,000 distinct). Source: Krippendorff (2011), "Computing Krippendorff's alpha-reliability".
 * @example krippendorffAlpha([0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 1, 2, 3, 3], 'nominal') // => { kind: 'measured', alpha: 0.666667, units: 4, labels: 8 }
 */
export function krippendorffAlpha(units: Numbers, values: Numbers, level: MeasurementLevel): AgreementResult {
  return alphaOf(grouped(units, values, level), level);
}

/** Labels as positions on the scale of values, ordered by unit; unit u owns `starts[u]` up to `starts[u + 1]`. */
export interface GroupedLabels {
  readonly scale: Float64Array;
  readonly index: Uint32Array;
  readonly starts: Uint32Array;
}

/** Sums over pairs: within units divided by (labels in unit - 1), and over all labels. */
interface Disagreement {
  readonly observed: number;
  readonly expected: number;
}

/** Labels ordered by unit. */
export function grouped(units: Numbers, values: Numbers, level: MeasurementLevel): GroupedLabels {
  checkSameLength('values', values, 'units', units);
  const { index: unit, scale: unitScale } = looseScale('units', units);
  // Every pair of the scale is visited at ratio level, so it should hold no value that does not occur.
  const value = level === 'ratio' ? occurring(values) : looseScale('values', values);
  const starts = new Uint32Array(unitScale.length + 1);
  for (let i = 0; i < unit.length; i++) starts[unit[i]! + 1]!++;
  for (let u = 0; u < unitScale.length; u++) starts[u + 1]! += starts[u]!;
  const next = starts.slice();
  const index = new Uint32Array(unit.length);
  for (let i = 0; i < unit.length; i++) index[next[unit[i]!]!++] = value.index[i]!;
  if (level === 'ratio') checkRatioScale(value.scale);
  return { scale: value.scale, index, starts };
}

function occurring(values: Numbers): ValueScale {
  const copy = new Float64Array(values);
  checkFinite('values', copy, 0);
  return valueScale(copy);
}

/** Without the units whose number leaves `omitted` when divided by `groups`; with all of them by default. */
export function alphaOf(labels: GroupedLabels, level: MeasurementLevel, groups = 1, omitted = 1): AgreementResult {
  const { scale, index, starts } = labels;
  const kept = new Uint8Array(starts.length - 1);
  const frequency = new Float64Array(scale.length);
  let units = 0;
  let total = 0;
  for (let u = 0, paired = 0; u < kept.length; u++) {
    const size = starts[u + 1]! - starts[u]!;
    if (size < 2 || paired++ % groups === omitted) continue;
    kept[u] = 1;
    units++;
    total += size;
    for (let i = starts[u]!; i < starts[u + 1]!; i++) frequency[index[i]!]!++;
  }
  if (units === 0) return { kind: 'insufficient', reason: 'no-unit-labelled-twice' };
  if (frequency.some((count) => count === total)) return { kind: 'insufficient', reason: 'one-value' };
  const positions = level === 'ordinal' ? midRanks(frequency) : scale;
  const disagreement =
    level === 'nominal'
      ? nominal(labels, kept, frequency)
      : level === 'ratio'
        ? ratio(labels, kept, frequency)
        : squared(labels, kept, frequency, positions);
  const alpha = 1 - ((total - 1) * disagreement.observed) / disagreement.expected;
  return { kind: 'measured', alpha, units, labels: total };
}

function checkRatioScale(scale: Float64Array): void {
  if (scale.length > 0 && scale[0]! < 0) throw invalid('values', scale[0], 'must not be negative at ratio level');
  if (scale.length > MAX_RATIO_VALUES) {
    throw invalid('values', scale.length, `must not have more than ${MAX_RATIO_VALUES} distinct values at ratio level`);
  }
}

/** Ordinal distance is the difference of these positions (Krippendorff's sum of frequencies between two values). */
function midRanks(frequency: Float64Array): Float64Array {
  let before = 0;
  return frequency.map((count) => {
    before += count;
    return before - count / 2;
  });
}

function nominal({ index, starts }: GroupedLabels, kept: Uint8Array, frequency: Float64Array): Disagreement {
  const inUnit = new Uint32Array(frequency.length);
  let observed = 0;
  let labels = 0;
  for (let u = 0; u < kept.length; u++) {
    if (kept[u] === 0) continue;
    const start = starts[u]!;
    const end = starts[u + 1]!;
    const size = end - start;
    let agreeing = 0;
    // The k-th label of a value agrees with k - 1 earlier ones, in both orders.
    for (let i = start; i < end; i++) agreeing += 2 * inUnit[index[i]!]!++;
    for (let i = start; i < end; i++) inUnit[index[i]!] = 0;
    observed += (size * (size - 1) - agreeing) / (size - 1);
    labels += size;
  }
  return { observed, expected: labels * labels - frequency.reduce((sum, count) => sum + count * count, 0) };
}

/** Σ over ordered pairs of (a - b)² is 2·n·Σ(x - mean)², so no pair is visited. */
function squared(
  { index, starts }: GroupedLabels,
  kept: Uint8Array,
  frequency: Float64Array,
  positions: Float64Array,
): Disagreement {
  let observed = 0;
  let labels = 0;
  for (let u = 0; u < kept.length; u++) {
    if (kept[u] === 0) continue;
    const start = starts[u]!;
    const end = starts[u + 1]!;
    const size = end - start;
    let mean = 0;
    for (let i = start; i < end; i++) mean += positions[index[i]!]! / size;
    let deviations = 0;
    for (let i = start; i < end; i++) deviations += (positions[index[i]!]! - mean) ** 2;
    observed += (2 * size * deviations) / (size - 1);
    labels += size;
  }
  const mean = positions.reduce((sum, value, i) => sum + (value * frequency[i]!) / labels, 0);
  const deviations = positions.reduce((sum, value, i) => sum + frequency[i]! * (value - mean) ** 2, 0);
  return { observed, expected: 2 * labels * deviations };
}

function ratio({ scale, index, starts }: GroupedLabels, kept: Uint8Array, frequency: Float64Array): Disagreement {
  const distance = (a: number, b: number): number => (a === b ? 0 : ((a - b) / (a + b)) ** 2);
  let observed = 0;
  for (let u = 0; u < kept.length; u++) {
    if (kept[u] === 0) continue;
    const start = starts[u]!;
    const end = starts[u + 1]!;
    for (let i = start; i < end; i++) {
      for (let j = start; j < i; j++) {
        observed += (2 * distance(scale[index[i]!]!, scale[index[j]!]!)) / (end - start - 1);
      }
    }
  }
  let expected = 0;
  for (let i = 0; i < scale.length; i++) {
    for (let j = 0; j < i; j++) expected += 2 * frequency[i]! * frequency[j]! * distance(scale[i]!, scale[j]!);
  }
  return { observed, expected };
}
