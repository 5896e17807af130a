import type { ClassProbabilities } from './active-learning.js';
import { checkBetween, invalid, type Numbers } from './checks.js';
import { checkClassLabels, checkClassProbabilities } from './class-probabilities.js';
import type { MetricEstimate } from './classification-estimates.js';
import { aucPlacements, delongInterval } from './delong.js';
import { normalQuantile } from './distributions.js';
import { pairedMeanDifference } from './mean-difference.js';
import { multiclassLogLossPerRow, oneVersusRest } from './multiclass-metrics.js';
import { wilsonInterval } from './proportions.js';

/** DeLong's variance needs two rows on either side. */
const ROWS_OF_A_CLASS_MIN = 2;

/**
 * The usual report on a classifier of several classes: `logLoss` (t interval), `accuracy` of the most probable class
 * (Wilson), and, when every class has at least two rows, `rocAucMacro` (DeLong's influence values averaged over the classes,
 * so that their dependence is in the interval) and `rocAuc` of each class against the rest with `slice` `class=k`.
 * Of equally probable classes the first is decided for. At least two rows.
 * @example multiclassEstimates([0, 1, 0, 1], { probabilities: [0.7, 0.3, 0.4, 0.6, 0.6, 0.4, 0.55, 0.45], classes: 2 }).map(({ name }) => name) // => ['logLoss', 'accuracy', 'rocAucMacro', 'rocAuc', 'rocAuc']
 */
export function multiclassEstimates(
  labels: Numbers,
  rows: ClassProbabilities,
  options: { readonly confidence?: number; readonly slice?: string } = {},
): MetricEstimate[] {
  const { confidence = 0.95, slice = 'all' } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkClassProbabilities(labels, rows);
  const n = labels.length;
  if (n < 2) throw invalid('labels', n, 'needs at least 2 values');
  const base = { confidence, n, slice };
  const { difference, lower, upper } = pairedMeanDifference(multiclassLogLossPerRow(labels, rows), { confidence });
  const right = rightDecisions(labels, rows);
  const estimates: MetricEstimate[] = [
    { ...base, name: 'logLoss', value: difference, lower: Math.max(0, lower), upper, method: 'mean, t interval' },
    { ...base, name: 'accuracy', value: right / n, ...wilsonInterval(right, n, confidence), method: 'Wilson' },
  ];
  if (checkClassLabels('labels', labels, rows.classes).some((count) => count < ROWS_OF_A_CLASS_MIN)) return estimates;
  estimates.push({ ...base, name: 'rocAucMacro', ...macroAuc(labels, rows, confidence), method: 'DeLong, macro' });
  for (let k = 0; k < rows.classes; k++) {
    const { auc: value, lower: low, upper: high } = delongInterval(...oneVersusRest(labels, rows, k), { confidence });
    const ofClass = slice === 'all' ? `class=${k}` : `${slice}, class=${k}`;
    estimates.push({ ...base, slice: ofClass, name: 'rocAuc', value, lower: low, upper: high, method: 'DeLong' });
  }
  return estimates;
}

function rightDecisions(labels: Numbers, { probabilities, classes }: ClassProbabilities): number {
  let right = 0;
  for (let row = 0; row < labels.length; row++) {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (probabilities[row * classes + k]! > probabilities[row * classes + best]!) best = k;
    }
    if (best === labels[row]) right++;
  }
  return right;
}

/** Mean area over the classes; its variance from every row's summed influence on all of them. */
function macroAuc(labels: Numbers, rows: ClassProbabilities, confidence: number) {
  const influence = new Float64Array(labels.length);
  let value = 0;
  for (let k = 0; k < rows.classes; k++) {
    const [own, scores] = oneVersusRest(labels, rows, k);
    const positives = own.reduce((sum, one) => sum + one, 0);
    const { auc, perRow } = aucPlacements(own, scores, positives);
    value += auc / rows.classes;
    for (let row = 0; row < own.length; row++) {
      // Dividing by root n(n - 1) of the row's side makes the sum of squares DeLong's variance for a single class.
      const side = own[row] === 1 ? positives : own.length - positives;
      influence[row]! += (perRow[row]! - auc) / (rows.classes * Math.sqrt(side * (side - 1)));
    }
  }
  const squares = influence.reduce((sum, one) => sum + one * one, 0);
  const spread = normalQuantile((1 + confidence) / 2) * Math.sqrt(squares);
  return { value, lower: Math.max(0, value - spread), upper: Math.min(1, value + spread) };
}
