import {
  checkBetween,
  checkCount,
  checkFinite,
  checkLabels,
  checkNumber,
  checkSameLength,
  type Numbers,
} from './checks.js';
import {
  effectiveInterval,
  effectiveShare,
  plainShare,
  shareDifference,
  sumOf,
  type ClusteredTrials,
  type EffectiveShare,
} from './clustered-shares.js';
import type { Interval } from './proportions.js';
import { setOfEachRow, setsByKey, type RowSets } from './row-sets.js';
import { CLUSTERS_MIN, effectiveOf } from './clusters.js';

/** A share of the rows of one group, with Wilson's interval (of as many rows as the clusters are worth). */
export interface GroupRate {
  readonly value: number;
  readonly interval: Interval;
  /** Rows the share is of: all, those labelled 1, or those labelled 0. */
  readonly n: number;
}

/** How one group is decided about; a rate is null where fewer than `minRows` rows, or too few clusters, carry it. */
export interface GroupRates {
  readonly group: number;
  readonly rows: number;
  /** Share decided for 1. */
  readonly selectionRate: GroupRate | null;
  /** Share of the rows labelled 1 decided for 1. */
  readonly truePositiveRate: GroupRate | null;
  /** Share of the rows labelled 0 decided for 1. */
  readonly falsePositiveRate: GroupRate | null;
}

/** The largest difference of a rate between two groups. */
export type FairnessGap =
  | {
      readonly kind: 'measured';
      /** Largest rate - smallest rate, 0..1; lower is fairer. */
      readonly gap: number;
      /** Hold the largest true difference with the asked confidence, all pairs of groups taken together. */
      readonly lower: number;
      readonly upper: number;
      readonly highest: number;
      readonly lowest: number;
      /** Rows behind the rarer of the two rates. */
      readonly n: number;
      readonly groups: number;
    }
  | {
      readonly kind: 'insufficient';
      /** Groups that have enough rows; two are needed. */
      readonly groups: number;
      readonly minRows: number;
    };

/** Gaps between groups, with the rates behind them. */
export interface FairnessGaps {
  /** Of the selection rate: demographic (statistical) parity. */
  readonly demographicParity: FairnessGap;
  /** The larger of the gaps of true and of false positive rate: equalised odds. */
  readonly equalisedOdds: FairnessGap;
  /** Of the true positive rate alone: equal opportunity. */
  readonly equalOpportunity: FairnessGap;
  readonly groups: readonly GroupRates[];
}

/**
 * Fairness gaps of the decisions "score at or above `threshold`" between groups of rows. A plain maximum minus minimum
 * grows with the number of groups and as they get smaller even when all are treated alike; the intervals here do not:
 * Newcombe's interval of every pair of groups at the Bonferroni level, of which the largest bounds are taken. Groups whose
 * rate rests on fewer than `minRows` rows (30 by default) are listed but not judged; with fewer than two judged groups the
 * gap is `insufficient`. For equalised odds the pairs of both rates share the error. With `clusters` a rate counts for as many
 * rows as independent ones would tell as much, needs `minClusters` of them ({@link CLUSTERS_MIN} by default), and rates of groups
 * that share clusters are correlated.
 * Source: Hardt, Price & Srebro (2016), NeurIPS (equalised odds); Newcombe (1998), Statistics in Medicine 17:873; Rao & Scott
 * (1992), Biometrics 48:577 (clusters).
 * @param groups any number per row, equal ones form a group
 * @param clusters any number per row, rows with equal ones err together
 * @example fairnessGaps({ labels: [0, 1, 1, 0, 1, 0], scores: [0.2, 0.9, 0.8, 0.7, 0.1, 0.3], groups: [0, 0, 0, 1, 1, 1], threshold: 0.5, minRows: 1 }).demographicParity // => { kind: 'measured', gap: 0.333333, highest: 0, lowest: 1 }
 */
export function fairnessGaps(rows: {
  readonly labels: Numbers;
  readonly scores: Numbers;
  readonly groups: Numbers;
  readonly threshold: number;
  readonly clusters?: Numbers | undefined;
  readonly minRows?: number;
  readonly minClusters?: number;
  readonly confidence?: number;
}): FairnessGaps {
  const {
    labels,
    scores,
    groups,
    threshold,
    clusters,
    minRows = 30,
    minClusters = CLUSTERS_MIN,
    confidence = 0.95,
  } = rows;
  checkLabels('labels', labels);
  checkSameLength('scores', scores, 'labels', labels);
  checkFinite('scores', scores);
  checkSameLength('groups', groups, 'labels', labels);
  checkFinite('groups', groups);
  checkNumber('threshold', threshold);
  checkCount('minRows', minRows, 1);
  checkCount('minClusters', minClusters, 2);
  checkBetween('confidence', confidence, 0, 1);
  if (clusters !== undefined) checkSameLength('clusters', clusters, 'labels', labels);
  const counts = countGroups({ labels, scores, groups, threshold }, clusters && setsByKey('clusters', clusters));
  const needed = { rows: minRows, clusters: clusters === undefined ? null : minClusters };
  const selection = shares(counts, needed, ({ decided, rows: n }) => ({ successes: decided, trials: n }));
  const hits = shares(counts, needed, ({ truePositives, positives }) => ({
    successes: truePositives,
    trials: positives,
  }));
  const falseAlarms = shares(counts, needed, ({ rows: n, decided, truePositives, positives }) => ({
    successes: decided.map((one, cluster) => one - truePositives[cluster]!),
    trials: n.map((one, cluster) => one - positives[cluster]!),
  }));
  const halved = 1 - (1 - confidence) / 2;
  return {
    demographicParity: gapOf(selection, minRows, confidence),
    equalisedOdds: largerGap(gapOf(hits, minRows, halved), gapOf(falseAlarms, minRows, halved)),
    equalOpportunity: gapOf(hits, minRows, confidence),
    groups: counts.map(({ group, rows: n }, index) => {
      const rate = ({ share, trials }: Share): GroupRate | null =>
        share && { value: share.share, interval: effectiveInterval(share, confidence), n: trials };
      return {
        group,
        rows: sumOf(n),
        selectionRate: rate(selection[index]!),
        truePositiveRate: rate(hits[index]!),
        falsePositiveRate: rate(falseAlarms[index]!),
      };
    }),
  };
}

