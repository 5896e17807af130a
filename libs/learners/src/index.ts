export type { ConstantModel, DecisionTree, LinearModel, Model, TreeEnsemble } from './models.js';
export type { TrainingTable } from './training-table.js';
export {
  trainGradientBoostedTrees,
  type GradientBoostingParams,
  type GradientBoostingRequest,
} from './gradient-boosted-trees.js';
export {
  trainLogisticRegression,
  type LogisticRegressionParams,
  type LogisticRegressionRequest,
} from './logistic-regression.js';
export { trainConstantBaseline } from './constant-baseline.js';
export {
  rawScoreLinear,
  rawScoreTrees,
  scoreConstant,
  scoreLinear,
  scoreModel,
  scoreTrees,
  sigmoid,
} from './scoring.js';
export { featureImportance, type FeatureImportance } from './feature-importance.js';
