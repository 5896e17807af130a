export type { Numbers } from './checks.js';
export {
  accuracyScore,
  brierLossPerRow,
  brierScoreLoss,
  confusionCounts,
  logLoss,
  logLossPerRow,
  matthewsScore,
  prAuc,
  rocAuc,
  type ConfusionCounts,
} from './classification-metrics.js';
export {
  calibrationLine,
  expectedCalibrationError,
  reliabilityCurve,
  type CalibrationError,
  type CalibrationLine,
  type ReliabilityBin,
} from './calibration.js';
export { delongInterval, delongPaired, type AucComparison, type AucEstimate } from './delong.js';
export {
  bootstrapAuc,
  bootstrapAucDifference,
  bootstrapMeanDifference,
  countedAuc,
  pairedBootstrap,
  type BootstrapOptions,
  type BootstrapResult,
  type CountedStatistic,
} from './bootstrap.js';
export { pairedMeanDifference, type MeanDifference } from './mean-difference.js';
export {
  nonInferiority,
  requiredRows,
  type Comparison,
  type ComparisonEvidence,
  type ComparisonVerdict,
} from './non-inferiority.js';
export { mcnemar, type McnemarResult } from './mcnemar.js';
export { betaPosterior, wilsonInterval, type Interval, type ProportionPosterior } from './proportions.js';
export { binCounts, edgesFromQuantiles, quantileEdges } from './quantile-bins.js';
export { psi, type PsiResult } from './psi.js';
export { ksTwoSample, ksTwoSampleSorted, type KsResult } from './kolmogorov-smirnov.js';
export { chiSquaredTwoSample, type CategoryTest } from './chi-squared.js';
export { jensenShannonDistance, wasserstein1, wasserstein1Sorted } from './distances.js';
export { benjaminiHochberg, benjaminiYekutieli, eBenjaminiHochberg, holm } from './multiple-testing.js';
export {
  betaQuantile,
  binomialCdf,
  chiSquaredQuantile,
  log10ChiSquaredSurvival,
  log10KolmogorovSurvival,
  log10NormalTwoSided,
  logGamma,
  normalCdf,
  normalQuantile,
  tQuantile,
  tTwoSidedPValue,
} from './distributions.js';
