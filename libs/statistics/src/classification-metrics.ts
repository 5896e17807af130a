import {
  checkBothClasses,
  checkFinite,
  checkLabels,
  checkNumber,
  checkProbabilities,
  checkSameLength,
  checkWeights,
  invalid,
  type Numbers,
} from './checks.js';
import { filled } from './filled.js';
import { ascendingOrder, sorted } from './order.js';

/** How much each row counts; a weight of 2 is as the row twice. */
export interface Weighted {
  /** One per row, finite, not negative, not all 0; absent means that every row counts once. */
  readonly weights?: Numbers;
}

/** The smallest probability a logarithm is taken of, as in scikit-learn: the spacing of doubles at 1. */
const SMALLEST_PROBABILITY = 2.220446049250313e-16;

/**
 * Area under the ROC curve: the probability that a random positive row scores above a random negative one, ties counted
 * half (Mann-Whitney U over n₊·n₋); with `weights` a pair counts the product of its weights. Range 0..1, 0.5 is chance,
 * higher is better. Rows: `labels` 0/1, `scores` any finite numbers. Refused: one class only, or one without weight.
 * Source: Hanley & McNeil (1982), Radiology 143:29.
 * @example rocAuc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) // => 0.75
 */
export function rocAuc(labels: Numbers, scores: Numbers, { weights }: Weighted = {}): number {
  const positives = checkRows(labels, scores);
  if (weights !== undefined) return weightedConcordance(labels, scores, weights);
  const negatives = labels.length - positives;
  const positiveScores = new Float64Array(positives);
  const negativeScores = new Float64Array(negatives);
  let p = 0;
  let q = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 1) positiveScores[p++] = scores[i]!;
    else negativeScores[q++] = scores[i]!;
  }
  return concordance(sorted(positiveScores), sorted(negativeScores)) / (positives * negatives);
}

function weightedConcordance(labels: Numbers, scores: Numbers, weights: Numbers): number {
  const { positive, negative } = classWeights(labels, weights);
  let pairs = 0;
  let negativesBelow = 0;
  for (const group of tieGroups(scores, labels, weights)) {
    pairs += group.positive * (negativesBelow + group.negative / 2);
    negativesBelow += group.negative;
  }
  return pairs / (positive * negative);
}

function classWeights(labels: Numbers, weights: Numbers): { positive: number; negative: number } {
  const total = checkWeights('weights', weights, labels.length);
  let positive = 0;
  for (let i = 0; i < labels.length; i++) positive += labels[i]! * weights[i]!;
  const negative = total - positive;
  if (!(positive > 0 && negative > 0)) throw invalid('weights', positive, 'must give weight to rows of each class');
  return { positive, negative };
}

/** Summed weights by class of each run of equal scores, in ascending order of the scores. */
function tieGroups(scores: Numbers, labels: Numbers, weights: Numbers): { positive: number; negative: number }[] {
  const order = ascendingOrder(scores);
  const groups: { positive: number; negative: number }[] = [];
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!;
    const group = { positive: 0, negative: 0 };
    for (; i < order.length && scores[order[i]!] === score; i++) {
      group[labels[order[i]!] === 1 ? 'positive' : 'negative'] += weights[order[i]!]!;
    }
    groups.push(group);
  }
  return groups;
}

/** Pairs in which the first sample is higher, ties counted half; both samples ascending. */
function concordance(higher: Float64Array, lower: Float64Array): number {
  let pairs = 0;
  let below = 0;
  let upTo = 0;
  for (const value of higher) {
    while (below < lower.length && lower[below]! < value) below++;
    if (upTo < below) upTo = below;
    while (upTo < lower.length && lower[upTo]! <= value) upTo++;
    pairs += (below + upTo) / 2;
  }
  return pairs;
}

/**
 * Average precision: Σ (recallᵢ - recallᵢ₋₁)·precisionᵢ over the distinct score thresholds from the highest down, the
 * step-wise area under the precision-recall curve (no interpolation). Range 0..1, chance is the share of positives.
 * Source: scikit-learn `average_precision_score`.
 * @example prAuc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) // => 0.833333
 */
