import { estimatePerformance, pairedMeanDifference, type ExpectedMetric } from '@rondo/statistics';
import type { EstimateValue } from './model-reference.js';

const CONFIDENCE = 0.95;
/** None of the metrics below depends on a threshold, so any will do. */
const THRESHOLD = 0.5;

/** The mean of the scores as an estimate of that of such traffic. */
function meanScore(scores: Float32Array): EstimateValue {
  const { difference: value, lower, upper, rows: n } = pairedMeanDifference(scores, { confidence: CONFIDENCE });
  return {
    name: 'meanScore',
    value,
    lower,
    upper,
    confidence: CONFIDENCE,
    n,
    slice: 'all',
    method: 'mean, t interval',
  };
}

/**
 * Metrics expected from the scores alone, if they are calibrated (confidence-based performance estimation). Sees changes of
 * the inputs only.
 */
export function expectedMetrics(scores: Float32Array): EstimateValue[] {
  const n = scores.length;
  const expected = estimatePerformance(scores, { threshold: THRESHOLD });
  const base = {
    confidence: CONFIDENCE,
    n,
    slice: 'all',
    method: 'expected from calibrated scores (CBPE)',
  };
  const estimate = (name: string, { value, lower, upper }: ExpectedMetric): EstimateValue => ({
    ...base,
    name,
    value,
    lower,
    upper,
  });
  return [
    estimate('logLoss', expected.logLoss),
    estimate('brier', expected.brierScoreLoss),
    ...(expected.rocAuc ? [estimate('rocAuc', expected.rocAuc)] : []),
    ...(n < 2 ? [] : [meanScore(scores)]),
  ];
}
