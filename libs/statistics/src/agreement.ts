import { checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';

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
  checkFinite('units', units, 0);
  checkFinite('values', values, 0);
  checkSameLength('values', values, 'units', units);
  // Copies of one array type keep the loops below fast for whatever the caller has.
  const { codes, groups, groupSizes, labels } = pairableLabels(new Float64Array(units), new Float64Array(values));
  let pairedUnits = 0;
  for (let u = 0; u < groupSizes.length; u++) if (groupSizes[u]! > 1) pairedUnits++;
  if (pairedUnits === 0) return { kind: 'insufficient', reason: 'no-unit-labelled-twice' };
  const { scale, index } = valueScale(codes);
  if (scale.length === 1) return { kind: 'insufficient', reason: 'one-value' };
  if (level === 'ratio') checkRatioScale(scale);
  const frequency = new Float64Array(scale.length);
  for (let i = 0; i < index.length; i++) frequency[index[i]!]!++;
  const positions = level === 'ordinal' ? midRanks(frequency) : scale;
  const disagreement =
    level === 'nominal'
      ? nominal(index, groups, groupSizes, frequency)
      : level === 'ratio'
        ? ratio(codes, groups, groupSizes, scale, frequency)
        : squared(index, groups, groupSizes, positions, frequency);
  const alpha = 1 - ((labels - 1) * disagreement.observed) / disagreement.expected;
  return { kind: 'measured', alpha, units: pairedUnits, labels };
}

/** Sums over pairs: within units divided by (labels in unit - 1), and over all labels. */
interface Disagreement {
  readonly observed: number;
  readonly expected: number;
}

/** Labels of units that have at least two, ordered by unit; `groups[u]` is where unit u starts. */
function pairableLabels(units: Numbers, values: Numbers) {
  const { scale, index: unit } = valueScale(units);
  const groupSizes = new Uint32Array(scale.length);
  for (let i = 0; i < unit.length; i++) groupSizes[unit[i]!]!++;
  const groups = new Uint32Array(scale.length);
  let labels = 0;
  for (let u = 0; u < groups.length; u++) {
    groups[u] = labels;
    if (groupSizes[u]! > 1) labels += groupSizes[u]!;
  }
  const codes = new Float64Array(labels);
  const next = groups.slice();
  for (let i = 0; i < unit.length; i++) {
    const u = unit[i]!;
    if (groupSizes[u]! > 1) codes[next[u]!++] = values[i]!;
  }
  return { codes, groups, groupSizes, labels };
}

/** The distinct values, ascending, and the position of each value among them. */
function valueScale(values: Numbers): { scale: Float64Array; index: Uint32Array } {
  return denseScale(values) ?? sparseScale(values);
}

/** By a table instead of a map, for whole numbers that lie close together; undefined for others. */
function denseScale(values: Numbers) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value)) return undefined;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high - low <= 4 * values.length + 1_024)) return undefined;
  const position = new Uint32Array(high - low + 1);
  for (let i = 0; i < values.length; i++) position[values[i]! - low] = 1;
  let distinct = 0;
  for (let offset = 0; offset < position.length; offset++) if (position[offset] === 1) position[offset] = ++distinct;
  const scale = new Float64Array(distinct);
  for (let offset = 0; offset < position.length; offset++) {
    if (position[offset]! > 0) scale[position[offset]! - 1] = low + offset;
  }
  const index = new Uint32Array(values.length);
  for (let i = 0; i < index.length; i++) index[i] = position[values[i]! - low]! - 1;
  return { scale, index };
}

function sparseScale(values: Numbers) {
  const scale = Float64Array.from(new Set(Array.from(values, (value) => value + 0))).sort();
  const position = new Map(Array.from(scale, (value, i) => [value, i]));
  return { scale, index: Uint32Array.from(values, (value) => position.get(value + 0)!) };
}

