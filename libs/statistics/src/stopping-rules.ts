import { checkBetween, checkCount, checkProbabilities, invalid, type Numbers } from './checks.js';
import { normalQuantile } from './distributions.js';

/** Whether more labels would still change the model. */
export interface StabilityVerdict {
  readonly verdict: 'stop' | 'go-on' | 'insufficient';
  /** Mean agreement over the window; null while the window is not full. */
  readonly agreement: number | null;
  readonly roundsNeeded: number;
}

/**
 * Stop labelling when successive models stop disagreeing: `kappas[i]` is Cohen's kappa between the predictions of the
 * models after rounds i and i + 1 on a fixed set of unlabelled rows (2,000 or more); their mean over the last `window`
 * rounds must reach `threshold`. Source: Bloodgood & Vijay-Shanker (2009), CoNLL, with its constants as defaults.
 * @example stabilisingPredictions([0.7, 0.9, 0.992, 0.99, 0.995]) // => { verdict: 'stop', agreement: 0.992333, roundsNeeded: 0 }
 */
export function stabilisingPredictions(
  kappas: Numbers,
  options: { readonly threshold?: number; readonly window?: number } = {},
): StabilityVerdict {
  const { threshold = 0.99, window = 3 } = options;
  checkBetween('threshold', threshold, -1, 1);
  checkCount('window', window, 1);
  for (let i = 0; i < kappas.length; i++) {
    if (!(kappas[i]! >= -1 && kappas[i]! <= 1)) throw invalid(`kappas[${i}]`, kappas[i], 'must be between -1 and 1');
  }
  const missing = Math.max(0, window - kappas.length);
  if (missing > 0) return { verdict: 'insufficient', agreement: null, roundsNeeded: missing };
  let sum = 0;
  for (let i = kappas.length - window; i < kappas.length; i++) sum += kappas[i]!;
  const agreement = sum / window;
  return { verdict: agreement >= threshold ? 'stop' : 'go-on', agreement, roundsNeeded: 0 };
}

/**
 * Labels drawn at random until Wilson's interval of a share is at most `halfWidth` wide to each side on average, when the
 * share is about `share`. Source: Wilson (1927), JASA 22:209.
 * @example labelsForPrecision({ share: 0.9, halfWidth: 0.03 }) // => 388
 */
export function labelsForPrecision(plan: {
  readonly share: number;
  readonly halfWidth: number;
  readonly confidence?: number;
}): number {
  const { share, halfWidth, confidence = 0.95 } = plan;
  checkProbabilities('share', [share]);
  checkBetween('halfWidth', halfWidth, 0, 0.5);
  checkBetween('confidence', confidence, 0, 1);
  const z2 = normalQuantile((1 + confidence) / 2) ** 2;
  const widthAt = (n: number): number => Math.sqrt(z2 * ((share * (1 - share)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  let labels = 1;
  while (widthAt(labels) > halfWidth) labels *= 2;
  let below = Math.floor(labels / 2);
  while (labels - below > 1) {
    const middle = Math.floor((labels + below) / 2);
    if (widthAt(middle) > halfWidth) below = middle;
    else labels = middle;
  }
  return labels;
}