export function prAuc(labels: Numbers, scores: Numbers, { weights }: Weighted = {}): number {
  const positives = checkRows(labels, scores);
  if (weights !== undefined) return weightedPrecision(labels, scores, weights);
  return averagePrecision(labels, scores, { order: ascendingOrder(scores), positives });
}

/** {@link prAuc} of rows whose ascending order is known. */
export function averagePrecision(
  labels: Numbers,
  scores: Numbers,
  { order, positives }: { readonly order: Uint32Array; readonly positives: number },
): number {
  let truePositives = 0;
  let area = 0;
  for (let i = order.length - 1; i >= 0;) {
    const score = scores[order[i]!]!;
    let found = 0;
    for (; i >= 0 && scores[order[i]!] === score; i--) found += labels[order[i]!]!;
    truePositives += found;
    area += (found / positives) * (truePositives / (order.length - 1 - i));
  }
  return area;
}

function weightedPrecision(labels: Numbers, scores: Numbers, weights: Numbers): number {
  const { positive: positives } = classWeights(labels, weights);
  let truePositives = 0;
  let decided = 0;
  let area = 0;
  for (const { positive, negative } of tieGroups(scores, labels, weights).reverse()) {
    truePositives += positive;
    decided += positive + negative;
    if (decided > 0) area += (positive / positives) * (truePositives / decided);
  }
  return area;
}

/**
 * Mean negative log likelihood in nats, -mean(y ln p + (1 - y) ln(1 - p)); lower is better, ln 2 is a coin.
 * A probability nearer to 0 or 1 than 2.2e-16 is moved to that distance, so the result is finite.
 * Refused: probabilities outside [0, 1].
 * @example logLoss([1, 0], [0.9, 0.2]) // => 0.164252
 */
export function logLoss(labels: Numbers, probabilities: Numbers, { weights }: Weighted = {}): number {
  return weightedMean(logLossPerRow(labels, probabilities), weights);
}

/**
 * The terms whose mean is {@link logLoss}, one per row, in nats.
 * @example Array.from(logLossPerRow([1, 0], [0.9, 0.2])) // => [0.105361, 0.223144]
 */
export function logLossPerRow(labels: Numbers, probabilities: Numbers): Float64Array {
  checkForecasts(labels, probabilities);
  return filled(new Float64Array(labels.length), (i) => {
    const label = labels[i]!;
    const ofTruth = label === 1 ? probabilities[i]! : 1 - probabilities[i]!;
    return -Math.log(Math.min(1 - SMALLEST_PROBABILITY, Math.max(SMALLEST_PROBABILITY, ofTruth)));
  });
}

/**
 * Mean squared difference of probability and label; 0..1, lower is better, 0.25 is a coin.
 * Source: Brier (1950), Monthly Weather Review 78:1.
 * @example brierScoreLoss([1, 0], [0.9, 0.2]) // => 0.025
 */
export function brierScoreLoss(labels: Numbers, probabilities: Numbers, { weights }: Weighted = {}): number {
  return weightedMean(brierLossPerRow(labels, probabilities), weights);
}

/**
 * The terms whose mean is {@link brierScoreLoss}, one per row.
 * @example Array.from(brierLossPerRow([1, 0], [0.9, 0.2])) // => [0.01, 0.04]
 */
export function brierLossPerRow(labels: Numbers, probabilities: Numbers): Float64Array {
  checkForecasts(labels, probabilities);
  return filled(new Float64Array(labels.length), (i) => (probabilities[i]! - labels[i]!) ** 2);
}

/** Rows (or their weights) by label and by decision. */
export interface ConfusionCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/**
 * Counts (with `weights`, sums of them) of right and wrong decisions, where a score at or above `threshold` decides for 1.
 * @example confusionCounts([0, 1, 1], [0.7, 0.2, 0.9], 0.5) // => { truePositives: 1, falsePositives: 1, trueNegatives: 0, falseNegatives: 1 }
 */
