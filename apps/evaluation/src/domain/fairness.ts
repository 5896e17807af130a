import { fairnessGaps, sliceFeature } from '@rondo/statistics';
import type { FairnessMeasurement, FairnessRequest } from './measurement.js';

const GAPS = {
  DemographicParity: 'demographicParity',
  EqualisedOdds: 'equalisedOdds',
  EqualOpportunity: 'equalOpportunity',
} as const;

/** Measures the gap a fairness gate asks for, between the groups its feature forms. */
export function measureFairness(
  request: FairnessRequest,
  labels: Float32Array,
  scores: Float32Array,
  clusters: Float64Array | undefined,
): FairnessMeasurement {
  const { gate, by, measure, threshold, minRows, confidence } = request;
  const { values: names, codes } = sliceFeature(by, request.values);
  const { groups, ...gaps } = fairnessGaps({
    labels,
    scores,
    groups: codes,
    clusters,
    threshold,
    minRows,
    confidence,
  });
  return { gate, by, measure, gap: gaps[GAPS[measure]], names, groups };
}
