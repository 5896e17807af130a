import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  DriftService,
  ListDriftEvaluationsResponseSchema,
  ListPerformanceEvaluationsResponseSchema,
  type ListDriftEvaluationsResponse,
  type ListEvaluationsRequest,
  type ListPerformanceEvaluationsResponse,
} from '@rondo/contracts';
import { PLATFORM, RpcService, type Platform } from '@rondo/service';
import { driftTo, performanceTo } from '../contract-map.js';
import { DRIFT_EVALUATION, PERFORMANCE_EVALUATION } from '../documents.js';
import type { DriftEvaluation } from '../domain/drift-evaluation.js';
import type { PerformanceEvaluation } from '../domain/performance.js';

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

  private async newest<S>(kind: string, { pipeline, pageSize }: ListEvaluationsRequest): Promise<S[]> {
    const page = await this.platform.journal.list<S>(kind, {
      where: { pipeline },
      orderBy: { index: 'sequence', direction: 'desc' },
      limit: pageSize || PAGE_DEFAULT,
    });
    return page.items.map(({ state }) => state);
  }
}
