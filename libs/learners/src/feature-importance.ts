import type { Model } from './models.js';

/** Share of a feature in what a model decides; all shares sum to 1, or are 0 for a model that uses no feature. */
export interface FeatureImportance {
  readonly featureName: string;
  /** In [0, 1]. */
  readonly share: number;
}

/**
 * Importance of every feature, in the model's order: for trees the share of the total split gain, for a linear model the
 * share of the absolute weights per standard deviation. It tells what the model uses, not what causes the target.
 */
export function featureImportance(model: Model): FeatureImportance[] {
  const amounts = new Float64Array(model.featureNames.length);
  if (model.kind === 'tree-ensemble') {
    for (const { feature, gain } of model.trees) {
      for (let node = 0; node < feature.length; node++) {
        const tested = feature[node]!;
        if (tested >= 0) amounts[tested] = amounts[tested]! + gain[node]!;
      }
    }
  } else if (model.kind === 'linear') {
    for (let feature = 0; feature < amounts.length; feature++) amounts[feature] = Math.abs(model.weights[feature]!);
  }
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  return model.featureNames.map((featureName, index) => ({
    featureName,
    share: total > 0 ? amounts[index]! / total : 0,
  }));
}
