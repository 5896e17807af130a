import type { DriftEvaluation } from './drift-evaluation.js';
import type { EstimateValue } from './model-reference.js';
import type { PerformanceEvaluation } from './performance.js';

/** What can be forecast, by the name it has in the policy's expressions. */
export type SeriesName = 'drift.importanceWeighted' | 'perf.logLoss' | 'perf.rocAuc' | 'perf.brier';

/** `spec.monitoring.forecast` of the policy. */
export type ForecastRule = {
  readonly series: readonly { readonly name: SeriesName; readonly limit: number }[];
  readonly horizonMs: number;
  readonly seasonMs?: number;
};

/** How sure a value is; `n` is the rows it rests on. */
export type ValueInterval = Pick<EstimateValue, 'lower' | 'upper' | 'confidence' | 'n'>;

/** A measured value; its time is the end of its window. Points that were kept before they had an interval have none. */
export type SeriesPoint = { readonly atMs: number; readonly value: number } & Partial<ValueInterval>;

/** A series and what of it is remembered. */
export type WatchedSeries = {
  readonly pipeline: string;
  readonly name: SeriesName;
  readonly limit: number;
  /** The champion that the newest forecast is about. */
  readonly modelDigest: string;
  /** Of all champions, by time, at most {@link SERIES_POINTS_MAX}. */
  readonly points: readonly (SeriesPoint & { readonly modelDigest: string })[];
  /** Forecasts made so far. */
  readonly forecasts: number;
  /** Points still missing before a forecast can be made. */
  readonly pointsMissing: number;
};

export const SERIES_POINTS_MAX = 200;
/** Neither a horizon nor a season can be longer, so that what is remembered holds two seasons and the origins. */
const STEPS_MAX = 60;
/** Windows missing in a row that are filled with the value before them; after more the series begins anew. */
const GAP_MAX = 3;

/** What an evaluation adds to the series of its kind; nothing when it rests on too little or, for performance, on no labels. */
export function measuredValues(
  evaluation: DriftEvaluation | PerformanceEvaluation,
): Readonly<Partial<Record<SeriesName, EstimateValue>>> {
  if (evaluation.state === 'insufficient') return {};
  if ('importanceWeighted' in evaluation) return { 'drift.importanceWeighted': evaluation.importanceWeighted };
  if (evaluation.estimated) return {};
  const metricOf = (name: string) => evaluation.metrics.find((metric) => metric.name === name);
  const [logLoss, rocAuc, brier] = ['logLoss', 'rocAuc', 'brier'].map(metricOf);
  return {
    ...(logLoss && { 'perf.logLoss': logLoss }),
    ...(rocAuc && { 'perf.rocAuc': rocAuc }),
    ...(brier && { 'perf.brier': brier }),
  };
}

/** The interval of an estimate. */
export function intervalOf({ lower, upper, confidence, n }: ValueInterval): ValueInterval {
  return { ...(lower !== undefined && { lower }), ...(upper !== undefined && { upper }), confidence, n };
}

/** A point as an estimate; undefined where its interval was not kept. */
export function pointEstimate(name: SeriesName, point: SeriesPoint): EstimateValue | undefined {
  const { value, lower, upper, confidence, n } = point;
  if (confidence === undefined || n === undefined) return undefined;
  return { name, value, ...intervalOf({ lower, upper, confidence, n }), slice: 'all', method: 'as evaluated' };
}

/** The points with one more; a window that was measured before (for the same champion) is restated. */
export function withPoint(
  points: WatchedSeries['points'],
  added: WatchedSeries['points'][number],
): WatchedSeries['points'] {
  const others = points.filter((point) => point.atMs !== added.atMs || point.modelDigest !== added.modelDigest);
  return [...others, added].sort((a, b) => a.atMs - b.atMs).slice(-SERIES_POINTS_MAX);
}

/** A series on an even grid; `values` ends with the newest point. */
export interface EvenSeries {
  readonly values: Float64Array;
  /** Median distance of the points; 0 of fewer than two. */
  readonly spacingMs: number;
}

/** The newest points of one champion that follow each other without a long gap, with short gaps filled. */
export function evenSeries(points: readonly SeriesPoint[]): EvenSeries {
  const gaps = points.slice(1).map((point, i) => point.atMs - points[i]!.atMs);
  const spacingMs = [...gaps].sort((a, b) => a - b)[Math.floor((gaps.length - 1) / 2)] ?? 0;
  const values: number[] = [];
  points.forEach((point, i) => {
    const steps = i === 0 ? 1 : Math.max(1, Math.round(gaps[i - 1]! / spacingMs));
    if (steps > GAP_MAX + 1) values.length = 0;
    else for (let missing = 1; missing < steps; missing++) values.push(points[i - 1]!.value);
    values.push(point.value);
  });
  return { values: Float64Array.from(values.slice(-SERIES_POINTS_MAX)), spacingMs };
}

/** Horizon and season in steps of the series; a season counts where it spans 2 to 60 of them. */
export function stepsOf(
  { horizonMs, seasonMs }: Pick<ForecastRule, 'horizonMs' | 'seasonMs'>,
  spacingMs: number,
): { readonly horizon: number; readonly seasonLength?: number } {
  const inSteps = (ms: number): number => (spacingMs > 0 ? Math.round(ms / spacingMs) : 1);
  const season = seasonMs === undefined ? 0 : inSteps(seasonMs);
  return {
    horizon: Math.min(STEPS_MAX, Math.max(1, inSteps(horizonMs))),
    ...(season >= 2 && season <= STEPS_MAX && { seasonLength: season }),
  };
}
