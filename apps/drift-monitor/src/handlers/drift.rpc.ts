import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  DriftService,
  ListDriftEvaluationsResponseSchema,
  ListForecastsResponseSchema,
  ListPerformanceEvaluationsResponseSchema,
  type ListDriftEvaluationsResponse,
  type ListEvaluationsRequest,
  type ListForecastsRequest,
  type ListForecastsResponse,
  type ListPerformanceEvaluationsResponse,
} from '@rondo/contracts';
import { PLATFORM, RpcService, type Platform } from '@rondo/service';
import { scoredTo, seriesTo } from '../contract-forecasts.js';
import { driftTo, performanceTo } from '../contract-map.js';
import { DRIFT_EVALUATION, FORECAST, PERFORMANCE_EVALUATION, WATCHED_SERIES } from '../documents.js';
import type { DriftEvaluation } from '../domain/drift-evaluation.js';
import { outcomesOf, type IssuedForecast } from '../domain/issued-forecast.js';
import { pastErrorOf } from '../domain/past-error.js';
import type { PerformanceEvaluation } from '../domain/performance.js';
import type { WatchedSeries } from '../domain/watched-series.js';

const PAGE_DEFAULT = 50;

/** What was measured, newest first. */
@RpcService(DriftService)
export class DriftRpc {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  async listDriftEvaluations(request: ListEvaluationsRequest): Promise<ListDriftEvaluationsResponse> {
    const found = await this.newest<DriftEvaluation>(DRIFT_EVALUATION, request);
    return create(ListDriftEvaluationsResponseSchema, {
      evaluations: found.map(driftTo),
    });
  }

  async listPerformanceEvaluations(request: ListEvaluationsRequest): Promise<ListPerformanceEvaluationsResponse> {
    const found = await this.newest<PerformanceEvaluation>(PERFORMANCE_EVALUATION, request);
    return create(ListPerformanceEvaluationsResponseSchema, {
      evaluations: found.map(performanceTo),
    });
  }

  /** The past error of a series is that of the forecasts listed. */
  async listForecasts({ pipeline, series, pageSize }: ListForecastsRequest): Promise<ListForecastsResponse> {
    const { journal } = this.platform;
    const every = await journal.list<WatchedSeries>(WATCHED_SERIES, { where: { pipeline } });
    const watched = every.items.map(({ state }) => state).filter(({ name }) => series === '' || name === series);
    const listed = await Promise.all(
      watched.map(async (one) => {
        const page = await journal.list<IssuedForecast>(FORECAST, {
          where: { pipeline, series: one.name },
          orderBy: { index: 'sequence', direction: 'desc' },
          limit: pageSize || PAGE_DEFAULT,
        });
        const scored = page.items.map(({ state: forecast }) => {
          const own = one.points.filter(({ modelDigest }) => modelDigest === forecast.model.digest);
          return { forecast, outcomes: outcomesOf(forecast, own) };
        });
        return { one, scored };
      }),
    );
    return create(ListForecastsResponseSchema, {
      forecasts: listed.flatMap(({ scored }) => scored.map(({ forecast, outcomes }) => scoredTo(forecast, outcomes))),
      series: listed.map(({ one, scored }) => seriesTo(one, pastErrorOf(scored))),
    });
  }

  private async newest<S>(kind: string, { pipeline, pageSize }: ListEvaluationsRequest): Promise<S[]> {
    const page = await this.platform.journal.list<S>(kind, {
      where: { pipeline },
      orderBy: { index: 'sequence', direction: 'desc' },
      limit: pageSize || PAGE_DEFAULT,
    });
    return page.items.map(({ state }) => state);
  }
}
