import { PermanentError } from '@rondo/kernel';
import {
  checkBetween,
  checkBothClasses,
  checkCount,
  checkFinite,
  checkSameLength,
  invalid,
  type Numbers,
} from './checks.js';
import { CountedDraws } from './draws.js';
import { aucPlacements } from './delong.js';
import { normalCdf, normalQuantile } from './distributions.js';
import { filled } from './filled.js';
import { magnitudeOf } from './magnitude.js';
import { ascendingOrder, quantileOfSorted } from './order.js';
import type { Interval } from './proportions.js';
import { drawing, resamplingSets, type ResamplingUnits } from './resampling.js';
import type { RowSets } from './row-sets.js';

/** How rows are resampled; equal seeds give equal results on every platform. */
export interface BootstrapOptions extends ResamplingUnits {
  readonly seed: number;
  /** Resamples, at least 100; 2,000 by default. */
  readonly replicates?: number;
  readonly confidence?: number;
}

/** A statistic with its resampled spread. */
export interface BootstrapResult {
  readonly estimate: number;
  readonly standardError: number;
  /** Plain quantiles of the resampled statistic. */
  readonly percentile: Interval;
  /** Bias-corrected and accelerated: second-order accurate, the one to decide by. */
  readonly bca: Interval;
  readonly replicates: number;
  /** Resamples on which the statistic was undefined (NaN); they are left out, and above 5 % the call is refused. */
  readonly undefinedReplicates: number;
}

/** A statistic of rows that occur `counts[row]` times each; NaN where it is undefined. */
export type CountedStatistic = (counts: Uint16Array) => number;

const MAX_UNDEFINED_SHARE = 0.05;
/** Groups left out one at a time to measure the acceleration of a statistic without known influence values. */
const JACKKNIFE_GROUPS = 200;

/**
 * Bootstraps any statistic of paired rows. The statistic receives how often each row was drawn, so that a metric can
 * keep its presorted ranks instead of copying and sorting rows in every resample. Acceleration for BCa comes from
 * `influence` (one value per row, summed over each cluster, since clusters are what is redrawn) or else from leaving out up to 200 groups of rows (or clusters) in turn.
 * Source: Efron (1987), JASA 82:171.
 * @example pairedBootstrap(4, (counts) => counts.reduce((sum, count, row) => sum + count * row, 0) / 4, { seed: 1 }) // => { estimate: 1.5, replicates: 2000 }
 */
export function pairedBootstrap(
  rows: number,
  statistic: CountedStatistic,
  options: BootstrapOptions & { readonly influence?: Numbers },
): BootstrapResult {
  const { seed, replicates = 2_000, confidence = 0.95 } = options;
  checkCount('rows', rows, 2);
  checkCount('replicates', replicates, 100);
  checkBetween('confidence', confidence, 0, 1);
  const sets = resamplingSets(rows, options);
  const draw = drawing(sets, options.clusters !== undefined, new CountedDraws(seed));
  const counts = new Uint16Array(rows).fill(1);
  const estimate = statistic(counts);
  if (!Number.isFinite(estimate)) throw invalid('statistic', estimate, 'must be finite on the rows as they are');
  const drawn = new Float64Array(replicates);
  let defined = 0;
  for (let i = 0; i < replicates; i++) {
    draw(counts);
    const value = statistic(counts);
    if (!Number.isNaN(value)) drawn[defined++] = value;
  }
  const undefinedReplicates = replicates - defined;
  if (undefinedReplicates > MAX_UNDEFINED_SHARE * replicates) {
    const rule = 'is undefined on more than 5 % of the resamples';
    throw new PermanentError('failed-precondition', `statistic ${rule}`, {
      field: 'statistic',
      value: undefinedReplicates,
      rule,
    });
  }
  const ascending = drawn.subarray(0, defined).sort();
  const accelerated =
    options.influence === undefined
      ? jackknifeAcceleration(rows, statistic, options.clusters === undefined ? undefined : sets, estimate)
      : acceleration(options.clusters === undefined ? options.influence : summedOver(sets, options.influence));
  return {
    estimate,
    standardError: standardDeviation(ascending),
    percentile: percentileInterval(ascending, confidence),
    bca: bcaInterval(ascending, estimate, accelerated, confidence),
    replicates,
    undefinedReplicates,
  };
}

