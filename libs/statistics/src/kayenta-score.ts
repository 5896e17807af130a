import { checkBetween, invalid } from './checks.js';
import type { KayentaClass } from './kayenta-judge.js';

/** Metrics that are weighed together. */
export interface KayentaGroup {
  /** Per cent of the score, above 0; groups without share what is left. */
  readonly weight?: number;
  readonly metrics: readonly {
    readonly classification: KayentaClass;
    readonly critical?: boolean;
    /** Measured, not judging. */
    readonly muted?: boolean;
  }[];
}

/** Score in 0..100 and what it comes to. */
export interface KayentaScore {
  readonly score: number;
  readonly verdict: 'Pass' | 'Marginal' | 'Fail';
  /** Score of each group; a group without data counts as 100. */
  readonly groups: readonly number[];
}

/**
 * Kayenta's score: per group the share of metrics that pass, weighted and rounded to two decimals; 0 when a critical metric does
 * not pass or half of the metrics have no data. Source: Kayenta's documented ThresholdScorer.
 * @example kayentaScore([{ metrics: [{ classification: 'Pass' }, { classification: 'High' }] }], { pass: 95, marginal: 50 }) // => { score: 50, verdict: 'Marginal', groups: [50] }
 */
export function kayentaScore(
  groups: readonly KayentaGroup[],
  thresholds: { readonly pass: number; readonly marginal: number },
): KayentaScore {
  checkBetween('pass', thresholds.pass, 0, Infinity);
  checkBetween('marginal', thresholds.marginal, -Infinity, thresholds.pass + Number.EPSILON);
  const judging = groups.map(({ metrics }) => metrics.filter(({ muted = false }) => !muted));
  const scores = judging.map((metrics) => {
    const judged = metrics.filter(({ classification }) => classification !== 'Nodata');
    return judged.length === 0 ? 100 : (100 * countOf(judged, 'Pass')) / judged.length;
  });
  const all = judging.flat();
  const weights = weightsOf(groups);
  const vetoed = all.some(({ classification, critical = false }) => critical && classification !== 'Pass');
  const blind = all.length > 0 && 2 * countOf(all, 'Nodata') >= all.length;
  const weighted = scores.reduce((sum, score, i) => sum + (score * weights[i]!) / 100, 0);
  const score = vetoed || blind ? 0 : Math.round(weighted * 100) / 100;
  const verdict = score >= thresholds.pass ? 'Pass' : score >= thresholds.marginal ? 'Marginal' : 'Fail';
  return { score, verdict, groups: scores };
}

function countOf(metrics: readonly { readonly classification: KayentaClass }[], wanted: KayentaClass): number {
  return metrics.filter(({ classification }) => classification === wanted).length;
}

function weightsOf(groups: readonly KayentaGroup[]): number[] {
  if (groups.length === 0) throw invalid('groups', 0, 'needs at least 1 group');
  let given = 0;
  groups.forEach(({ weight }, i) => {
    if (weight === undefined) return;
    checkBetween(`groups[${i}].weight`, weight, 0, 100 + Number.EPSILON);
    given += weight;
  });
  const open = groups.filter(({ weight }) => weight === undefined).length;
  if (given > 100 + 1e-9 || (open === 0 && given < 100 - 1e-9))
    throw invalid('groups', given, 'must have weights that sum to 100');
  return groups.map(({ weight }) => weight ?? (100 - given) / open);
}
