/** One binary decision tree as parallel arrays; node 0 is the root. */
export interface DecisionTree {
  /** Index of the feature a node tests, −1 at a leaf. */
  readonly feature: Int32Array;
  /** A present value goes left when `value <= threshold`, compared in float32. Always finite. */
  readonly threshold: Float32Array;
  /** Node of the left branch (0 at a leaf). */
  readonly left: Int32Array;
  /** Node of the right branch (0 at a leaf). */
  readonly right: Int32Array;
  /** 1 when a missing value (NaN) goes left. */
  readonly missingLeft: Uint8Array;
  /** Contribution of a leaf to the raw score, learning rate included (0 at inner nodes). */
  readonly value: Float32Array;
  /** Reduction of the training objective that the split brought (0 at leaves). */
  readonly gain: Float64Array;
}

/** Gradient-boosted trees for a binary target: raw score (log-odds) = sum of one leaf per tree + `baseScore`. */
export interface TreeEnsemble {
  readonly kind: 'tree-ensemble';
  readonly featureNames: readonly string[];
  /** Log-odds of the training target, a float32 number. */
  readonly baseScore: number;
  readonly trees: readonly DecisionTree[];
}

/**
 * Logistic regression on standardised features:
 * raw score (log-odds) = intercept + Σ weights · (x − means) · scales, a missing x counting as its mean.
 */
export interface LinearModel {
  readonly kind: 'linear';
  readonly featureNames: readonly string[];
  /** Means of the present training values. */
  readonly means: Float32Array;
  /** 1 / standard deviation of the present training values; 0 for a constant or wholly missing column. */
  readonly scales: Float32Array;
  /** Change of the log-odds per standard deviation. */
  readonly weights: Float32Array;
  readonly intercept: number;
  /** False when the iterations ran out, as they do on separable data without a penalty. */
  readonly converged: boolean;
  readonly iterations: number;
  /** Columns that add nothing to the ones before them (constant or collinear, without a penalty); weight 0. */
  readonly aliased: readonly string[];
}

/** Answers the same probability for every row: the baseline any model has to beat. */
export interface ConstantModel {
  readonly kind: 'constant';
  readonly featureNames: readonly string[];
  /** Probability of class 1, at least 1e-6 away from 0 and 1. */
  readonly probability: number;
}

/** Every model this library can train and score. */
export type Model = TreeEnsemble | LinearModel | ConstantModel;