/**
 * Bootstraps the mean of per-row differences (challenger loss - champion loss, for instance).
 * @example bootstrapMeanDifference([0.1, -0.2, 0.3, 0.2], { seed: 7 }) // => { estimate: 0.1 }
 */
export function bootstrapMeanDifference(differences: Numbers, options: BootstrapOptions): BootstrapResult {
  checkFinite('differences', differences, 2);
  const rows = differences.length;
  const values = Float64Array.from(differences);
  const statistic: CountedStatistic = (counts) => {
    let sum = 0;
    let weight = 0;
    for (let i = 0; i < rows; i++) {
      sum += counts[i]! * values[i]!;
      weight += counts[i]!;
    }
    return sum / weight;
  };
  const mean = values.reduce((sum, value) => sum + value, 0) / rows;
  return pairedBootstrap(rows, statistic, { ...options, influence: values.map((value) => value - mean) });
}

/**
 * Bootstraps the AUC of one model; rows are redrawn within each class unless strata or clusters are given.
 * @example bootstrapAuc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], { seed: 7 }) // => { estimate: 0.75 }
 */
export function bootstrapAuc(labels: Numbers, scores: Numbers, options: BootstrapOptions): BootstrapResult {
  const positives = checkScored(labels, { scores });
  const rows = inOrderOf(scores, { labels, scores }, withinClasses(labels, options));
  const { auc, perRow } = aucPlacements(rows.labels, rows.scores, positives);
  const influence = classInfluence(rows.labels, perRow, auc, positives);
  return pairedBootstrap(labels.length, countedAuc(rows.labels, rows.scores), { ...rows.options, influence });
}

/**
 * Bootstraps the AUC difference challenger - champion on the same rows; rows are redrawn within each class unless
 * strata or clusters are given.
 * @example bootstrapAucDifference([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [0.1, 0.2, 0.3, 0.8], { seed: 7 }) // => { estimate: 0.25 }
 */
export function bootstrapAucDifference(
  labels: Numbers,
  champion: Numbers,
  challenger: Numbers,
  options: BootstrapOptions,
): BootstrapResult {
  const positives = checkScored(labels, { champion, challenger });
  const rows = inOrderOf(champion, { labels, champion, challenger }, withinClasses(labels, options));
  const ofChampion = countedAuc(rows.labels, rows.champion);
  const ofChallenger = countedAuc(rows.labels, rows.challenger);
  const a = aucPlacements(rows.labels, rows.champion, positives);
  const b = aucPlacements(rows.labels, rows.challenger, positives);
  const perRow = b.perRow.map((value, row) => value - a.perRow[row]!);
  const influence = classInfluence(rows.labels, perRow, b.auc - a.auc, positives);
  const statistic: CountedStatistic = (counts) => ofChallenger(counts) - ofChampion(counts);
  return pairedBootstrap(labels.length, statistic, { ...rows.options, influence });
}

/**
 * The AUC as a statistic of row counts: sorts once, then needs one walk per call. NaN when the counts leave one class.
 * @example countedAuc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])(Uint16Array.of(1, 0, 1, 1)) // => 1
 */
export function countedAuc(labels: Numbers, scores: Numbers): CountedStatistic {
  checkScored(labels, { scores });
  const order = ascendingOrder(scores);
  const positiveMask = filled(new Int32Array(order.length), (i) => -labels[order[i]!]!);
  const endsTie = filled(new Uint8Array(order.length), (i) => (scores[order[i + 1]!] === scores[order[i]!] ? 0 : 1));
  return (counts) => {
    // Twice the concordant pairs, so that the counters stay small integers.
    let doubledPairs = 0;
    let positives = 0;
    let negatives = 0;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (let i = 0; i < order.length; i++) {
      const count = counts[order[i]!]!;
      // A mask instead of a branch, which would be mispredicted wherever the classes overlap.
      const ofPositive = count & positiveMask[i]!;
      tiedPositives += ofPositive;
      tiedNegatives += count - ofPositive;
      if (endsTie[i] === 0) continue;
      doubledPairs += tiedPositives * (2 * negatives + tiedNegatives);
      positives += tiedPositives;
      negatives += tiedNegatives;
      tiedPositives = 0;
      tiedNegatives = 0;
    }
    return doubledPairs / (2 * positives * negatives);
  };
}

function checkScored(labels: Numbers, scores: Record<string, Numbers>): number {
  for (const [field, values] of Object.entries(scores)) {
    checkSameLength(field, values, 'labels', labels);
    checkFinite(field, values);
  }
  return checkBothClasses('labels', labels);
}

