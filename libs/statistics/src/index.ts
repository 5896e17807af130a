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
export { calibrationLine, type CalibrationLine } from './calibration-line.js';
export {
  expectedCalibrationError,
  reliabilityCurve,
  type CalibrationError,
  type CalibrationOptions,
  type ReliabilityBin,
} from './calibration.js';
export { quantileInterval, type QuantileEstimate } from './quantile-interval.js';
export { CLUSTERS_MIN, clusterCount, type ClusterCount } from './clusters.js';
export { clusteredShare, type ClusteredShare } from './clustered-shares.js';
export { delongInterval, delongPaired, type AucComparison, type AucEstimate, type AucOptions } from './delong.js';
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
export { meanRatio, type MeanRatio } from './mean-ratio.js';
export { drawPairs, modelReliance, type ModelReliance } from './model-reliance.js';
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
export { sliceFeature, sliceFeatureAt, type SliceFeature } from './slice-feature.js';
export { searchSlices, type HarmedSlice, type SliceSearch, type SliceSearchOptions } from './slice-search.js';
export { betaPosterior, wilsonInterval, type Interval, type ProportionPosterior } from './proportions.js';
export { binCounts, edgesFromQuantiles, quantileEdges } from './quantile-bins.js';
export { noncentralChiSquaredCdf, noncentralityInterval } from './noncentral-chi-squared.js';
export { psi, psiInterval, type PsiResult } from './psi.js';
export { ksTwoSample, ksTwoSampleSorted, type KsOptions, type KsResult } from './kolmogorov-smirnov.js';
export { countCells, type CellCounts } from './cell-counts.js';
export {
  tailsBeyond,
  wassersteinWithKept,
  type KeptWasserstein,
  type Tails,
  type TailSums,
} from './kept-wasserstein.js';
export { compareWithKept, type KeptComparison, type KeptSample } from './kept-sample.js';
export {
  chiSquaredTwoSample,
  cramersVInterval,
  gTwoSample,
  type CategoryTest,
  type CramersVInterval,
} from './chi-squared.js';
export { categoryCounts, type CategoryCounts } from './category-counts.js';
export { andersonDarling, type AndersonDarlingResult } from './anderson-darling.js';
export {
  energyDistance,
  hellingerDistance,
  jensenShannonDistance,
  jensenShannonInterval,
  klDivergence,
  totalVariationDistance,
  wasserstein1,
  wasserstein1Sorted,
} from './distances.js';
export { mmdTest, type MmdOptions, type MmdResult, type RowMatrix } from './mmd.js';
export { domainClassifier, type DomainClassifierOptions, type DomainClassifierResult } from './domain-classifier.js';
export { hashedText } from './hashed-text.js';
export {
  benjaminiHochberg,
  benjaminiHochbergLog10,
  benjaminiYekutieliLog10,
  benjaminiYekutieli,
  eBenjaminiHochberg,
  holm,
  holmLog10,
} from './multiple-testing.js';
export {
  nextAlpha,
  remainingAlpha,
  spendAlpha,
  startAlphaLedger,
  type AlphaLedger,
  type AlphaSchedule,
} from './alpha-ledger.js';
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
export { addToSeries, emptySeries, independentBlocks, type EvenSeries, type IndependentBlocks } from './even-series.js';
export { bettingConfidenceSequence, bettingLogEValue, type MeanBet } from './betting-e-process.js';
export { boundedMeanConfidenceSequence, boundedMeanLogEValue } from './bounded-mean.js';
export { seriesDifference, type SeriesDifference } from './series-difference.js';
export { kayentaJudge, type KayentaClass, type KayentaMetric, type KayentaResult } from './kayenta-judge.js';
export { kayentaScore, type KayentaGroup, type KayentaScore } from './kayenta-score.js';
export { cohenKappa, type KappaResult } from './cohen-kappa.js';
export { krippendorffAlpha, type AgreementResult, type MeasurementLevel } from './agreement.js';
export {
  agreementVerdict,
  krippendorffInterval,
  type AgreementInterval,
  type AgreementVerdict,
} from './agreement-interval.js';
export {
  fleissKappa,
  gwetAgreement,
  type AgreementOptions,
  type AgreementWeights,
  type ChanceCorrectedResult,
} from './chance-corrected.js';
export { dawidSkene, type DawidSkeneOptions, type DawidSkeneResult, type GivenLabels } from './dawid-skene.js';
export { DAWID_SKENE_REDUNDANCY, inferTruth, type InferredTruth } from './truth-inference.js';
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
export { estimateLoss, fitLossModel, type LossEstimate, type LossModel } from './loss-model.js';
export {
  readEstimateRecord,
  startEstimateRecord,
  widenedByRecord,
  withConfirmation,
  withEstimate,
  type EstimateRecord,
  type EstimateTrackRecord,
  type StatedValue,
  type Statement,
  type WindowStatements,
} from './estimate-record.js';
export { importanceWeightedDrift, type WeightedDrift } from './weighted-drift.js';
export type { Fold } from './fold.js';
export { stratifiedFolds } from './stratified-folds.js';
export { groupFolds } from './group-folds.js';
export { purgedFolds } from './purged-folds.js';
export { groupTimeFolds } from './group-time-folds.js';
export {
  attributeChange,
  type AttributedEffect,
  type ChangeAttribution,
  type SegmentAttribution,
  type SegmentChange,
  type SegmentSums,
} from './change-attribution.js';
export {
  attributeToFeatures,
  type FeatureAttribution,
  type FeatureChange,
  type FeatureSegmentAttribution,
} from './feature-attribution.js';
export { seasonalDrift, type PastWindow, type SeasonRule, type SeasonalDrift } from './seasonal-drift.js';
export { rollingOrigin, temporalSplit, type SplitPlan, type TemporalSplit, type TimeRange } from './splits.js';
export {
  breachSteps,
  forecast,
  type BreachSteps,
  type Forecast,
  type ForecastPoint,
  type SkillInterval,
} from './forecast.js';
export { breachOutlook, type BreachOutlook } from './breach-outlook.js';
export { lastChangePoint, type ChangePoint } from './change-point.js';
export type { ForecastMethod } from './forecast-methods.js';
export { mannWhitney, mannWhitneySorted, type MannWhitneyResult } from './mann-whitney.js';
export type { AlarmOn, StreamDetector, StreamStatus } from './stream-detector.js';
export { AdwinDetector, type AdwinBucket, type AdwinRule, type AdwinState } from './adwin-detector.js';
export { DdmDetector, type DdmRule, type DdmState } from './ddm-detector.js';
export { EddmDetector, type EddmRule, type EddmState } from './eddm-detector.js';
export { HddmADetector, type HddmAState, type HddmRule } from './hddm-a-detector.js';
export { HddmWDetector, type HddmWRule, type HddmWState } from './hddm-w-detector.js';
export { KswinDetector, type KswinRule, type KswinState } from './kswin-detector.js';
export { PageHinkleyDetector, type PageHinkleyRule, type PageHinkleyState } from './page-hinkley-detector.js';
export { cramerVonMises, type CramerVonMisesResult } from './cramer-von-mises.js';
export { classificationEstimates, type MetricEstimate } from './classification-estimates.js';