function checkRatioScale(scale: Float64Array): void {
  if (scale[0]! < 0) throw invalid('values', scale[0], 'must not be negative at ratio level');
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

function nominal(index: Uint32Array, groups: Uint32Array, sizes: Uint32Array, frequency: Float64Array): Disagreement {
  const inUnit = new Uint32Array(frequency.length);
  let observed = 0;
  for (let u = 0; u < sizes.length; u++) {
    const size = sizes[u]!;
    if (size < 2) continue;
    const start = groups[u]!;
    let agreeing = 0;
    // The k-th label of a value agrees with k - 1 earlier ones, in both orders.
    for (let i = start; i < start + size; i++) agreeing += 2 * inUnit[index[i]!]!++;
    for (let i = start; i < start + size; i++) inUnit[index[i]!] = 0;
    observed += (size * (size - 1) - agreeing) / (size - 1);
  }
  const labels = index.length;
  return { observed, expected: labels * labels - frequency.reduce((sum, count) => sum + count * count, 0) };
}

/** Σ over ordered pairs of (a - b)² is 2·n·Σ(x - mean)², so no pair is visited. */
function squared(
  index: Uint32Array,
  groups: Uint32Array,
  sizes: Uint32Array,
  positions: Float64Array,
  frequency: Float64Array,
): Disagreement {
  let observed = 0;
  sizes.forEach((size, u) => {
    if (size < 2) return;
    const start = groups[u]!;
    let mean = 0;
    for (let i = start; i < start + size; i++) mean += positions[index[i]!]! / size;
    let deviations = 0;
    for (let i = start; i < start + size; i++) deviations += (positions[index[i]!]! - mean) ** 2;
    observed += (2 * size * deviations) / (size - 1);
  });
  const labels = index.length;
  const mean = positions.reduce((sum, value, i) => sum + (value * frequency[i]!) / labels, 0);
  const deviations = positions.reduce((sum, value, i) => sum + frequency[i]! * (value - mean) ** 2, 0);
  return { observed, expected: 2 * labels * deviations };
}

function ratio(
  codes: Float64Array,
  groups: Uint32Array,
  sizes: Uint32Array,
  scale: Float64Array,
  frequency: Float64Array,
): Disagreement {
  const distance = (a: number, b: number): number => (a === b ? 0 : ((a - b) / (a + b)) ** 2);
  let observed = 0;
  sizes.forEach((size, u) => {
    if (size < 2) return;
    const start = groups[u]!;
    for (let i = start; i < start + size; i++) {
      for (let j = start; j < i; j++) observed += (2 * distance(codes[i]!, codes[j]!)) / (size - 1);
    }
  });
  let expected = 0;
  for (let i = 0; i < scale.length; i++) {
    for (let j = 0; j < i; j++) expected += 2 * frequency[i]! * frequency[j]! * distance(scale[i]!, scale[j]!);
  }
  return { observed, expected };
}

/** Cohen's kappa, or why it is undefined. */
export type KappaResult =
  | { readonly kind: 'measured'; readonly kappa: number; readonly observedAgreement: number; readonly rows: number }
  | { readonly kind: 'insufficient'; readonly reason: 'one-value' };

/**
 * Cohen's kappa of two annotators who labelled the same rows; 1 perfect, 0 as by chance. `linear` and `quadratic` weigh
 * disagreements by the distance of the categories in ascending order. `insufficient` if both only ever used the same
 * one category. Source: Cohen (1960, 1968), Psychological Bulletin 70:213.
 * @example cohenKappa([0, 0, 1, 1, 1], [0, 1, 1, 1, 1]) // => { kind: 'measured', kappa: 0.545455, observedAgreement: 0.8, rows: 5 }
 */
export function cohenKappa(a: Numbers, b: Numbers, weights: 'none' | 'linear' | 'quadratic' = 'none'): KappaResult {
  checkFinite('a', a);
  checkFinite('b', b);
  checkSameLength('b', b, 'a', a);
  const rows = a.length;
  const { scale, index } = valueScale([...Array.from(a), ...Array.from(b)]);
  if (scale.length === 1) return { kind: 'insufficient', reason: 'one-value' };
  const ofA = new Float64Array(scale.length);
  const ofB = new Float64Array(scale.length);
  const power = weights === 'quadratic' ? 2 : 1;
  const weight = (i: number, j: number): number => (weights === 'none' ? (i === j ? 0 : 1) : Math.abs(i - j) ** power);
  let observed = 0;
  let agreeing = 0;
  for (let row = 0; row < rows; row++) {
    const i = index[row]!;
    const j = index[rows + row]!;
    ofA[i]!++;
    ofB[j]!++;
    observed += weight(i, j);
    if (i === j) agreeing++;
  }
  let expected = 0;
  for (let i = 0; i < scale.length; i++) {
    for (let j = 0; j < scale.length; j++) expected += (ofA[i]! * ofB[j]! * weight(i, j)) / rows;
  }
  return { kind: 'measured', kappa: 1 - observed / expected, observedAgreement: agreeing / rows, rows };
}
