import { checkCount, checkProbabilities, invalid, type Numbers } from './checks.js';
import type { ClassProbabilities } from './active-learning.js';

/** Labels that a model, scored on rows it was not trained on, has good reason to doubt. */
export interface LabelIssues {
  /** Rows with a doubtful label, the least believable first. */
  readonly rows: Uint32Array;
  /** Probability of the given label per row; 0..1, low is suspicious. */
  readonly selfConfidence: Float64Array;
  /** Mean probability of a class over the rows that bear it; null for a class without rows. */
  readonly thresholds: readonly (number | null)[];
  /** Rows by given and confidently other class, at `given * classes + likely`; rows of no confident class are left out. */
  readonly confidentJoint: Float64Array;
  /** Estimated share of wrong labels, from the joint scaled to the counts of the given labels. */
  readonly errorShare: number;
}

const THRESHOLD_SLACK = 1e-6;
const SUM_TOLERANCE = 1e-3;

/**
 * Confident learning: a row counts for the class it exceeds the mean confidence of (the likeliest of those); off the
 * diagonal of that joint lie labels to look at again, unless the model's first choice is the given label. Needs
 * out-of-sample probabilities; `labels` are class positions. Source: Northcutt, Jiang & Chuang (2021), JAIR 70:1373.
 * @example Array.from(labelIssues([0, 0, 0, 1, 1, 1], { probabilities: [0.9, 0.1, 0.8, 0.2, 0.05, 0.95, 0.2, 0.8, 0.1, 0.9, 0.3, 0.7], classes: 2 }).rows) // => [2]
 */
export function labelIssues(labels: Numbers, { probabilities, classes }: ClassProbabilities): LabelIssues {
  checkCount('classes', classes, 2);
  if (labels.length === 0) throw invalid('labels', 0, 'needs at least 1 value');
  if (probabilities.length !== labels.length * classes) {
    throw invalid(
      'probabilities',
      probabilities.length,
      `must have labels · classes (${labels.length * classes}) values`,
    );
  }
  checkProbabilities('probabilities', probabilities);
  const given = Uint32Array.from(labels);
  const p = Float64Array.from(probabilities);
  for (let i = 0; i < given.length; i++) {
    if (given[i] !== labels[i] || given[i]! >= classes)
      throw invalid(`labels[${i}]`, labels[i], `must be a class below ${classes}`);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += p[i * classes + k]!;
    if (Math.abs(sum - 1) > SUM_TOLERANCE) throw invalid(`probabilities of row ${i}`, sum, 'must sum to 1');
  }
  const counts = new Float64Array(classes);
  const selfConfidence = new Float64Array(given.length);
  const sums = new Float64Array(classes);
  for (let i = 0; i < given.length; i++) {
    selfConfidence[i] = p[i * classes + given[i]!]!;
    sums[given[i]!]! += selfConfidence[i]!;
    counts[given[i]!]!++;
  }
  const limits = sums.map((sum, k) => (counts[k]! > 0 ? sum / counts[k]! : Infinity));
  const { doubtful, confidentJoint } = confidentRows(given, p, limits);
  const rows = Uint32Array.from(doubtful).sort((a, b) => selfConfidence[a]! - selfConfidence[b]! || a - b);
  const thresholds = Array.from(limits, (limit) => (limit === Infinity ? null : limit));
  return { rows, selfConfidence, thresholds, confidentJoint, errorShare: errorShareOf(confidentJoint, counts) };
}

function confidentRows(given: Uint32Array, p: Float64Array, limits: Float64Array) {
  const classes = limits.length;
  const confidentJoint = new Float64Array(classes * classes);
  const doubtful: number[] = [];
  for (let i = 0; i < given.length; i++) {
    const row = i * classes;
    let first = 0;
    let confident = 0;
    let likely = -1;
    for (let k = 0; k < classes; k++) {
      if (p[row + k]! > p[row + first]!) first = k;
      if (p[row + k]! < limits[k]! - THRESHOLD_SLACK) continue;
      if (++confident === 1) likely = k;
    }
    if (confident === 0) continue;
    if (confident > 1) likely = first;
    confidentJoint[given[i]! * classes + likely]!++;
    if (likely !== given[i]! && first !== given[i]!) doubtful.push(i);
  }
  // A class with labels has at least one right one, however unsure the model is of it.
  for (let k = 0; k < classes; k++) confidentJoint[k * classes + k] ||= 1;
  return { doubtful, confidentJoint };
}

function errorShareOf(joint: Float64Array, counts: Float64Array): number {
  const classes = counts.length;
  let wrong = 0;
  let rows = 0;
  for (let k = 0; k < classes; k++) {
    let total = 0;
    for (let j = 0; j < classes; j++) total += joint[k * classes + j]!;
    wrong += counts[k]! * (1 - joint[k * classes + k]! / total);
    rows += counts[k]!;
  }
  return wrong / rows;
}
