import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  ApprovalSchema,
  ApprovalService,
  CloseIncidentRequestSchema,
  DecisionSchema,
  EventService,
  IncidentClosedSchema,
  IncidentSchema,
  IncidentService,
  ListApprovalsResponseSchema,
  ListDecisionsResponseSchema,
  ListEventsResponseSchema,
  ListIncidentsResponseSchema,
  ListModelsResponseSchema,
  ModelService,
  VoteRequestSchema,
  type AliasEntry,
  type Approval,
  type CloseIncidentRequest,
  type Decision,
  type GetApprovalRequest,
  type GetChampionAtRequest,
  type GetDecisionRequest,
  type Incident,
  type ListApprovalsRequest,
  type ListApprovalsResponse,
  type ListDecisionsRequest,
  type ListDecisionsResponse,
  type ListEventsRequest,
  type ListEventsResponse,
  type ListIncidentsRequest,
  type ListIncidentsResponse,
  type ListModelsRequest,
  type ListModelsResponse,
  type VoteRequest,
} from '@rondo/contracts';
import type { JsonObject } from '@bufbuild/protobuf';
import type { Stored } from '@rondo/journal';
import { PermanentError } from '@rondo/kernel';
import { answerOnce, PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { actorTo, msOf, outgoing } from '../contract-map.js';
import type { ApprovalState } from '../domain/approval.js';
import type { IncidentState } from '../domain/incident.js';
import type { LedgerState } from '../domain/ledger.js';
import type { PipelineState } from '../domain/pipeline.js';
import { APPROVAL, loadApproval, vote } from '../use-cases/approvals.js';
import { loadCycle } from '../use-cases/cycles.js';
import { PIPELINE } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';
import { ALIAS, MODEL_VERSION, type AliasState, type ModelVersionState } from '../use-cases/registry.js';
import { callerOf, identified } from './callers.js';
import { aliasView, approvalView, decisionFrom, decisionRecord, incidentView, ledgerView, modelView } from './views.js';

const byPipeline = (pipeline: string): { where?: { pipeline: string } } => (pipeline ? { where: { pipeline } } : {});
const paged = (request: { pageSize: number; pageToken: string }): { limit: number; pageToken?: string } => ({
  limit: request.pageSize || 50,
  ...(request.pageToken && { pageToken: request.pageToken }),
});

/** Every event with its fate, every decision with its record. */
@RpcService(EventService)
export class EventsRpc {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  async listEvents(request: ListEventsRequest): Promise<ListEventsResponse> {
    const where = {
      ...(request.pipeline && { pipeline: request.pipeline }),
      ...(request.fate && { fate: request.fate }),
    };
    const orderBy = { index: 'receivedAtMs', direction: 'desc' } as const;
    const page = await this.platform.journal.list<LedgerState>('ledger-event', { where, orderBy, ...paged(request) });
    const { journal } = this.platform;
    const [total, pending] = await Promise.all([
      journal.count('ledger-event', where),
      journal.count('ledger-event', { ...where, fate: 'Pending' }),
    ]);
    return create(ListEventsResponseSchema, {
      events: await Promise.all(page.items.map((stored) => ledgerView(journal, stored.state))),
      nextPageToken: page.nextPageToken ?? '',
      total: BigInt(total),
      pending: BigInt(pending),
    });
  }

  async getDecision(request: GetDecisionRequest): Promise<Decision> {
    const record = await decisionRecord(this.platform.journal, request.decisionId);
    if (!record) {
      throw new PermanentError('not-found', `there is no decision ${request.decisionId}`, {
        field: 'decision_id',
        value: request.decisionId,
        rule: 'an existing decision',
      });
    }
    return create(DecisionSchema, { record });
  }

  async listDecisions(request: ListDecisionsRequest): Promise<ListDecisionsResponse> {
    const orderBy = { index: 'decidedAtMs', direction: 'desc' } as const;
    const page = await this.platform.journal.list<{ record: JsonObject }>('decision', {
      ...byPipeline(request.pipeline),
      orderBy,
      ...paged(request),
    });
    const decisions = page.items.map((stored) => decisionFrom(stored.state));
    return create(ListDecisionsResponseSchema, { decisions, nextPageToken: page.nextPageToken ?? '' });
  }
}

/** Requests for approval and the votes on them. */
@RpcService(ApprovalService)
export class ApprovalsRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
  ) {}

  async listApprovals(request: ListApprovalsRequest): Promise<ListApprovalsResponse> {
    const where = {
      ...(request.pipeline && { pipeline: request.pipeline }),
      ...(request.state && { state: request.state }),
    };
    const orderBy = { index: 'requestedAtMs', direction: 'desc' } as const;
    const page = await this.platform.journal.list<ApprovalState>(APPROVAL, { where, orderBy, limit: 200 });
    return create(ListApprovalsResponseSchema, {
      approvals: await Promise.all(page.items.map((stored) => approvalView(this.platform.journal, stored))),
    });
  }

  async getApproval(request: GetApprovalRequest): Promise<Approval> {
    const stored = await this.platform.journal.load<ApprovalState>(APPROVAL, request.approvalId);
    if (!stored) {
      throw new PermanentError('not-found', `there is no approval ${request.approvalId}`, {
        field: 'approval_id',
        value: request.approvalId,
        rule: 'an existing approval',
      });
    }
    return approvalView(this.platform.journal, stored);
  }

  async vote(request: VoteRequest, context: RpcContext): Promise<Approval> {
    const incoming = identified(context, VoteRequestSchema, request, 'Vote');
    return answerOnce(this.platform.journal, incoming, ApprovalSchema, async (unit) => {
      const approval = await loadApproval(unit, request.approvalId);
      const cycle = await loadCycle(unit, approval.cycleId);
      const spec = await this.policies.spec(unit, cycle.pipeline, cycle.generation);
      const { approve, rationale, boundDigest } = request;
      await vote(unit, approval.id, spec, {
        actor: callerOf(context),
        approve,
        rationale,
        boundDigest,
        atMs: this.platform.clock.now(),
      });
      return approvalView(unit, (await unit.load<ApprovalState>(APPROVAL, approval.id)) as Stored<ApprovalState>);
    });
  }
}

