import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  ForecastIssuedSchema,
  ForecastSeriesSchema,
  ScoredForecastSchema,
  type ForecastIssued,
  type ForecastSeries,
  type ScoredForecast,
} from '@rondo/contracts';
import { estimateTo } from './contract-estimates.js';
import type { ForecastOutcome, IssuedForecast } from './domain/issued-forecast.js';
import type { PastError } from './domain/past-error.js';
import { pointEstimate, type WatchedSeries } from './domain/watched-series.js';

/** A forecast as others are told and the API shows it. */
export function forecastTo(forecast: IssuedForecast): ForecastIssued {
  const { madeFromMs, points, breachProbability, breachMs, issuedAtMs, ...told } = forecast;
  const { skillEstimate, lastValueEstimate, ...same } = told;
  const { earliest, expected, latest } = breachMs;
  return create(ForecastIssuedSchema, {
    ...same,
    madeFrom: timestampFromMs(madeFromMs),
    points: points.map(({ atMs, ...point }) => ({ ...point, at: timestampFromMs(atMs) })),
    breachProbability: estimateTo(breachProbability),
    ...(skillEstimate && { skillEstimate: estimateTo(skillEstimate) }),
    ...(lastValueEstimate && { lastValueEstimate: estimateTo(lastValueEstimate) }),
    ...(earliest !== null && { breachEarliest: timestampFromMs(earliest) }),
    ...(expected !== null && { breachExpected: timestampFromMs(expected) }),
    ...(latest !== null && { breachLatest: timestampFromMs(latest) }),
    issuedAt: timestampFromMs(issuedAtMs),
  });
}

/** A forecast with what came of it. */
export function scoredTo(forecast: IssuedForecast, outcomes: readonly ForecastOutcome[]): ScoredForecast {
  return create(ScoredForecastSchema, {
    forecast: forecastTo(forecast),
    outcomes: outcomes.map(({ atMs, ...outcome }) => ({ ...outcome, at: timestampFromMs(atMs) })),
  });
}

/** A series of the present champion and how its forecasts did. */
export function seriesTo(
  { name, limit, modelDigest, points, pointsMissing }: WatchedSeries,
  past: PastError,
): ForecastSeries {
  const { outcomes, meanAbsoluteError: error, intervalCoverage: coverage, realisedSkill: skill } = past;
  return create(ForecastSeriesSchema, {
    outcomes,
    ...(error && { meanAbsoluteError: error.value, errorEstimate: estimateTo(error) }),
    ...(coverage && { intervalCoverage: coverage.value, intervalCoverageEstimate: estimateTo(coverage) }),
    ...(skill && { realisedSkill: skill.value, realisedSkillEstimate: estimateTo(skill) }),
    series: name,
    limit,
    pointsMissing,
    points: points
      .filter((point) => point.modelDigest === modelDigest)
      .map((point) => {
        const estimate = pointEstimate(name, point);
        return {
          at: timestampFromMs(point.atMs),
          value: point.value,
          ...(estimate && { estimate: estimateTo(estimate) }),
        };
      }),
  });
}
