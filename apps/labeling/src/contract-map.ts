import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  ActorKind,
  type AnswerSchema,
  LabelCampaignClosedSchema,
  LabelCampaignOpenedSchema,
  LabelCampaignSchema,
  LabelRecordedSchema,
  LabelTaskSchema,
  StepFailedSchema,
  TimerFiredSchema,
  type LabelCampaign,
  type LabelTask,
  type OpenLabelCampaign,
} from '@rondo/contracts';
import type { Outgoing } from '@rondo/journal';
import { canonicalJson, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { Principal } from '@rondo/security';
import type { JobFailure } from '@rondo/service';
import { DUE_TIMER, SERVICE } from './campaign-store.js';
import type { CampaignEnd, CampaignRules, CampaignState, QualityEstimate } from './domain/campaign.js';
import { showsSuggestion, stateOf, type AnswerState, type TaskState } from './domain/task.js';

/** What a command to open a campaign says, as plain JSON, so that a job can carry it. */
export interface CampaignRequest {
  readonly [field: string]: string | number;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
  readonly policyGeneration: number;
  readonly snapshotDigest: string;
  readonly reviewDigest: string;
  /** Empty before the first champion. */
  readonly championDigest: string;
}

export function requestFrom(command: OpenLabelCampaign): CampaignRequest {
  if (!command.reviewArtifact) {
    throw new PermanentError('invalid', 'OpenLabelCampaign names no review artifact', {
      field: 'review_artifact',
      rule: 'required',
    });
  }
  const { pipeline, cycleId, idempotencyKey, snapshotDigest } = command;
  return {
    pipeline,
    cycleId,
    idempotencyKey,
    snapshotDigest,
    policyGeneration: Number(command.policyGeneration),
    reviewDigest: command.reviewArtifact.digest,
    championDigest: command.champion?.digest ?? '',
  };
}

export function rulesFrom(labeling: NonNullable<PipelineSpec['labeling']>): CampaignRules {
  const { question, guideline, classes, annotatorsPerTask, quality, onExhausted } = labeling;
  return {
    question,
    guideline,
    classes,
    annotatorsPerTask,
    minCoverage: quality.minCoverage,
    ...(quality.minAgreement !== undefined && { minAgreement: quality.minAgreement }),
    onExhausted,
  };
}

function outgoing<D extends DescMessage>(
  schema: D,
  init: MessageInitShape<D>,
  about: { readonly pipeline: string; readonly cycleId: string },
): Outgoing {
  const message: MessageShape<D> = create(schema, init);
  return { schema, message, key: about.pipeline, headers: { cycleid: about.cycleId } };
}

export function openedFact({ pipeline, cycleId, campaignId, tasks, dueAtMs, rules }: CampaignState): Outgoing {
  const init = { pipeline, cycleId, campaignId, tasks, dueAt: timestampFromMs(dueAtMs), question: rules.question };
  return outgoing(LabelCampaignOpenedSchema, init, { pipeline, cycleId });
}

export function dueTimer({ pipeline, cycleId, campaignId, dueAtMs }: CampaignState): Outgoing {
  const init = { service: SERVICE, timer: DUE_TIMER, subject: campaignId, dueAt: timestampFromMs(dueAtMs), pipeline };
  return outgoing(TimerFiredSchema, init, { pipeline, cycleId });
}

export function recordedFact(task: TaskState, answer: AnswerState, principal: Principal, cycleId: string): Outgoing {
  const { pipeline, campaignId, taskId, rowKey, suggestion } = task;
  const init = {
    pipeline,
    campaignId,
    taskId,
    rowKey,
    annotator: { id: principal.id, kind: ActorKind.HUMAN, roles: [...principal.roles] },
    revision: answer.revision,
    answer: answer.answer,
    rationale: answer.rationale,
    suggestionShown: answer.suggestionShown,
    suggestion: suggestion?.answer ?? '',
    suggestionConfidence: suggestion?.confidence ?? 0,
    tookMs: BigInt(answer.tookMs),
    skipped: answer.skipped,
  };
  return outgoing(LabelRecordedSchema, init, { pipeline, cycleId });
}

export function closedFact(campaign: CampaignState, end: CampaignEnd): Outgoing {
  const { pipeline, cycleId, campaignId } = campaign;
  const { labelSet, passed, reason, answered, unanswered } = end;
  const init = {
    pipeline,
    cycleId,
    campaignId,
    ...(labelSet && {
      labelSet: { digest: labelSet.digest, mediaType: 'application/json', sizeBytes: BigInt(labelSet.sizeBytes) },
    }),
    quality: end.quality.map(estimateTo),
    passed,
    reason,
    answered,
    unanswered,
  };
  return outgoing(LabelCampaignClosedSchema, init, { pipeline, cycleId });
}

export function failedFact(request: CampaignRequest, { code, message, attempts }: JobFailure): Outgoing {
  const { pipeline, cycleId, idempotencyKey } = request;
  return outgoing(
    StepFailedSchema,
    { pipeline, cycleId, step: 'label', idempotencyKey, code, message, attempts },
    { pipeline, cycleId },
  );
}

function estimateTo(estimate: QualityEstimate): Omit<QualityEstimate, 'n'> & { readonly n: bigint } {
  return { ...estimate, n: BigInt(estimate.n) };
}

export function campaignTo(campaign: CampaignState): LabelCampaign {
  const { pipeline, cycleId, campaignId, rules, tasks, answered, skipped, openedAtMs, dueAtMs, end } = campaign;
  return create(LabelCampaignSchema, {
    pipeline,
    cycleId,
    campaignId,
    state: end ? 'Closed' : 'Open',
    question: rules.question,
    guideline: rules.guideline,
    classes: rules.classes.map(({ value, title }) => ({ value, title })),
    tasks,
    answered,
    skipped,
    openedAt: timestampFromMs(openedAtMs),
    dueAt: timestampFromMs(dueAtMs),
    quality: (end?.quality ?? []).map(estimateTo),
    closeReason: end?.reason ?? '',
  });
}

/** Who looks at a task, and when. */
export interface Viewing {
  readonly principal: Principal;
  readonly campaign: CampaignState;
  readonly nowMs: number;
}

/**
 * A task as the viewer may see it. While the campaign is open an annotator who has not answered yet sees neither the answers
 * of others nor, on a blind task, the suggestion: answers must be independent to be worth comparing.
 */
export function taskTo(
  { state: task, version }: { readonly state: TaskState; readonly version: number },
  viewing: Viewing,
): LabelTask {
  const { principal, campaign, nowMs } = viewing;
  const mine = task.answers.some((answer) => answer.annotator === principal.id);
  const open = campaign.end === undefined;
  const judges = open && principal.roles.includes('annotator') && !mine;
  const suggestion = !open || showsSuggestion(task, principal.id) ? task.suggestion : undefined;
  return create(LabelTaskSchema, {
    campaignId: task.campaignId,
    taskId: task.taskId,
    rowKey: task.rowKey,
    rowJson: JSON.stringify(task.row),
    reviewReason: task.reviewReason,
    suggestion: suggestion?.answer ?? '',
    suggestionConfidence: suggestion?.confidence ?? 0,
    blind: task.blind,
    state: stateOf(task, campaign.rules.annotatorsPerTask, nowMs),
    answers: judges ? [] : task.answers.map(answerTo),
    etag: `v${version}`,
    uncertainty: task.uncertainty,
    ...(task.lease && { leaseUntil: timestampFromMs(task.lease.untilMs) }),
  });
}

function answerTo(state: AnswerState): MessageInitShape<typeof AnswerSchema> {
  const { revision, annotator, answer, rationale, suggestionShown, atMs, tookMs, skipped } = state;
  return {
    revision,
    annotator,
    answer,
    rationale,
    suggestionShown,
    at: timestampFromMs(atMs),
    tookMs: BigInt(tookMs),
    skipped,
  };
}

/** The label set as it is stored: row key to 0 or 1, canonical, so that equal labels are one artifact. */
export function labelSetBytes(labels: Readonly<Record<string, number>>): Uint8Array {
  return new TextEncoder().encode(canonicalJson(labels));
}
