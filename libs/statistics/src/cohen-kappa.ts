import { checkFinite, checkSameLength, type Numbers } from './checks.js';
import { valueScale } from './value-scale.js';

/** Cohen's kappa, or why it is undefined. */
export type KappaResult =
  | { readonly kind: 'measured'; readonly kappa: number; readonly observedAgreement: number; readonly rows: number }
  | { readonly kind: 'insufficient'; readonly reason: 'one-value' };

/**
 * Cohen's kappa of two annotators who labelled the same rows; 1 perfect, 0 as by chance. `linear` and `quadratic` weigh
 * disagreements by the distance of the categories in ascending order. `insufficient` if both only ever used the same
 * one category. Source: Cohen (1960, 1968), Psychological Bulletin 70:213.
 * @example cohenKappa([0, 0, 1, 1, 1], [0, 1, 1, 1, 1]) // => { kind: 'measured', kappa: 0.545455, observedAgreement: 0.8, rows: 5 }
 */
export function cohenKappa(a: Numbers, b: Numbers, weights: 'none' | 'linear' | 'quadratic' = 'none'): KappaResult {
  checkFinite('a', a);
  checkFinite('b', b);
  checkSameLength('b', b, 'a', a);
  const rows = a.length;
  const both = new Float64Array(2 * rows);
  both.set(a);
  both.set(b, rows);
  const { scale, index } = valueScale(both);
  if (scale.length === 1) return { kind: 'insufficient', reason: 'one-value' };
  const ofA = new Float64Array(scale.length);
  const ofB = new Float64Array(scale.length);
  const power = weights === 'quadratic' ? 2 : 1;
  const weight = (i: number, j: number): number => (weights === 'none' ? (i === j ? 0 : 1) : Math.abs(i - j) ** power);
  let observed = 0;
  let agreeing = 0;
  for (let row = 0; row < rows; row++) {
    const i = index[row]!;
    const j = index[rows + row]!;
    ofA[i]!++;
    ofB[j]!++;
    observed += weight(i, j);
    if (i === j) agreeing++;
  }
  let expected = 0;
  for (let i = 0; i < scale.length; i++) {
    for (let j = 0; j < scale.length; j++) expected += (ofA[i]! * ofB[j]! * weight(i, j)) / rows;
  }
  return { kind: 'measured', kappa: 1 - observed / expected, observedAgreement: agreeing / rows, rows };
}
