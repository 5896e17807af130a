import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  AnnotatorSchema,
  LabelingService,
  LabelTaskSchema,
  LeaseTasksResponseSchema,
  ListAnnotatorsResponseSchema,
  ListCampaignsResponseSchema,
  ListTasksResponseSchema,
  ResumeAnnotatorRequestSchema,
  SubmitAnswerRequestSchema,
  type Annotator,
  type GetTaskRequest,
  type LabelTask,
  type LeaseTasksRequest,
  type LeaseTasksResponse,
  type ListAnnotatorsRequest,
  type ListAnnotatorsResponse,
  type ListCampaignsRequest,
  type ListCampaignsResponse,
  type ListTasksRequest,
  type ListTasksResponse,
  type ResumeAnnotatorRequest,
  type SubmitAnswerRequest,
} from '@rondo/contracts';
import { assert } from '@rondo/kernel';
import { isAllowed } from '@rondo/security';
import { answerOnce, PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { listAnnotators, listCampaigns, listTasks, loadCampaign, loadTask } from '../campaign-store.js';
import { annotatorTo, campaignTo, taskTo } from '../contract-map.js';
import { asTold } from '../domain/annotator.js';
import { AnswerTasks } from '../use-cases/answer-tasks.js';

/** What annotators need, over gRPC and JSON. */
@RpcService(LabelingService)
export class LabelingRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AnswerTasks) private readonly tasks: AnswerTasks,
  ) {}

  /** Newest first, at most 100. */
  async listCampaigns(request: ListCampaignsRequest): Promise<ListCampaignsResponse> {
    const campaigns = await listCampaigns(this.platform.journal, request.pipeline);
    return create(ListCampaignsResponseSchema, { campaigns: campaigns.map(campaignTo) });
  }

  async leaseTasks(request: LeaseTasksRequest, context: RpcContext): Promise<LeaseTasksResponse> {
    const { journal, ids, clock } = this.platform;
    const cause = { consumer: 'rpc', messageId: ids.next(), actor: context.principal.id, ...trace(context) };
    const leased = await journal.once(cause, (unit) =>
      this.tasks.lease(unit, request.campaignId, context.principal, request.count),
    );
    assert(leased.outcome === 'done', 'a fresh id was used before');
    const { campaign, tasks } = leased.value;
    const viewing = { principal: context.principal, campaign, nowMs: clock.now() };
    return create(LeaseTasksResponseSchema, {
      campaign: campaignTo(campaign),
      tasks: tasks.map((task) => taskTo(task, viewing)),
    });
  }

  async submitAnswer(request: SubmitAnswerRequest, context: RpcContext): Promise<LabelTask> {
    const { journal, clock } = this.platform;
    const { campaignId, taskId, requestId, answer, skip, rationale } = request;
    const incoming = {
      method: 'SubmitAnswer',
      requestId,
      schema: SubmitAnswerRequestSchema,
      request,
      actor: context.principal.id,
      ...trace(context),
    };
    return answerOnce(journal, incoming, LabelTaskSchema, async (unit) => {
      const given = { answer, skip, rationale, tookMs: Number(request.tookMs) };
      const { campaign, task } = await this.tasks.answer(unit, { campaignId, taskId }, given, context.principal);
      return taskTo(task, { principal: context.principal, campaign, nowMs: clock.now() });
    });
  }

  async getTask(request: GetTaskRequest, context: RpcContext): Promise<LabelTask> {
    const { journal, clock } = this.platform;
    const { state: campaign } = await loadCampaign(journal, request.campaignId);
    const task = await loadTask(journal, request.campaignId, request.taskId);
    return taskTo(task, { principal: context.principal, campaign, nowMs: clock.now() });
  }

  /** In the order in which they are asked. */
  async listTasks(request: ListTasksRequest, context: RpcContext): Promise<ListTasksResponse> {
    const { journal, clock } = this.platform;
    const { state: campaign } = await loadCampaign(journal, request.campaignId);
    const viewing = { principal: context.principal, campaign, nowMs: clock.now() };
    const tasks = await listTasks(journal, request.campaignId);
    return create(ListTasksResponseSchema, { tasks: tasks.map((task) => taskTo(task, viewing)) });
  }

  /** By name, at most 1,000. */
  async listAnnotators({ pipeline }: ListAnnotatorsRequest, context: RpcContext): Promise<ListAnnotatorsResponse> {
    const mine = onlyMine(context);
    const annotators = await listAnnotators(this.platform.journal, { pipeline, ...mine });
    const seen = mine.annotator === undefined ? annotators : annotators.map(asTold);
    return create(ListAnnotatorsResponseSchema, { annotators: seen.map(annotatorTo) });
  }

  async resumeAnnotator(request: ResumeAnnotatorRequest, context: RpcContext): Promise<Annotator> {
    const incoming = {
      method: 'ResumeAnnotator',
      requestId: request.requestId,
      schema: ResumeAnnotatorRequestSchema,
      request,
      actor: context.principal.id,
      ...trace(context),
    };
    return answerOnce(this.platform.journal, incoming, AnnotatorSchema, async (unit) =>
      annotatorTo(await this.tasks.resume(unit, request, context.principal)),
    );
  }
}

/** Whoever answers tasks, and decides nothing else, sees themselves only. */
function onlyMine({ principal }: RpcContext): { readonly annotator?: string } {
  const leads = isAllowed(principal, 'operator') || !isAllowed(principal, 'annotator');
  return leads ? {} : { annotator: principal.id };
}

function trace(context: RpcContext): { readonly traceparent?: string } {
  return context.traceparent === undefined ? {} : { traceparent: context.traceparent };
}