export function confusionCounts(
  labels: Numbers,
  scores: Numbers,
  threshold: number,
  { weights }: Weighted = {},
): ConfusionCounts {
  checkLabels('labels', labels);
  checkSameLength('scores', scores, 'labels', labels);
  checkFinite('scores', scores);
  checkNumber('threshold', threshold);
  if (weights !== undefined) checkWeights('weights', weights, labels.length);
  let [truePositives, falsePositives, trueNegatives, falseNegatives] = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const weight = weights === undefined ? 1 : weights[i]!;
    if (labels[i] === 1) {
      if (scores[i]! >= threshold) truePositives += weight;
      else falseNegatives += weight;
    } else if (scores[i]! >= threshold) falsePositives += weight;
    else trueNegatives += weight;
  }
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

/**
 * Share of rows (or of weight) decided rightly when a score at or above `threshold` decides for 1; 0..1, higher is better.
 * @example accuracyScore([0, 1, 1], [0.7, 0.2, 0.9], 0.5) // => 0.333333
 */
export function accuracyScore(labels: Numbers, scores: Numbers, threshold: number, options: Weighted = {}): number {
  const { truePositives, trueNegatives, falsePositives, falseNegatives } = confusionCounts(
    labels,
    scores,
    threshold,
    options,
  );
  const right = truePositives + trueNegatives;
  return right / (right + falsePositives + falseNegatives);
}

/**
 * Mean of the shares of each class that are decided rightly; 0..1, 0.5 for a constant decision, higher is better.
 * Refused: one class only, or one without weight. Source: Brodersen et al. (2010), ICPR.
 * @example balancedAccuracyScore([0, 0, 0, 1], [0.1, 0.6, 0.2, 0.9], 0.5) // => 0.833333
 */
export function balancedAccuracyScore(
  labels: Numbers,
  scores: Numbers,
  threshold: number,
  options: Weighted = {},
): number {
  checkBothClasses('labels', labels);
  if (options.weights !== undefined) classWeights(labels, options.weights);
  const counts = confusionCounts(labels, scores, threshold, options);
  const sensitivity = counts.truePositives / (counts.truePositives + counts.falseNegatives);
  const specificity = counts.trueNegatives / (counts.trueNegatives + counts.falsePositives);
  return (sensitivity + specificity) / 2;
}

/**
 * Matthews correlation of labels and decisions at `threshold`; -1..1, 0 is chance, and 0 as well where labels or
 * decisions are all of one class. Source: Matthews (1975), BBA 405:442.
 * @example matthewsScore([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9], 0.5) // => 0.57735
 */
export function matthewsScore(labels: Numbers, scores: Numbers, threshold: number, options: Weighted = {}): number {
  const {
    truePositives: tp,
    falsePositives: fp,
    trueNegatives: tn,
    falseNegatives: fn,
  } = confusionCounts(labels, scores, threshold, options);
  const scale = Math.sqrt(tp + fp) * Math.sqrt(tp + fn) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn);
  return scale === 0 ? 0 : (tp * tn - fp * fn) / scale;
}

function checkRows(labels: Numbers, scores: Numbers): number {
  checkSameLength('scores', scores, 'labels', labels);
  const positives = checkBothClasses('labels', labels);
  checkFinite('scores', scores);
  return positives;
}

function checkForecasts(labels: Numbers, probabilities: Numbers): void {
  checkLabels('labels', labels);
  checkSameLength('probabilities', probabilities, 'labels', labels);
  checkProbabilities('probabilities', probabilities);
}

/** Mean of per-row values, weighted when weights are given; refuses bad weights. */
export function weightedMean(values: Float64Array, weights: Numbers | undefined): number {
  let sum = 0;
  if (weights === undefined) {
    for (const value of values) sum += value;
    return sum / values.length;
  }
  const total = checkWeights('weights', weights, values.length);
  for (let i = 0; i < values.length; i++) sum += values[i]! * weights[i]!;
  return sum / total;
}
