import type { Cause, Journal, Unit } from '@rondo/journal';
import { assert, idFrom, PermanentError, type Clock } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { DurableJobs, JobFailure, JobResult, JobRun, PolicyGenerations } from '@rondo/service';
import { dueTimerId, findCampaign, saveCampaign, saveTask } from '../campaign-store.js';
import { dueTimer, failedFact, openedFact, rulesFrom, type CampaignRequest } from '../contract-map.js';
import { isComplete, type CampaignState } from '../domain/campaign.js';
import { chooseWithGold, taskFor } from '../domain/selection.js';
import type { TaskState } from '../domain/task.js';
import type { ReviewRows } from '../ports/review-rows.js';
import type { Suggester } from '../ports/suggester.js';
import type { CloseCampaign } from './close-campaign.js';

/** Kind of the job that reads, scores and opens. */
export const OPEN_JOB = 'open-label-campaign';

/** One campaign per command: a repeated command finds it, another attempt of the step gets its own. */
export const campaignIdOf = (request: Pick<CampaignRequest, 'cycleId' | 'idempotencyKey'>): string =>
  idFrom('label-campaign', request.cycleId, request.idempotencyKey);

/** What {@link OpenCampaign} works with. */
export interface OpenCampaignParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly jobs: DurableJobs;
  readonly policies: PolicyGenerations;
  readonly rows: ReviewRows;
  readonly suggester: Suggester;
  readonly closing: CloseCampaign;
  readonly openTimeoutMs: number;
}

type Labeling = NonNullable<PipelineSpec['labeling']>;

/** Opens a campaign: rows with a review reason are scored by the champion and the most uncertain become tasks. */
export class OpenCampaign {
  constructor(private readonly parts: OpenCampaignParts) {
    parts.jobs.define<CampaignRequest>({
      kind: OPEN_JOB,
      concurrency: 1,
      run: (request, run) => this.prepare(request, run),
      failed: (unit, request, failure) => this.fail(unit, request, failure),
    });
  }

  /** Queues the work and returns. */
  async execute(request: CampaignRequest, cause: Cause): Promise<void> {
    const { journal, clock, jobs, openTimeoutMs } = this.parts;
    const { pipeline, cycleId } = request;
    const id = campaignIdOf(request);
    await journal.once(cause, async (unit) => {
      unit.save({ kind: 'label-request', id, state: request, index: { cycleId } });
      await jobs.enqueue(unit, {
        kind: OPEN_JOB,
        id,
        pipeline,
        input: request,
        deadlineAtMs: clock.now() + openTimeoutMs,
      });
    });
  }

  private async prepare(request: CampaignRequest, { signal, heartbeat }: JobRun): Promise<JobResult> {
    const { journal, policies, rows, suggester } = this.parts;
    const spec = await policies.spec(journal, request.pipeline, request.policyGeneration);
    const { labeling, columns } = viewOf(spec);
    const campaignId = campaignIdOf(request);
    const table = await rows.read(request.reviewDigest, columns, signal);
    heartbeat(0.3);
    const probabilities =
      request.championDigest === ''
        ? undefined
        : await suggester.probabilities(request.championDigest, table.features, table.rowKeys.length);
    heartbeat(0.6);
    const chosen = chooseWithGold(table, probabilities, {
      maxItems: labeling.maxItems,
      controlShare: labeling.controlShare,
      salt: campaignId,
      share: labeling.gold?.share ?? 0,
    });
    const keys = chosen.map(({ position }) => at(table.rowKeys, position));
    const shown = await rows.show(request.reviewDigest, columns, keys, signal);
    const tasks = chosen.map(({ position, uncertainty, arm }, rank) =>
      taskFor(
        {
          rowKey: at(table.rowKeys, position),
          reviewReason: at(table.reviewReasons, position),
          row: shown[rank] ?? {},
        },
        {
          pipeline: request.pipeline,
          campaignId,
          rank,
          uncertainty,
          arm,
          probability: probabilities?.[position],
          blindShare: labeling.suggestions.blindShare,
          gold: at(table.knownAnswers, position),
        },
      ),
    );
    const doubtfulRows = table.knownAnswers.filter((answer) => answer === null).length;
    return (unit) => this.open(unit, request, { labeling, tasks, doubtfulRows });
  }

  private async open(
    unit: Unit,
    request: CampaignRequest,
    { labeling, tasks, doubtfulRows }: { labeling: Labeling; tasks: readonly TaskState[]; doubtfulRows: number },
  ): Promise<void> {
    const campaignId = campaignIdOf(request);
    if (await findCampaign(unit, campaignId)) return;
    const openedAtMs = this.parts.clock.now();
    const golden = tasks.filter(({ gold }) => gold !== undefined).length;
    const campaign: CampaignState = {
      pipeline: request.pipeline,
      cycleId: request.cycleId,
      campaignId,
      policyGeneration: request.policyGeneration,
      snapshotDigest: request.snapshotDigest,
      rules: rulesFrom(labeling),
      doubtfulRows,
      tasks: tasks.length - golden,
      answered: 0,
      skipped: 0,
      ...(golden > 0 && { gold: { tasks: golden, done: 0 } }),
      openedAtMs,
      dueAtMs: openedAtMs + labeling.maxDurationMs,
    };
    for (const task of tasks) saveTask(unit, task, labeling.annotatorsPerTask);
    saveCampaign(unit, campaign, [openedFact(campaign)]);
    if (isComplete(campaign)) return this.parts.closing.complete(unit, campaign);
    unit.schedule({ id: dueTimerId(campaignId), atMs: campaign.dueAtMs, outgoing: dueTimer(campaign) });
  }

  private fail(unit: Unit, request: CampaignRequest, failure: JobFailure): void {
    const { cycleId } = request;
    unit.save({
      kind: 'label-request',
      id: campaignIdOf(request),
      state: request,
      index: { cycleId },
      outgoing: [failedFact(request, failure)],
    });
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  assert(item !== undefined, `no row at ${index}`);
  return item;
}

function viewOf(spec: PipelineSpec) {
  const { labeling, data, model } = spec;
  const { reviewReason } = data.features;
  if (!labeling || reviewReason === undefined) {
    throw new PermanentError('failed-precondition', `the policy of ${spec.name} asks for no labeling`, {
      field: 'spec.labeling',
      rule: 'present when a campaign is opened',
    });
  }
  const columns = {
    key: data.features.key,
    reviewReason,
    features: data.features.columns,
    target: model.target.column,
    ...(labeling.gold && { gold: labeling.gold.column }),
  };
  return { labeling, columns };
}
