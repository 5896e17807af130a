import { breachOutlook, type Forecast } from '@rondo/statistics';
import type { EstimateValue, ModelReference } from './model-reference.js';
import type { SeriesName, SeriesPoint } from './watched-series.js';

/** Coverage of a forecast's intervals, and of the probability's own. */
export const FORECAST_CONFIDENCE = 0.8;

/** A forecast as it is recorded. */
export type IssuedForecast = {
  readonly pipeline: string;
  readonly forecastId: string;
  readonly series: SeriesName;
  readonly evaluationId: string;
  readonly model: ModelReference;
  /** End of the newest window, and its value. */
  readonly madeFromMs: number;
  readonly lastValue: number;
  readonly points: readonly (SeriesPoint & { readonly lower: number; readonly upper: number })[];
  readonly confidence: number;
  readonly method: string;
  readonly skill: number;
  readonly skillAgainst: 'naive' | 'seasonal-naive';
  readonly n: number;
  readonly origins: number;
  readonly limit: number;
  readonly breachSide: 'above' | 'below';
  readonly breachProbability: EstimateValue;
  /** When a tenth, half and nine tenths of the possible futures have reached the limit; null not within the horizon. */
  readonly breachMs: {
    readonly earliest: number | null;
    readonly expected: number | null;
    readonly latest: number | null;
  };
  readonly advisory: '' | 'no-skill' | 'change-point';
  readonly issuedAtMs: number;
};

/** What a forecast is about and what it was made from. */
export type ForecastContext = Pick<
  IssuedForecast,
  | 'pipeline'
  | 'forecastId'
  | 'series'
  | 'evaluationId'
  | 'model'
  | 'madeFromMs'
  | 'lastValue'
  | 'n'
  | 'limit'
  | 'issuedAtMs'
> & { readonly spacingMs: number; readonly seasonal: boolean };

/** A higher area under the ROC curve is better; of everything else that is watched, less is. */
const sideOf = (series: SeriesName): 'above' | 'below' => (series === 'perf.rocAuc' ? 'below' : 'above');

/** The forecast with its dates and with what it says about the limit. */
export function issuedForecast(
  made: Extract<Forecast, { readonly kind: 'forecast' }>,
  { spacingMs, seasonal, ...context }: ForecastContext,
): IssuedForecast {
  const breachSide = sideOf(context.series);
  const limit = { threshold: context.limit, side: breachSide } as const;
  const { probability, lower, upper, n, steps } = breachOutlook(made, limit, { confidence: FORECAST_CONFIDENCE });
  const endOf = (step: number): number => context.madeFromMs + step * spacingMs;
  const dateOf = (step: number | null): number | null => (step === null ? null : endOf(step));
  return {
    ...context,
    points: made.points.map((point, i) => ({ ...point, atMs: endOf(i + 1) })),
    confidence: FORECAST_CONFIDENCE,
    method: made.method,
    skill: made.skillScore,
    skillAgainst: seasonal ? 'seasonal-naive' : 'naive',
    origins: made.origins,
    breachSide,
    breachProbability: {
      name: 'breachProbability',
      value: probability,
      lower,
      upper,
      confidence: FORECAST_CONFIDENCE,
      n,
      slice: 'all',
      method: 'past errors of the method as futures; Beta posterior over origins that do not overlap',
    },
    breachMs: {
      earliest: dateOf(steps.earliest),
      expected: dateOf(steps.expected),
      latest: dateOf(steps.latest),
    },
    advisory: made.advisory ?? '',
  };
}

/** A step of a forecast whose window has been measured. */
export interface ForecastOutcome {
  readonly atMs: number;
  readonly forecast: number;
  readonly actual: number;
  readonly insideInterval: boolean;
}

/** What came of a forecast, oldest step first; `points` are those of the same champion. */
export function outcomesOf(
  { madeFromMs, points: steps }: IssuedForecast,
  points: readonly SeriesPoint[],
): ForecastOutcome[] {
  const halfStepMs = steps[0] ? (steps[0].atMs - madeFromMs) / 2 : 0;
  return steps.flatMap(({ atMs, value, lower, upper }) => {
    const came = points.find((point) => point.atMs > madeFromMs && Math.abs(point.atMs - atMs) < halfStepMs);
    if (!came) return [];
    const insideInterval = lower <= came.value && came.value <= upper;
    return [{ atMs: came.atMs, forecast: value, actual: came.value, insideInterval }];
  });
}

/** How forecasts did, over all their outcomes. */
export interface PastError {
  readonly outcomes: number;
  readonly meanAbsoluteError: number;
  readonly intervalCoverage?: number;
  /** 1 - error / error of holding the last value. */
  readonly realisedSkill?: number;
}

/** The error that forecasts turned out to have; absent shares where there is nothing to divide by. */
export function pastErrorOf(
  scored: readonly { readonly forecast: IssuedForecast; readonly outcomes: readonly ForecastOutcome[] }[],
): PastError {
  let [outcomes, inside, error, heldError] = [0, 0, 0, 0];
  for (const { forecast, outcomes: came } of scored) {
    for (const outcome of came) {
      outcomes++;
      if (outcome.insideInterval) inside++;
      error += Math.abs(outcome.actual - outcome.forecast);
      heldError += Math.abs(outcome.actual - forecast.lastValue);
    }
  }
  return {
    outcomes,
    meanAbsoluteError: outcomes === 0 ? 0 : error / outcomes,
    ...(outcomes > 0 && { intervalCoverage: inside / outcomes }),
    ...(heldError > 0 && { realisedSkill: 1 - error / heldError }),
  };
}