/** Registered versions and who was champion when. */
@RpcService(ModelService)
export class ModelsRpc {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  async listModels(request: ListModelsRequest): Promise<ListModelsResponse> {
    const { journal } = this.platform;
    const versions = await journal.list<ModelVersionState>(MODEL_VERSION, {
      ...byPipeline(request.pipeline),
      orderBy: { index: 'version', direction: 'desc' },
      limit: 500,
    });
    const history = await journal.list<AliasState>(ALIAS, {
      ...byPipeline(request.pipeline),
      orderBy: { index: 'sinceMs', direction: 'desc' },
      limit: 500,
    });
    const champions = new Map<string, number | undefined>();
    for (const name of new Set(versions.items.map((item) => item.state.pipeline))) {
      champions.set(name, (await journal.load<PipelineState>(PIPELINE, name))?.state.champion?.version);
    }
    return create(ListModelsResponseSchema, {
      models: versions.items.map(({ state }) => modelView(state, champions.get(state.pipeline))),
      championHistory: history.items.map(({ state }) => aliasView(state)),
    });
  }

  async getChampionAt(request: GetChampionAtRequest): Promise<AliasEntry> {
    const atMs = msOf(request.at);
    const history = await this.platform.journal.list<AliasState>(ALIAS, {
      where: { pipeline: request.pipeline },
      orderBy: { index: 'sinceMs', direction: 'desc' },
      limit: 10_000,
    });
    const entry = history.items.find(({ state }) => state.sinceMs <= atMs);
    if (entry) return aliasView(entry.state);
    throw new PermanentError('not-found', `${request.pipeline} had no champion at ${new Date(atMs).toISOString()}`, {
      field: 'at',
      value: new Date(atMs).toISOString(),
      rule: 'after the first promotion',
    });
  }
}

/** What went wrong and what was learnt. */
@RpcService(IncidentService)
export class IncidentsRpc {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  async listIncidents(request: ListIncidentsRequest): Promise<ListIncidentsResponse> {
    const page = await this.platform.journal.list<IncidentState>('incident', {
      ...byPipeline(request.pipeline),
      limit: 200,
    });
    return create(ListIncidentsResponseSchema, {
      incidents: await Promise.all(page.items.map((stored) => incidentView(this.platform.journal, stored.state))),
    });
  }

  async closeIncident(request: CloseIncidentRequest, context: RpcContext): Promise<Incident> {
    const incoming = identified(context, CloseIncidentRequestSchema, request, 'CloseIncident');
    return answerOnce(this.platform.journal, incoming, IncidentSchema, async (unit) => {
      const stored = await unit.load<IncidentState>('incident', request.incidentId);
      const value = request.incidentId;
      if (!stored)
        throw new PermanentError('not-found', `there is no incident ${value}`, {
          field: 'incident_id',
          value,
          rule: 'an existing incident',
        });
      if (stored.state.state === 'Closed') {
        throw new PermanentError('failed-precondition', `incident ${value} is closed`, {
          field: 'incident_id',
          value,
          rule: 'an open incident',
          reason: 'INCIDENT_CLOSED',
        });
      }
      const actor = callerOf(context);
      const { postmortem, actionItems } = request;
      const state: IncidentState = {
        ...stored.state,
        state: 'Closed',
        closedAtMs: this.platform.clock.now(),
        postmortem,
        actionItems,
        closedBy: actor.id,
      };
      const { pipeline } = state;
      const closed = outgoing(IncidentClosedSchema, {
        pipeline,
        incidentId: value,
        postmortem,
        actionItems,
        actor: actorTo(actor),
      });
      unit.save<IncidentState>({
        kind: 'incident',
        id: value,
        state,
        index: { pipeline, state: 'Closed' },
        outgoing: [closed],
      });
      return incidentView(unit, state);
    });
  }
}