/** Counts of each cluster; without clusters there is one for all rows. */
interface GroupCounts {
  readonly group: number;
  readonly rows: Float64Array;
  readonly positives: Float64Array;
  readonly decided: Float64Array;
  readonly truePositives: Float64Array;
}

interface Share {
  readonly group: number;
  readonly trials: number;
  /** Null where too little carries it. */
  readonly share: EffectiveShare | null;
}

function countGroups(
  rows: { readonly labels: Numbers; readonly scores: Numbers; readonly groups: Numbers; readonly threshold: number },
  clusters: RowSets | undefined,
): GroupCounts[] {
  const { labels, scores, groups, threshold } = rows;
  const clusterOf = clusters && setOfEachRow(clusters);
  const size = clusters?.count ?? 1;
  const found = new Map<number, GroupCounts>();
  for (let row = 0; row < labels.length; row++) {
    const group = groups[row]! + 0;
    let counts = found.get(group);
    if (counts === undefined) {
      const [all, positives, decided, truePositives] = Array.from({ length: 4 }, () => new Float64Array(size));
      counts = { group, rows: all!, positives: positives!, decided: decided!, truePositives: truePositives! };
      found.set(group, counts);
    }
    const cluster = clusterOf === undefined ? 0 : clusterOf[row]!;
    counts.rows[cluster]!++;
    counts.positives[cluster]! += labels[row]!;
    if (scores[row]! < threshold) continue;
    counts.decided[cluster]!++;
    counts.truePositives[cluster]! += labels[row]!;
  }
  return [...found.values()].sort((a, b) => a.group - b.group);
}

function shares(
  counts: readonly GroupCounts[],
  needed: { readonly rows: number; readonly clusters: number | null },
  of: (group: GroupCounts) => ClusteredTrials,
): Share[] {
  return counts.map((group) => {
    const own = of(group);
    const trials = sumOf(own.trials);
    if (trials < needed.rows) return { group: group.group, trials, share: null };
    if (needed.clusters === null)
      return { group: group.group, trials, share: plainShare(sumOf(own.successes), trials) };
    const enough = effectiveOf(own.trials) >= needed.clusters;
    return { group: group.group, trials, share: enough ? effectiveShare(own) : null };
  });
}

function gapOf(all: readonly Share[], minRows: number, confidence: number): FairnessGap {
  const judged = all.flatMap(({ group, trials, share }) => (share ? [{ group, trials, share }] : []));
  if (judged.length < 2) return { kind: 'insufficient', groups: judged.length, minRows };
  const pairs = (judged.length * (judged.length - 1)) / 2;
  const eachConfidence = 1 - (1 - confidence) / pairs;
  let [lower, upper] = [0, 0];
  let [highest, lowest] = [judged[0]!, judged[0]!];
  judged.forEach((first, index) => {
    if (first.share.share > highest.share.share) highest = first;
    if (first.share.share < lowest.share.share) lowest = first;
    for (const second of judged.slice(index + 1)) {
      const pair = shareDifference(first.share, second.share, eachConfidence);
      lower = Math.max(lower, pair.lower, -pair.upper);
      upper = Math.max(upper, pair.upper, -pair.lower);
    }
  });
  const gap = highest.share.share - lowest.share.share;
  const n = Math.min(highest.trials, lowest.trials);
  return {
    kind: 'measured',
    gap,
    lower,
    upper,
    highest: highest.group,
    lowest: lowest.group,
    n,
    groups: judged.length,
  };
}

/** Bounds of the larger of two gaps are the larger bounds; without either one the larger is not known. */
function largerGap(a: FairnessGap, b: FairnessGap): FairnessGap {
  if (a.kind === 'insufficient') return a;
  if (b.kind === 'insufficient') return b;
  return {
    ...(a.gap >= b.gap ? a : b),
    lower: Math.max(a.lower, b.lower),
    upper: Math.max(a.upper, b.upper),
  };
}
