import { checkBetween, checkBothClasses, type Numbers } from './checks.js';
import { prAuc } from './classification-metrics.js';
import { normalQuantile } from './distributions.js';

/** Average precision with its interval. */
export interface PrecisionEstimate {
  readonly prAuc: number;
  readonly lower: number;
  readonly upper: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * Average precision with the logit interval: normal on the log-odds scale with standard error 1/√(n₊·a·(1 - a)), which
 * keeps it inside [0, 1]. At 0 or 1 that error is unbounded, so the bound is the one of n₊ independent positives,
 * (α/2)^(1/n₊). A little short: of 1,000 rows, 30 % positive, a 95 % interval holds the truth in 93.7 % of samples
 * (bench/error-rates-evaluation.mjs). Needs one row of each class; `labels` 0/1, `scores` any finite numbers.
 * Source: Boyd, Eng & Page (2013), ECML PKDD ("Area under the precision-recall curve: point estimates and confidence
 * intervals").
 * @example prAucInterval([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) // => { prAuc: 0.833333, lower: 0.108193, upper: 0.995171 }
 */
export function prAucInterval(
  labels: Numbers,
  scores: Numbers,
  options: { readonly confidence?: number } = {},
): PrecisionEstimate {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  const positives = checkBothClasses('labels', labels);
  const area = prAuc(labels, scores);
  const estimate = { prAuc: area, positives, negatives: labels.length - positives };
  if (area >= 1) return { ...estimate, lower: ((1 - confidence) / 2) ** (1 / positives), upper: 1 };
  const centre = Math.log(area / (1 - area));
  const spread = normalQuantile((1 + confidence) / 2) / Math.sqrt(positives * area * (1 - area));
  return { ...estimate, lower: 1 / (1 + Math.exp(spread - centre)), upper: 1 / (1 + Math.exp(-centre - spread)) };
}
