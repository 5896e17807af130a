import { PermanentError } from '@rondo/kernel';

/** Anything indexed like an array of numbers: `number[]`, `Float64Array`, `Float32Array`, `Uint8Array`. */
export type Numbers = ArrayLike<number>;

/** The error of every function here for a refused argument: which one, what it was, which rule it broke. */
export function invalid(field: string, value: unknown, rule: string): PermanentError {
  return new PermanentError('invalid', `${field} ${rule}`, { field, value, rule });
}

/** Refuses NaN, infinities and samples below `minLength`. */
export function checkFinite(field: string, values: Numbers, minLength = 1): void {
  if (values.length < minLength) throw invalid(field, values.length, `needs at least ${minLength} values`);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw invalid(`${field}[${i}]`, values[i], 'must be finite');
  }
}

/** Refuses two arguments that are not row by row. */
export function checkSameLength(field: string, values: Numbers, otherField: string, others: Numbers): void {
  if (values.length !== others.length) {
    throw invalid(field, values.length, `must have as many values as ${otherField} (${others.length})`);
  }
}

/** Refuses anything but 0 and 1; returns how many are 1. */
export function checkLabels(field: string, labels: Numbers): number {
  if (labels.length === 0) throw invalid(field, 0, 'needs at least 1 value');
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label !== 0 && label !== 1) throw invalid(`${field}[${i}]`, label, 'must be 0 or 1');
    positives += label;
  }
  return positives;
}

/** Refuses labels of one class; returns how many are 1. */
export function checkBothClasses(field: string, labels: Numbers, minEach = 1): number {
  const positives = checkLabels(field, labels);
  if (positives < minEach || labels.length - positives < minEach) {
    throw invalid(field, positives, `needs at least ${minEach} of each class`);
  }
  return positives;
}

/** Refuses values outside [0, 1]. */
export function checkProbabilities(field: string, values: Numbers): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value <= 1)) throw invalid(`${field}[${i}]`, value, 'must be between 0 and 1');
  }
}

/** Refuses a number that is not finite or not strictly between the bounds. */
export function checkBetween(field: string, value: number, low: number, high: number): void {
  if (!(value > low && value < high)) throw invalid(field, value, `must be above ${low} and below ${high}`);
}

/** Refuses a number that is not finite or below `low`. */
export function checkAtLeast(field: string, value: number, low: number): void {
  if (!(Number.isFinite(value) && value >= low))
    throw invalid(field, value, `must be a finite number, at least ${low}`);
}

/** Refuses anything but a whole number of at least `low`. */
export function checkCount(field: string, value: number, low = 0): void {
  if (!Number.isSafeInteger(value) || value < low)
    throw invalid(field, value, `must be a whole number, at least ${low}`);
}

/** Refuses negative, NaN or infinite entries; returns their sum. */
export function checkCounts(field: string, counts: Numbers, minLength = 1): number {
  if (counts.length < minLength) throw invalid(field, counts.length, `needs at least ${minLength} values`);
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (!(Number.isFinite(count) && count >= 0))
      throw invalid(`${field}[${i}]`, count, 'must be finite and not negative');
    total += count;
  }
  return total;
}

/** Refuses NaN and infinities. */
export function checkNumber(field: string, value: number): void {
  if (!Number.isFinite(value)) throw invalid(field, value, 'must be finite');
}

/** Refuses weights that are not one per row, negative, not finite or without a positive one; returns their sum. */
export function checkWeights(field: string, weights: Numbers, rows: number): number {
  if (weights.length !== rows) throw invalid(field, weights.length, `must have one value per row (${rows})`);
  const total = checkCounts(field, weights);
  if (total === 0) throw invalid(field, 0, 'must not sum to 0');
  checkNumber(`sum of ${field}`, total);
  return total;
}
