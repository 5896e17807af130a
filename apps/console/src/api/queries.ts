import { queryOptions } from '@tanstack/react-query';
import { BatchState } from '@rondo/contracts';
import { api } from './client.js';

const PAGE = 50;

/**
 * Every read of the console. A key is `[entity, scope]`; the scope's `pipeline` and `cycleId` decide which live events
 * make it stale (see `concerns` in app/live-events.ts).
 */
export const reads = {
  whoAmI: () =>
    queryOptions({ queryKey: ['whoAmI', {}], queryFn: () => api.operations.whoAmI({}), staleTime: 300_000 }),
  pipelines: () => queryOptions({ queryKey: ['pipelines', {}], queryFn: () => api.pipelines.listPipelines({}) }),
  pipeline: (pipeline: string) =>
    queryOptions({ queryKey: ['pipeline', { pipeline }], queryFn: () => api.pipelines.getPipeline({ pipeline }) }),
  cycles: (pipeline: string, pageSize = PAGE) =>
    queryOptions({
      queryKey: ['cycles', { pipeline, pageSize }],
      queryFn: () => api.cycles.listCycles({ pipeline, pageSize }),
    }),
  cycle: (pipeline: string, number: number) =>
    queryOptions({
      queryKey: ['cycle', { pipeline, number }],
      queryFn: () => api.cycles.getCycle({ pipeline, number }),
    }),
  decisions: (pipeline: string, pageSize = 20) =>
    queryOptions({
      queryKey: ['decisions', { pipeline, pageSize }],
      queryFn: () => api.events.listDecisions({ pipeline, pageSize }),
    }),
  events: (pipeline: string, fate: string, pageToken: string) =>
    queryOptions({
      queryKey: ['events', { pipeline, fate, pageToken }],
      queryFn: () => api.events.listEvents({ pipeline, fate, pageToken, pageSize: PAGE }),
    }),
  quarantined: (pipeline = '') =>
    queryOptions({
      queryKey: ['batches', { pipeline, state: 'quarantined' }],
      queryFn: () => api.data.listBatches({ pipeline, state: BatchState.QUARANTINED, pageSize: PAGE }),
    }),
  batch: (pipeline: string, batchId: string) =>
    queryOptions({
      queryKey: ['batches', { pipeline, batchId }],
      queryFn: () => api.data.getBatch({ pipeline, batchId }),
    }),
  approvals: (pipeline = '', state = '') =>
    queryOptions({
      queryKey: ['approvals', { pipeline, state }],
      queryFn: () => api.approvals.listApprovals({ pipeline, state }),
    }),
  approval: (approvalId: string) =>
    queryOptions({ queryKey: ['approvals', { approvalId }], queryFn: () => api.approvals.getApproval({ approvalId }) }),
  models: (pipeline: string) =>
    queryOptions({ queryKey: ['models', { pipeline }], queryFn: () => api.models.listModels({ pipeline }) }),
  incidents: (pipeline = '') =>
    queryOptions({ queryKey: ['incidents', { pipeline }], queryFn: () => api.incidents.listIncidents({ pipeline }) }),
  drift: (pipeline: string) =>
    queryOptions({
      queryKey: ['drift', { pipeline }],
      queryFn: () => api.drift.listDriftEvaluations({ pipeline, pageSize: 100 }),
    }),
  performance: (pipeline: string) =>
    queryOptions({
      queryKey: ['performance', { pipeline }],
      queryFn: () => api.drift.listPerformanceEvaluations({ pipeline, pageSize: 100 }),
    }),
  forecasts: (pipeline: string) =>
    queryOptions({
      queryKey: ['forecasts', { pipeline }],
      queryFn: () => api.drift.listForecasts({ pipeline, pageSize: PAGE }),
    }),
  rollout: (pipeline: string, cycleId: string) =>
    queryOptions({ queryKey: ['rollout', { pipeline, cycleId }], queryFn: () => api.rollouts.getRollout({ cycleId }) }),
  campaigns: (pipeline = '') =>
    queryOptions({ queryKey: ['campaigns', { pipeline }], queryFn: () => api.labeling.listCampaigns({ pipeline }) }),
  annotators: (pipeline = '') =>
    queryOptions({ queryKey: ['annotators', { pipeline }], queryFn: () => api.labeling.listAnnotators({ pipeline }) }),
  tasks: (campaignId: string) =>
    queryOptions({ queryKey: ['tasks', { campaignId }], queryFn: () => api.labeling.listTasks({ campaignId }) }),
  audit: (filter: { pipeline: string; cycleId: string; actor: string; pageToken: string }) =>
    queryOptions({
      queryKey: ['audit', filter],
      queryFn: () => api.audit.listAuditEntries({ ...filter, pageSize: PAGE }),
    }),
  parked: () => queryOptions({ queryKey: ['parked', {}], queryFn: () => api.operations.listParked({}) }),
  spans: (pipeline: string, cycleId: string) =>
    queryOptions({ queryKey: ['spans', { pipeline, cycleId }], queryFn: () => api.operations.listSpans({ cycleId }) }),
  /** Named by its digest, so it never becomes stale. */
  artifact: (digest: string) =>
    queryOptions({
      queryKey: ['artifact', { digest }],
      queryFn: () => api.operations.getArtifact({ digest }),
      staleTime: Infinity,
    }),
};
