import type { ClassProbabilities } from './active-learning.js';
import { checkCount, checkProbabilities, invalid, type Numbers } from './checks.js';

/** Single-precision probabilities of a hundred classes sum to 1 within this. */
const SUM_TOLERANCE = 1e-3;

/** Refuses probabilities that are not `labels.length` rows of `classes` that each sum to 1, and labels outside 0..classes-1. */
export function checkClassProbabilities(labels: Numbers, { probabilities, classes }: ClassProbabilities): void {
  checkClassLabels('labels', labels, classes);
  checkProbabilities('probabilities', probabilities);
  if (probabilities.length !== labels.length * classes)
    throw invalid(
      'probabilities',
      probabilities.length,
      `must have classes (${classes}) values per label (${labels.length})`,
    );
  for (let row = 0; row < labels.length; row++) {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += probabilities[row * classes + k]!;
    if (Math.abs(sum - 1) > SUM_TOLERANCE) throw invalid(`probabilities of row ${row}`, sum, 'must sum to 1');
  }
}

/** Refuses anything but whole numbers from 0 to classes - 1, and none at all; returns how many rows each class has. */
export function checkClassLabels(field: string, labels: Numbers, classes: number): Float64Array {
  checkCount('classes', classes, 2);
  if (labels.length === 0) throw invalid(field, 0, 'needs at least 1 value');
  const rows = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw invalid(`${field}[${row}]`, label, `must be a whole number from 0 to ${classes - 1}`);
    rows[label]!++;
  }
  return rows;
}
