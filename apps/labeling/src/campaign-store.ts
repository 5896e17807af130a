import type { Journal, Outgoing, Stored, Unit } from '@rondo/journal';
import { PermanentError } from '@rondo/kernel';
import type { AnnotatorState } from './domain/annotator.js';
import type { CampaignState } from './domain/campaign.js';
import { isDone, type TaskState } from './domain/task.js';

type Source = Pick<Unit | Journal, 'load' | 'list'>;

/** Name of the service in timers. */
export const SERVICE = 'labeling';
/** Timer that ends a campaign. */
export const DUE_TIMER = 'campaign-due';

const CAMPAIGN = 'label-campaign';
const TASK = 'label-task';
const ANNOTATOR = 'annotator';
const ANNOTATORS_SHOWN = 1_000;
const TASKS_MAX = 10_000;
const CAMPAIGNS_SHOWN = 100;

export const dueTimerId = (campaignId: string): string => `${DUE_TIMER}/${campaignId}`;
const taskKey = (campaignId: string, taskId: string): string => `${campaignId}/${taskId}`;

/** `not-found` of something a caller named. */
export function notFound(field: string, value: string, what: string): PermanentError {
  return new PermanentError('not-found', `there is no ${what} "${value}"`, { field, value, rule: 'exists' });
}

/** The campaign. Throws PermanentError `not-found`. */
export async function loadCampaign(source: Source, campaignId: string): Promise<Stored<CampaignState>> {
  const stored = await source.load<CampaignState>(CAMPAIGN, campaignId);
  if (!stored) throw notFound('campaign_id', campaignId, 'campaign');
  return stored;
}

/** The campaign, if it was opened. */
export function findCampaign(source: Source, campaignId: string): Promise<Stored<CampaignState> | undefined> {
  return source.load<CampaignState>(CAMPAIGN, campaignId);
}

/** Newest first; of one pipeline, or of all when it is empty. */
export async function listCampaigns(source: Source, pipeline: string): Promise<CampaignState[]> {
  const orderBy = { index: 'openedAtMs', direction: 'desc' } as const;
  const page = await source.list<CampaignState>(CAMPAIGN, {
    ...(pipeline !== '' && { where: { pipeline } }),
    orderBy,
    limit: CAMPAIGNS_SHOWN,
  });
  return page.items.map(({ state }) => state);
}

/** Campaigns of a cycle that still take answers. */
export async function openCampaignsOf(source: Source, cycleId: string): Promise<CampaignState[]> {
  const page = await source.list<CampaignState>(CAMPAIGN, { where: { cycleId, open: 1 } });
  return page.items.map(({ state }) => state);
}

export function saveCampaign(unit: Unit, campaign: CampaignState, outgoing: readonly Outgoing[] = []): void {
  const { pipeline, cycleId, openedAtMs } = campaign;
  const index = { pipeline, cycleId, openedAtMs, open: campaign.end ? 0 : 1 };
  unit.save({ kind: CAMPAIGN, id: campaign.campaignId, state: campaign, index, outgoing });
}

/** The task. Throws PermanentError `not-found`. */
export async function loadTask(source: Source, campaignId: string, taskId: string): Promise<Stored<TaskState>> {
  const stored = await source.load<TaskState>(TASK, taskKey(campaignId, taskId));
  if (!stored) throw notFound('task_id', taskId, 'task');
  return stored;
}

/** Every task of the campaign in the order in which it is asked. */
export async function listTasks(source: Source, campaignId: string): Promise<Stored<TaskState>[]> {
  return tasksWhere(source, { campaignId });
}

/** Tasks that still need answers, in the order in which they are asked. */
export async function listUnfinishedTasks(source: Source, campaignId: string): Promise<Stored<TaskState>[]> {
  return tasksWhere(source, { campaignId, unfinished: 1 });
}

async function tasksWhere(source: Source, where: Record<string, string | number>): Promise<Stored<TaskState>[]> {
  const page = await source.list<TaskState>(TASK, {
    where,
    orderBy: { index: 'rank', direction: 'asc' },
    limit: TASKS_MAX,
  });
  return page.items;
}

export function saveTask(
  unit: Unit,
  task: TaskState,
  annotatorsPerTask: number,
  outgoing: readonly Outgoing[] = [],
): void {
  const { campaignId, taskId, rank } = task;
  const index = { campaignId, rank, unfinished: isDone(task, annotatorsPerTask) ? 0 : 1 };
  unit.save({ kind: TASK, id: taskKey(campaignId, taskId), state: task, index, outgoing });
}

const annotatorKey = (pipeline: string, annotator: string): string => `${pipeline}/${annotator}`;

/** What is known of an annotator; nothing before the pipeline has gold tasks. */
export async function findAnnotator(
  source: Source,
  pipeline: string,
  annotator: string,
): Promise<AnnotatorState | undefined> {
  return (await source.load<AnnotatorState>(ANNOTATOR, annotatorKey(pipeline, annotator)))?.state;
}

/** Annotators by name; of one pipeline, or of all when it is empty. */
export async function listAnnotators(
  source: Source,
  where: { readonly pipeline: string; readonly annotator?: string },
): Promise<AnnotatorState[]> {
  const { pipeline, annotator } = where;
  const page = await source.list<AnnotatorState>(ANNOTATOR, {
    where: { ...(pipeline !== '' && { pipeline }), ...(annotator !== undefined && { annotator }) },
    limit: ANNOTATORS_SHOWN,
  });
  return page.items.map(({ state }) => state);
}

export function saveAnnotator(unit: Unit, state: AnnotatorState, outgoing: readonly Outgoing[] = []): void {
  const { pipeline, annotator } = state;
  unit.save({
    kind: ANNOTATOR,
    id: annotatorKey(pipeline, annotator),
    state,
    index: { pipeline, annotator },
    outgoing,
  });
}
