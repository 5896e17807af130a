import { ForecastIssuedSchema } from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { idFrom } from '@rondo/kernel';
import type { DurableJobs, JobFailure, JobResult, JobRun, Platform } from '@rondo/service';
import { forecastTo } from '../contract-forecasts.js';
import {
  type DRIFT_EVALUATION,
  FORECAST,
  type PERFORMANCE_EVALUATION,
  WATCHED_SERIES,
  watchedSeriesId,
} from '../documents.js';
import type { DriftEvaluation } from '../domain/drift-evaluation.js';
import { FORECAST_CONFIDENCE, issuedForecast, type IssuedForecast } from '../domain/issued-forecast.js';
import type { ModelReference } from '../domain/model-reference.js';
import type { PerformanceEvaluation } from '../domain/performance.js';
import {
  evenSeries,
  intervalOf,
  measuredValues,
  SERIES_POINTS_MAX,
  stepsOf,
  withPoint,
  type ForecastRule,
  type SeriesName,
  type ValueInterval,
  type WatchedSeries,
} from '../domain/watched-series.js';
import type { Calculate } from '../ports/calculator.js';

/** Kind of the durable job. */
export const FORECAST_JOB = 'issue-forecasts';

type EvaluationKind = typeof DRIFT_EVALUATION | typeof PERFORMANCE_EVALUATION;

/** What the job carries: the new values, so that a run depends on nothing that may change meanwhile. */
export type ForecastRequest = {
  readonly pipeline: string;
  readonly kind: EvaluationKind;
  readonly evaluationId: string;
  readonly model: ModelReference;
  /** End of the evaluated window. */
  readonly atMs: number;
  readonly series: readonly ({
    readonly name: SeriesName;
    readonly value: number;
    readonly limit: number;
  } & Partial<ValueInterval>)[];
  readonly horizonMs: number;
  readonly seasonMs?: number;
};

interface Continued {
  readonly series: WatchedSeries;
  readonly forecast?: IssuedForecast;
}

/** Continues what the policy watches, after each evaluation. */
export class IssueForecasts {
  constructor(
    private readonly platform: Pick<Platform, 'journal' | 'log' | 'clock'>,
    private readonly jobs: DurableJobs,
    private readonly calculate: Calculate,
  ) {}

  /** An evaluation was recorded in this unit: forecasts follow when it adds to a series the policy watches. */
  async begin(
    unit: Unit,
    kind: EvaluationKind,
    evaluation: DriftEvaluation | PerformanceEvaluation,
    rule: ForecastRule | undefined,
  ): Promise<void> {
    const values = measuredValues(evaluation);
    const series = (rule?.series ?? []).flatMap(({ name, limit }) => {
      const measured = values[name];
      return measured ? [{ name, limit, value: measured.value, ...intervalOf(measured) }] : [];
    });
    if (!rule || series.length === 0) return;
    const { pipeline, evaluationId, model, window } = evaluation;
    const { horizonMs, seasonMs } = rule;
    const input: ForecastRequest = {
      pipeline,
      kind,
      evaluationId,
      model,
      atMs: window.endMs,
      series,
      horizonMs,
      ...(seasonMs !== undefined && { seasonMs }),
    };
    await this.jobs.enqueue(unit, { kind: FORECAST_JOB, id: idFrom(FORECAST_JOB, evaluationId), pipeline, input });
  }

  async run(request: ForecastRequest, run: JobRun): Promise<JobResult> {
    const made: Continued[] = [];
    for (const watched of request.series) made.push(await this.continued(request, watched, run.signal));
    return (unit) => {
      for (const { series, forecast } of made) {
        const { pipeline, name } = series;
        unit.save<WatchedSeries>({
          kind: WATCHED_SERIES,
          id: watchedSeriesId(pipeline, name),
          state: series,
          index: { pipeline },
        });
        if (forecast) saveForecast(unit, forecast, series.forecasts);
      }
    };
  }

  failed(_unit: Unit, { pipeline }: ForecastRequest, failure: JobFailure): void {
    const fields = { 'rondo.pipeline.name': pipeline };
    this.platform.log.error(`forecasts of ${pipeline} could not be made (${failure.code})`, fields, failure.error);
  }

  /** The series with its new point and, when it is long enough, the forecast. */
  private async continued(
    request: ForecastRequest,
    { name, limit, ...measured }: ForecastRequest['series'][number],
    signal: AbortSignal,
  ): Promise<Continued> {
    const { pipeline, evaluationId, model, atMs } = request;
    const known = await this.platform.journal.load<WatchedSeries>(WATCHED_SERIES, watchedSeriesId(pipeline, name));
    const before = known?.state.points ?? (await this.pastPoints(request, name));
    const points = withPoint(before, { atMs, ...measured, modelDigest: model.digest });
    const own = points.filter((point) => point.modelDigest === model.digest);
    const { values, spacingMs } = evenSeries(own);
    const steps = stepsOf(request, spacingMs);
    const n = values.length;
    const options = { ...steps, confidence: FORECAST_CONFIDENCE };
    const made = await this.calculate({ kind: 'forecast', values, options }, signal);
    const pointsMissing = made.kind === 'insufficient' ? made.pointsNeeded - n : 0;
    const forecasts = known?.state.forecasts ?? 0;
    const now = { pipeline, name, limit, modelDigest: model.digest, points, forecasts, pointsMissing };
    const series = { ...known?.state, ...now };
    if (made.kind === 'insufficient') return { series };
    const forecast = issuedForecast(made, {
      pipeline,
      forecastId: idFrom('forecast', evaluationId, name),
      series: name,
      evaluationId,
      model,
      last: own.at(-1)!,
      n,
      limit,
      issuedAtMs: this.platform.clock.now(),
      spacingMs,
      seasonal: steps.seasonLength !== undefined,
    });
    return { series: { ...series, forecasts: forecasts + 1 }, forecast };
  }

  /** A policy that begins to forecast finds what was measured before it did. */
  private async pastPoints(
    { pipeline, kind, evaluationId }: ForecastRequest,
    name: SeriesName,
  ): Promise<WatchedSeries['points']> {
    const page = await this.platform.journal.list<DriftEvaluation | PerformanceEvaluation>(kind, {
      where: { pipeline },
      orderBy: { index: 'sequence', direction: 'desc' },
      limit: SERIES_POINTS_MAX,
    });
    const newest = page.items.findIndex(({ id }) => id === evaluationId);
    const older = page.items.slice(newest + 1).reverse();
    return older.reduce<WatchedSeries['points']>((points, { state }) => {
      const measured = measuredValues(state)[name];
      if (!measured) return points;
      const { value } = measured;
      return withPoint(points, {
        atMs: state.window.endMs,
        value,
        ...intervalOf(measured),
        modelDigest: state.model.digest,
      });
    }, []);
  }
}

function saveForecast(unit: Unit, forecast: IssuedForecast, sequence: number): void {
  const { pipeline, series } = forecast;
  unit.save<IssuedForecast>({
    kind: FORECAST,
    id: forecast.forecastId,
    state: forecast,
    index: { pipeline, series, sequence },
    outgoing: [{ schema: ForecastIssuedSchema, message: forecastTo(forecast), key: pipeline }],
  });
}
