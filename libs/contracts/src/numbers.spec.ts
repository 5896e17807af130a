import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { protoFiles } from './files.js';

/**
 * Every real number of the contract, by why it needs no interval of its own (docs/numbers.md). An estimate is an `Estimate`, or has one
 * beside it that says the same with its interval and n.
 */
const WITHOUT_INTERVAL: Readonly<Record<string, readonly string[]>> = {
  'is part of an interval': [
    'Estimate.value',
    'Estimate.lower',
    'Estimate.upper',
    'Estimate.confidence',
    'Estimate.limit',
    'ForecastPoint.value',
    'ForecastPoint.lower',
    'ForecastPoint.upper',
    'ForecastIssued.confidence',
    'ShareBounds.lower',
    'ShareBounds.upper',
    'ShareBounds.confidence',
  ],
  'is exact: counted or measured of the very thing it is about': [
    'AlphaLook.remaining',
    'Candidate.progress',
    'CandidateTrained.feature_importance',
    'ChampionChanged.feature_importance',
    'FeatureDrift.bin_edges',
    'FeatureDrift.importance',
    'FeedbackObserved.value',
    'ModelRegistered.feature_importance',
    'PredictionsLogged.candidate_latency_ms',
    'PredictionsLogged.champion_latency_ms',
    'TrainingProgressed.progress',
  ],
  "is a model's answer for one row": [
    'LabelRecorded.suggestion_confidence',
    'LabelTask.suggestion_confidence',
    'LabelTask.uncertainty',
    'PredictionsLogged.candidate_scores',
    'PredictionsLogged.champion_scores',
  ],
  'states evidence itself: a p-value, an e-value, a posterior probability': [
    'AnalysisResult.e_value',
    'Annotator.chance_below_limit',
    'AnnotatorPaused.chance_below_limit',
    'FeatureDrift.adjusted_p_value_log10',
    'FeatureDrift.p_value_log10',
    'FeatureSegmentAttribution.adjusted_p_value_log10',
    'SegmentAttribution.adjusted_p_value_log10',
    'SliceResult.e_value',
  ],
  'is what the policy asks for or grants': [
    'AlphaLook.level',
    'AlphaLook.lifetime_alpha',
    'AnalysisResult.alpha',
    'DriftEvaluated.false_alarm_level',
    'ForecastIssued.limit',
    'ForecastSeries.limit',
    'SliceFeature.cuts',
    'SliceFeature.values',
    'SliceResults.false_discovery_rate',
  ],
  'is told with its interval elsewhere in the same answer: the step of the forecast, the point of the series': [
    'ForecastOutcome.actual',
    'ForecastOutcome.forecast',
  ],
  "is claimed by a program of the user's, and never used": ['CandidateTrained.claimed_metrics'],
};

/** Numbers that are estimates, and the field beside them that says the same with its interval. */
const ESTIMATED: Readonly<Record<string, string>> = {
  'FeatureDrift.current_shares': 'current_share_bounds',
  'FeatureDrift.null_rate_current': 'null_rate_current_estimate',
  'FeatureDrift.null_rate_reference': 'null_rate_reference_estimate',
  'FeatureDrift.reference_shares': 'reference_share_bounds',
  'ForecastIssued.last_value': 'last_value_estimate',
  'ForecastIssued.skill': 'skill_estimate',
  'ForecastSeries.interval_coverage': 'interval_coverage_estimate',
  'ForecastSeries.mean_absolute_error': 'error_estimate',
  'ForecastSeries.realised_skill': 'realised_skill_estimate',
  'PerformanceEvaluated.label_coverage': 'label_coverage_estimate',
  'PerformanceEvaluated.log_loss_excess': 'log_loss_excess_estimate',
  'SeriesPoint.value': 'estimate',
};

const INTERVALS = new Set(['rondo.common.v1.Estimate', 'rondo.drift.v1.ShareBounds']);

const messagesOf = (messages: readonly DescMessage[]): DescMessage[] =>
  messages.flatMap((message) => [message, ...messagesOf(message.nestedMessages)]);
const isReal = ({ scalar }: DescField): boolean => scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT;

describe('every real number of the contract', () => {
  const messages = messagesOf(protoFiles.flatMap((file) => file.messages));
  const numbers = messages.flatMap(({ name, fields }) => fields.filter(isReal).map((field) => `${name}.${field.name}`));

  it('has an interval beside it, or a reason to have none', () => {
    expect(numbers.length).toBeGreaterThan(40);
    const explained = [...Object.keys(ESTIMATED), ...Object.values(WITHOUT_INTERVAL).flat()];
    expect(numbers.sort()).toEqual(explained.sort());
  });

  it.each(Object.entries(ESTIMATED))('%s is told by %s with its interval and n', (number, beside) => {
    const [message] = number.split('.');
    const fields = messages.filter(({ name }) => name === message).flatMap((one) => one.fields);
    expect(INTERVALS).toContain(fields.find(({ name }) => name === beside)?.message?.typeName);
  });
});
