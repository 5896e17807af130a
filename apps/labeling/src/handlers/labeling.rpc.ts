import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  LabelingService,
  LabelTaskSchema,
  LeaseTasksResponseSchema,
  ListCampaignsResponseSchema,
  ListTasksResponseSchema,
  SubmitAnswerRequestSchema,
  type GetTaskRequest,
  type LabelTask,
  type LeaseTasksRequest,
  type LeaseTasksResponse,
  type ListCampaignsRequest,
  type ListCampaignsResponse,
  type ListTasksRequest,
  type ListTasksResponse,
  type SubmitAnswerRequest,
} from '@rondo/contracts';
import { assert } from '@rondo/kernel';
import { answerOnce, PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { listCampaigns, listTasks, loadCampaign, loadTask } from '../campaign-store.js';
import { campaignTo, taskTo } from '../contract-map.js';
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
}

function trace(context: RpcContext): { readonly traceparent?: string } {
  return context.traceparent === undefined ? {} : { traceparent: context.traceparent };
}