function withinClasses(labels: Numbers, options: BootstrapOptions): BootstrapOptions {
  return options.strata === undefined && options.clusters === undefined ? { ...options, strata: labels } : options;
}

/** Rows rearranged by ascending score, so that the walk of {@link countedAuc} reads memory in order. */
function inOrderOf<Name extends string>(scores: Numbers, columns: Record<Name, Numbers>, options: BootstrapOptions) {
  const order = ascendingOrder(scores);
  const arranged = (field: string, values: Numbers): Float64Array => {
    checkSameLength(field, values, 'labels', scores);
    return filled(new Float64Array(order.length), (i) => values[order[i]!]!);
  };
  const entries = Object.entries<Numbers>(columns).map(([name, values]) => [name, arranged(name, values)]);
  const { strata, clusters, ...plain } = options;
  return {
    ...(Object.fromEntries(entries) as Record<Name, Float64Array>),
    options: {
      ...plain,
      ...(strata === undefined ? {} : { strata: arranged('strata', strata) }),
      ...(clusters === undefined ? {} : { clusters: arranged('clusters', clusters) }),
    },
  };
}

/** Influence of each row on a mean of placements, which averages each class by itself. */
function classInfluence(labels: Numbers, perRow: Float64Array, centre: number, positives: number): Float64Array {
  const negatives = labels.length - positives;
  return perRow.map((value, row) => (value - centre) / (labels[row] === 1 ? positives : negatives));
}

function summedOver({ members, starts, count }: RowSets, values: Numbers): Float64Array {
  return Float64Array.from({ length: count }, (_, set) => {
    let sum = 0;
    for (let at = starts[set]!; at < starts[set + 1]!; at++) sum += values[members[at]!]!;
    return sum;
  });
}

function jackknifeAcceleration(
  rows: number,
  statistic: CountedStatistic,
  clusters: RowSets | undefined,
  estimate: number,
): number {
  const units = clusters?.count ?? rows;
  const groups = Math.min(JACKKNIFE_GROUPS, units);
  const values = new Float64Array(groups);
  const counts = new Uint16Array(rows);
  for (let group = 0; group < groups; group++) {
    counts.fill(1);
    for (let unit = group; unit < units; unit += groups) {
      if (clusters === undefined) counts[unit] = 0;
      else {
        const { members, starts } = clusters;
        for (let at = starts[unit]!; at < starts[unit + 1]!; at++) counts[members[at]!] = 0;
      }
    }
    const value = statistic(counts);
    values[group] = Number.isFinite(value) ? value : estimate;
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / groups;
  return acceleration(values.map((value) => mean - value));
}

/** Efron's a = Σ u³ / (6 (Σ u²)^1.5) of influence values that sum to 0. */
function acceleration(influence: Numbers): number {
  const unit = magnitudeOf(influence);
  let squares = 0;
  let cubes = 0;
  for (let i = 0; i < influence.length; i++) {
    const scaled = influence[i]! / unit;
    squares += scaled ** 2;
    cubes += scaled ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

function standardDeviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviations = values.map((value) => value - mean);
  const unit = magnitudeOf(deviations);
  return unit * Math.sqrt(deviations.reduce((sum, value) => sum + (value / unit) ** 2, 0) / (values.length - 1));
}

function percentileInterval(ascending: Float64Array, confidence: number): Interval {
  const tail = (1 - confidence) / 2;
  return { lower: quantileOfSorted(ascending, tail), upper: quantileOfSorted(ascending, 1 - tail) };
}

function bcaInterval(ascending: Float64Array, estimate: number, accelerated: number, confidence: number): Interval {
  let below = 0;
  for (const value of ascending) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  // Half a resample from either end keeps the bias correction finite when all resamples lie on one side.
  const share = Math.min(ascending.length - 0.5, Math.max(0.5, below)) / ascending.length;
  const bias = normalQuantile(share);
  const adjusted = (tail: number): number => {
    const z = bias + normalQuantile(tail);
    const scale = 1 - accelerated * z;
    return scale <= 0 ? (z < 0 ? 0 : 1) : normalCdf(bias + z / scale);
  };
  const tail = (1 - confidence) / 2;
  return { lower: quantileOfSorted(ascending, adjusted(tail)), upper: quantileOfSorted(ascending, adjusted(1 - tail)) };
}
