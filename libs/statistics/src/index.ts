export type { Numbers } from './checks.js';
export {
  accuracyScore,
  balancedAccuracyScore,
  brierLossPerRow,
  brierScoreLoss,
  confusionCounts,
  logLoss,
  logLossPerRow,
  matthewsScore,
  prAuc,
  rocAuc,
  type ConfusionCounts,
  type Weighted,
} from './classification-metrics.js';
export { prAucInterval, type PrecisionEstimate } from './pr-auc-interval.js';
export {
  meanAbsoluteError,
  pinballLoss,
  pinballLossPerRow,
  r2Score,
  rootMeanSquaredError,
} from './regression-metrics.js';
export { regressionEstimates } from './regression-estimates.js';
export { confusionMatrix, multiclassAuc, multiclassLogLoss, multiclassLogLossPerRow } from './multiclass-metrics.js';
export { multiclassEstimates } from './multiclass-estimates.js';
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
export { bayesianComparison, type BayesianComparison } from './bayesian-comparison.js';
export { mcnemarRowsRequired, pairedPower, pairedRowsRequired, type PairedPlan } from './power.js';
export { rowsToDecide } from './rows-to-decide.js';
export {
  decidePromotion,
  type PromotionDecision,
  type PromotionVerdict,
  type SliceEvidence,
} from './promotion-decision.js';
export { proportionDifference, type ProportionDifference } from './proportion-difference.js';
export { fairnessGaps, type FairnessGap, type FairnessGaps, type GroupRate, type GroupRates } from './fairness-gaps.js';
export { sliceFeature, type SliceFeature } from './slice-feature.js';
export { searchSlices, type HarmedSlice, type SliceSearch, type SliceSearchOptions } from './slice-search.js';
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
export {
  HARM_RATIOS,
  expectedRowsToDetectRatio,
  readCountEProcess,
  startCountEProcess,
  updateCountEProcess,
  type CountEProcess,
  type CountInterval,
  type SamplesToDecision,
  type SequentialEvidence,
} from './count-e-process.js';
export {
  expectedPairsToDetectLoss,
  readPairedEProcess,
  startPairedEProcess,
  updatePairedEProcess,
  type PairedEProcess,
  type PairedEvidence,
} from './paired-e-process.js';
export {
  differenceConfidenceSequence,
  meanConfidenceSequence,
  type RunningSums,
  type SequenceOptions,
  type SequentialInterval,
  type SequentialResult,
} from './confidence-sequence.js';
export {
  readSampleRatioEProcess,
  sampleRatioMismatch,
  startSampleRatioEProcess,
  updateSampleRatioEProcess,
  type SampleRatioEProcess,
  type SampleRatioTest,
} from './sample-ratio.js';
export {
  cohenKappa,
  krippendorffAlpha,
  type AgreementResult,
  type KappaResult,
  type MeasurementLevel,
} from './agreement.js';
export {
  entropyScore,
  kCenterGreedy,
  leastConfidenceScore,
  marginUncertaintyScore,
  type ClassProbabilities,
} from './active-learning.js';
export { startBreachTracker, updateBreachTracker, type BreachStatus, type BreachTracker } from './breach-tracker.js';
export { estimatePerformance, type ExpectedMetric, type PerformanceEstimate } from './performance-estimate.js';
export { importanceWeightedDrift, type WeightedDrift } from './weighted-drift.js';
export type { Fold } from './fold.js';
export { stratifiedFolds } from './stratified-folds.js';
export { groupFolds } from './group-folds.js';
export { purgedFolds } from './purged-folds.js';
export { groupTimeFolds } from './group-time-folds.js';
export { rollingOrigin, temporalSplit, type SplitPlan, type TemporalSplit, type TimeRange } from './splits.js';
export { breachSteps, forecast, type BreachSteps, type Forecast, type ForecastPoint } from './forecast.js';
export type { ForecastMethod } from './forecast-methods.js';
export { mannWhitney, type MannWhitneyResult } from './mann-whitney.js';
export { startPageHinkley, updatePageHinkley, type PageHinkley } from './page-hinkley.js';
export { adwinWindow, startAdwin, updateAdwin, type Adwin, type AdwinBucket } from './adwin.js';
export { cramerVonMises, type CramerVonMisesResult } from './cramer-von-mises.js';
export { classificationEstimates, type MetricEstimate } from './classification-estimates.js';
