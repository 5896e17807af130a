import { checkAtLeast, checkBetween, checkCount, checkNumber, invalid } from './checks.js';
import { normalQuantile } from './distributions.js';

/** Best to worst; `inconclusive` last, because it never promotes. */
export type ComparisonVerdict = 'superior' | 'non-inferior' | 'inferior' | 'inconclusive';

/** A measured difference and the rule it is judged by. */
export interface ComparisonEvidence {
  /** challenger - champion, in the unit of the metric. */
  readonly difference: number;
  readonly lower: number;
  readonly upper: number;
  readonly better: 'higher' | 'lower';
  /** The largest loss that is tolerated, >= 0, in the unit of the metric. */
  readonly margin: number;
  readonly rows: number;
  /** Below this many rows the verdict is `inconclusive` whatever the interval says. */
  readonly minRows: number;
  /** Two-sided confidence of the interval, 0.95 by default; used for the rows that would be enough. */
  readonly confidence?: number;
}

/** A verdict, and the rows that would make an inconclusive one decidable. */
export interface Comparison {
  readonly verdict: ComparisonVerdict;
  readonly reason: 'too-few-rows' | 'interval-crosses-margin' | 'interval-decides';
  /** The challenger's gain: positive is better, whichever direction the metric has. */
  readonly gain: number;
  readonly gainLower: number;
  readonly gainUpper: number;
  /** Estimated rows for a decision with power 0.8 if both are truly equal; null when the margin is 0. */
  readonly requiredRows: number | null;
}

/**
 * Judges a challenger by the interval of its difference: `superior` when all of it is a gain, `non-inferior` when all
 * of it lies above -margin, `inferior` when all of it lies below -margin, else `inconclusive`. With a two-sided
 * interval of confidence 1 - 2α each single claim errs with probability at most α.
 * Source: Piaggio et al. (2012), JAMA 308:2594 (CONSORT for non-inferiority).
 * @example nonInferiority({ difference: 0.001, lower: -0.002, upper: 0.004, better: 'higher', margin: 0.005, rows: 5000, minRows: 1000 }) // => { verdict: 'non-inferior', gain: 0.001 }
 */
export function nonInferiority(evidence: ComparisonEvidence): Comparison {
  const { difference, lower, upper, better, margin, rows, minRows, confidence = 0.95 } = evidence;
  checkNumber('difference', difference);
  checkNumber('lower', lower);
  checkNumber('upper', upper);
  if (lower > upper) throw invalid('lower', lower, `must not exceed upper (${upper})`);
  checkAtLeast('margin', margin, 0);
  checkCount('rows', rows);
  checkCount('minRows', minRows);
  checkBetween('confidence', confidence, 0, 1);
  const gains =
    better === 'higher'
      ? { gain: difference, gainLower: lower, gainUpper: upper }
      : { gain: -difference, gainLower: -upper, gainUpper: -lower };
  const tooFew = rows < minRows;
  const verdict = tooFew ? 'inconclusive' : intervalVerdict(gains.gainLower, gains.gainUpper, margin);
  const undecided = verdict === 'inconclusive' ? 'interval-crosses-margin' : 'interval-decides';
  const enough =
    margin === 0 || rows === 0 ? null : requiredRows({ halfWidth: (upper - lower) / 2, rows, margin, confidence });
  return {
    verdict,
    reason: tooFew ? 'too-few-rows' : undecided,
    ...gains,
    requiredRows: enough === null ? null : Math.max(enough, minRows),
  };
}

function intervalVerdict(gainLower: number, gainUpper: number, margin: number): ComparisonVerdict {
  if (gainLower > 0) return 'superior';
  if (gainLower > -margin) return 'non-inferior';
  return gainUpper < -margin ? 'inferior' : 'inconclusive';
}

/**
 * Rows for the interval's worse end to clear -margin with the given power when the true gain is `trueGain` (default 0,
 * equal models), from the half-width seen on `rows` rows, which shrinks with the root of the rows:
 * rows · (halfWidth · (1 + z_power / z_confidence) / (margin + trueGain))².
 * @example requiredRows({ halfWidth: 0.01, rows: 1000, margin: 0.01 }) // => 2044
 */
export function requiredRows(plan: {
  readonly halfWidth: number;
  readonly rows: number;
  readonly margin: number;
  readonly trueGain?: number;
  readonly confidence?: number;
  readonly power?: number;
}): number {
  const { halfWidth, rows, margin, trueGain = 0, confidence = 0.95, power = 0.8 } = plan;
  checkAtLeast('halfWidth', halfWidth, 0);
  checkCount('rows', rows, 1);
  checkBetween('margin', margin, 0, Infinity);
  checkBetween('trueGain', trueGain, -margin, Infinity);
  checkBetween('confidence', confidence, 0, 1);
  checkBetween('power', power, 0, 1);
  const z = normalQuantile((1 + confidence) / 2);
  const scale = (halfWidth * (1 + normalQuantile(power) / z)) / (margin + trueGain);
  return Math.max(1, Math.ceil(rows * scale * scale));
}
