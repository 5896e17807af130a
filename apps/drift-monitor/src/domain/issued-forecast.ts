import { breachOutlook, type Forecast } from '@rondo/statistics';
import type { EstimateValue, ModelReference } from './model-reference.js';
import { pointEstimate, type SeriesName, type SeriesPoint } from './watched-series.js';

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
  /** The same with its interval; absent in forecasts made before it was kept. */
  readonly lastValueEstimate?: EstimateValue;
  readonly points: readonly (SeriesPoint & { readonly lower: number; readonly upper: number })[];
  readonly confidence: number;
  readonly method: string;
  readonly skill: number;
  /** The same with its interval, which has no bounds where origins are too few; absent likewise. */
  readonly skillEstimate?: EstimateValue;
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
  'pipeline' | 'forecastId' | 'series' | 'evaluationId' | 'model' | 'n' | 'limit' | 'issuedAtMs'
> & {
  /** Newest point of the series. */
  readonly last: SeriesPoint;
  readonly spacingMs: number;
  readonly seasonal: boolean;
};

/** A higher area under the ROC curve is better; of everything else that is watched, less is. */
const sideOf = (series: SeriesName): 'above' | 'below' => (series === 'perf.rocAuc' ? 'below' : 'above');

/** The forecast with its dates and with what it says about the limit. */
export function issuedForecast(
  made: Extract<Forecast, { readonly kind: 'forecast' }>,
  { last, spacingMs, seasonal, ...context }: ForecastContext,
): IssuedForecast {
  const breachSide = sideOf(context.series);
  const limit = { threshold: context.limit, side: breachSide } as const;
  const { probability, lower, upper, n, steps } = breachOutlook(made, limit, { confidence: FORECAST_CONFIDENCE });
  const endOf = (step: number): number => last.atMs + step * spacingMs;
  const dateOf = (step: number | null): number | null => (step === null ? null : endOf(step));
  const skillAgainst = seasonal ? 'seasonal-naive' : 'naive';
  const lastValueEstimate = pointEstimate(context.series, last);
  return {
    ...context,
    madeFromMs: last.atMs,
    lastValue: last.value,
    ...(lastValueEstimate && { lastValueEstimate }),
    points: made.points.map((point, i) => ({ ...point, atMs: endOf(i + 1) })),
    confidence: FORECAST_CONFIDENCE,
    method: made.method,
    skill: made.skillScore,
    skillEstimate: skillEstimate(made, skillAgainst),
    skillAgainst,
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

function skillEstimate(
  { skillScore, skillInterval }: Extract<Forecast, { readonly kind: 'forecast' }>,
  against: string,
): EstimateValue {
  const { lower, upper, independent } = skillInterval;
  const bounded = lower !== null && upper !== null;
  return {
    name: 'skill',
    value: skillScore,
    ...(bounded && { lower, upper }),
    confidence: FORECAST_CONFIDENCE,
    n: independent,
    slice: 'all',
    method: `1 - error / error of ${against}, ${bounded ? 'Fieller over' : 'no bounds from so few'} independent past origins`,
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
