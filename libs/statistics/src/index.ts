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
  betaCdf,
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
export { proportionConfidenceSequence } from './proportion-confidence-sequence.js';
export {
  quantileConfidenceSequence,
  quantileDifferenceSequence,
  type QuantileInterval,
  type QuantileResult,
} from './quantile-confidence-sequence.js';
export { sequentialVerdict, type SequentialLook, type SequentialVerdict } from './sequential-verdict.js';
export { rowsUntil } from './rows-until.js';
export { labelMaturity, type LabelMaturity } from './label-maturity.js';
export { autocorrelationTime } from './autocorrelation.js';
export { seriesDifference, type SeriesDifference } from './series-difference.js';
export { kayentaJudge, type KayentaClass, type KayentaMetric, type KayentaResult } from './kayenta-judge.js';
export { kayentaScore, type KayentaGroup, type KayentaScore } from './kayenta-score.js';
export { cohenKappa, type KappaResult } from './cohen-kappa.js';
export {
  krippendorffAlpha,
  krippendorffInterval,
  type AgreementInterval,
  type AgreementResult,
  type MeasurementLevel,
} from './agreement.js';
export {
  fleissKappa,
  gwetAgreement,
  type AgreementOptions,
  type AgreementWeights,
  type ChanceCorrectedResult,
} from './chance-corrected.js';
export { dawidSkene, type DawidSkeneOptions, type DawidSkeneResult, type GivenLabels } from './dawid-skene.js';
export { DAWID_SKENE_REDUNDANCY, inferTruth, type InferredItem, type InferredTruth } from './truth-inference.js';
export { labelIssues, type LabelIssues } from './label-issues.js';
export { annotatorSkill, type AnnotatorSkill, type SkillRule } from './annotator-skill.js';
export { committeeDisagreement, type CommitteeProbabilities } from './committee.js';
export { hybridQueue, type QueueArm, type QueuedRow, type QueuePool } from './hybrid-queue.js';
export { judgeGuidedQueue, type QueueJudgement } from './guided-queue.js';
export { labelsForPrecision, stabilisingPredictions, type StabilityVerdict } from './stopping-rules.js';
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
export { rollingOrigin, temporalSplit, type SplitPlan, type TemporalSplit, type TimeRange } from './splits.js';
export { breachSteps, forecast, type BreachSteps, type Forecast, type ForecastPoint } from './forecast.js';
export { breachOutlook, type BreachOutlook } from './breach-outlook.js';
export { lastChangePoint, type ChangePoint } from './change-point.js';
export type { ForecastMethod } from './forecast-methods.js';
export { mannWhitney, type MannWhitneyResult } from './mann-whitney.js';
export { startPageHinkley, updatePageHinkley, type PageHinkley } from './page-hinkley.js';
export { adwinWindow, startAdwin, updateAdwin, type Adwin, type AdwinBucket } from './adwin.js';
export { cramerVonMises, type CramerVonMisesResult } from './cramer-von-mises.js';
export { classificationEstimates, type MetricEstimate } from './classification-estimates.js';
