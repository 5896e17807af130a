import { betaPosterior, meanRatio } from '@rondo/statistics';
import { FORECAST_CONFIDENCE, type ForecastOutcome, type IssuedForecast } from './issued-forecast.js';
import type { EstimateValue } from './model-reference.js';

/** A forecast and what came of it. */
export interface ScoredForecast {
  readonly forecast: IssuedForecast;
  readonly outcomes: readonly ForecastOutcome[];
}

/** How forecasts did, over all their outcomes. */
export interface PastError {
  readonly outcomes: number;
  /** Absent without an outcome, the last also without an error to compare with. Without bounds of too few forecasts. */
  readonly meanAbsoluteError?: EstimateValue;
  readonly intervalCoverage?: EstimateValue;
  /** 1 - error / error of holding the last value. */
  readonly realisedSkill?: EstimateValue;
}

/** Sums over the outcomes of one forecast. */
interface ForecastSums {
  readonly came: number;
  readonly error: number;
  /** Of holding the last value. */
  readonly heldError: number;
}

/**
 * The error that forecasts turned out to have. Forecasts look several steps ahead, so neighbours share most of what came: of a
 * horizon of h steps only every h-th counts as independent, of forecasts as of measured windows.
 */
export function pastErrorOf(scored: readonly ScoredForecast[]): PastError {
  const began = scored.filter(({ outcomes }) => outcomes.length > 0);
  const every = began.flatMap(({ outcomes }) => outcomes);
  if (every.length === 0) return { outcomes: 0 };
  const horizon = Math.max(...began.map(({ forecast }) => forecast.points.length));
  const sums = began.map(sumsOf);
  const [errors, heldErrors, counts] = [
    sums.map(({ error }) => error),
    sums.map(({ heldError }) => heldError),
    sums.map(({ came }) => came),
  ];
  const held = heldErrors.some((error) => error > 0);
  return {
    outcomes: every.length,
    meanAbsoluteError: ratioEstimate('meanAbsoluteError', { errors, per: counts, horizon }, (ratio) =>
      Math.max(0, ratio),
    ),
    intervalCoverage: coverageOf(every, horizon),
    ...(held && {
      realisedSkill: ratioEstimate('realisedSkill', { errors, per: heldErrors, horizon }, (ratio) => 1 - ratio),
    }),
  };
}

function sumsOf({ forecast, outcomes }: ScoredForecast): ForecastSums {
  const total = (of: (outcome: ForecastOutcome) => number) => outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
  return {
    came: outcomes.length,
    error: total(({ actual, forecast: foreseen }) => Math.abs(actual - foreseen)),
    heldError: total(({ actual }) => Math.abs(actual - forecast.lastValue)),
  };
}

function ratioEstimate(
  name: string,
  { errors, per, horizon }: { readonly errors: number[]; readonly per: number[]; readonly horizon: number },
  shown: (ratio: number) => number,
): EstimateValue {
  const { ratio, lower, upper, independent } = meanRatio(errors, per, {
    confidence: FORECAST_CONFIDENCE,
    overlap: horizon,
  });
  const bounds = lower === null || upper === null ? [] : [shown(lower), shown(upper)].sort((a, b) => a - b);
  return {
    name,
    value: shown(ratio),
    ...(bounds.length > 0 && { lower: bounds[0]!, upper: bounds[1]! }),
    confidence: FORECAST_CONFIDENCE,
    n: independent,
    slice: 'all',
    method: `${bounds.length > 0 ? 'Fieller over' : 'no bounds from so few'} forecasts that share no step`,
  };
}

function coverageOf(outcomes: readonly ForecastOutcome[], horizon: number): EstimateValue {
  const value = outcomes.filter(({ insideInterval }) => insideInterval).length / outcomes.length;
  const n = Math.max(1, Math.floor(new Set(outcomes.map(({ atMs }) => atMs)).size / horizon));
  const prior = { priorSuccesses: 0.5, priorFailures: 0.5, confidence: FORECAST_CONFIDENCE };
  const { lower, upper } = betaPosterior(n * value, n * (1 - value), prior);
  return {
    name: 'intervalCoverage',
    value,
    lower: Math.min(lower, value),
    upper: Math.max(upper, value),
    confidence: FORECAST_CONFIDENCE,
    n,
    slice: 'all',
    method: 'Beta posterior over measured windows that share no step',
  };
}
