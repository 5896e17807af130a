import type { Histogram, HistogramLayout } from './histograms.js';

/** Sums over the rows of a leaf. */
export interface LeafSums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

/** The best way found to cut a leaf in two; `left` sums the rows that go left. */
export interface Split {
  readonly gain: number;
  readonly feature: number;
  /** Present values of this bin and the ones below it go left. */
  readonly bin: number;
  readonly missingLeft: boolean;
  readonly left: LeafSums;
}

/** What a split must respect. */
export interface SplitRules {
  readonly minRowsInLeaf: number;
  /** L2 penalty on leaf values. */
  readonly lambda: number;
}

/** A leaf with less curvature than this has a value that rounding decides (LightGBM's min_sum_hessian_in_leaf). */
const minHessianInLeaf = 1e-3;
/** Smaller gains are rounding of the histogram subtraction. */
const minGain = 1e-12;

/**
 * Finds the split with the largest gain, trying missing values on both sides; the first of equal ones wins, so the result
 * does not depend on anything but the data. Gain = Gl²/(Hl+λ) + Gr²/(Hr+λ) − G²/(H+λ) (Chen & Guestrin 2016, eq. 7,
 * without the factor ½).
 */
export class SplitSearch {
  constructor(
    private readonly layout: HistogramLayout,
    private readonly binCounts: Int32Array,
    private readonly rules: SplitRules,
  ) {}

  /** The best split of a leaf, or undefined when none obeys the rules and gains anything. */
  best(histogram: Histogram, sums: LeafSums): Split | undefined {
    if (sums.rows < 2 * this.rules.minRowsInLeaf) return undefined;
    let best: Split | undefined;
    for (let feature = 0; feature < this.binCounts.length; feature++) {
      const missingAt = this.layout.offsets[feature]! + this.binCounts[feature]! * 3;
      best = this.scan(histogram, sums, feature, false, best);
      if (histogram[missingAt + 2]! > 0) best = this.scan(histogram, sums, feature, true, best);
    }
    return best;
  }

  /** Moves the cut over the bins of one feature with the missing rows on one side; returns the better of `best` and its own. */
  private scan(
    histogram: Histogram,
    sums: LeafSums,
    feature: number,
    missingLeft: boolean,
    best: Split | undefined,
  ): Split | undefined {
    const { minRowsInLeaf, lambda } = this.rules;
    const offset = this.layout.offsets[feature]!;
    const bins = this.binCounts[feature]!;
    const missingAt = offset + bins * 3;
    const parent = (sums.gradient * sums.gradient) / (sums.hessian + lambda);
    let gradient = missingLeft ? histogram[missingAt]! : 0;
    let hessian = missingLeft ? histogram[missingAt + 1]! : 0;
    let rows = missingLeft ? histogram[missingAt + 2]! : 0;
    let bestGain = best?.gain ?? minGain;
    let bestBin = -1;
    let bestGradient = 0;
    let bestHessian = 0;
    let bestRows = 0;
    // With missing rows on the right even the last bin is a cut: present against missing.
    const end = !missingLeft && histogram[missingAt + 2]! > 0 ? bins : bins - 1;
    for (let bin = 0; bin < end; bin++) {
      const at = offset + bin * 3;
      gradient += histogram[at]!;
      hessian += histogram[at + 1]!;
      rows += histogram[at + 2]!;
      if (rows < minRowsInLeaf || hessian < minHessianInLeaf) continue;
      const rightHessian = sums.hessian - hessian;
      if (sums.rows - rows < minRowsInLeaf || rightHessian < minHessianInLeaf) break;
      const rightGradient = sums.gradient - gradient;
      const gain =
        (gradient * gradient) / (hessian + lambda) + (rightGradient * rightGradient) / (rightHessian + lambda) - parent;
      if (gain > bestGain) {
        bestGain = gain;
        bestBin = bin;
        bestGradient = gradient;
        bestHessian = hessian;
        bestRows = rows;
      }
    }
    if (bestBin < 0) return best;
    const left = { gradient: bestGradient, hessian: bestHessian, rows: bestRows };
    return { gain: bestGain, feature, bin: bestBin, missingLeft, left };
  }
}
