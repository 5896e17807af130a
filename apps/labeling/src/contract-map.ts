import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  ActorKind,
  AnnotatorPausedSchema,
  AnnotatorResumedSchema,
  AnnotatorSchema,
  type Annotator,
  type AnswerSchema,
  LabelCampaignClosedSchema,
  LabelCampaignExtendedSchema,
  LabelCampaignOpenedSchema,
  LabelCampaignSchema,
  LabelRecordedSchema,
  LabelTaskSchema,
  StepFailedSchema,
  TimerFiredSchema,
  Verdict,
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
import { skillOf, type AnnotatorState, type Pause } from './domain/annotator.js';
import { NO_GOLD, type CampaignEnd, type CampaignRules, type CampaignState } from './domain/campaign.js';
import type { LabelVerdict, QualityEstimate } from './domain/quality.js';
import { asAnyOther, showsSuggestion, stateOf, type AnswerState, type TaskState } from './domain/task.js';

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
  const { question, guideline, classes, annotatorsPerTask, quality, gold, onExhausted } = labeling;
  return {
    question,
    guideline,
    classes,
    annotatorsPerTask,
    minCoverage: quality.minCoverage,
    ...(quality.minAgreement !== undefined && { minAgreement: quality.minAgreement }),
    ...(gold && { gold: { share: gold.share, minAccuracy: gold.minAccuracy } }),
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

export function pausedFact(state: AnnotatorState, pause: Pause, cycleId: string): Outgoing {
  const { pipeline, annotator } = state;
  const { campaignId, explanation } = pause;
  const accuracy = accuracyTo(state);
  const chanceBelowLimit = skillOf(state).chanceBelowFloor;
  const init = { pipeline, annotator, campaignId, chanceBelowLimit, explanation, ...(accuracy && { accuracy }) };
  return outgoing(AnnotatorPausedSchema, init, { pipeline, cycleId });
}

export function resumedFact({ pipeline, annotator }: AnnotatorState, principal: Principal, reason: string): Outgoing {
  const by = { id: principal.id, kind: ActorKind.HUMAN, roles: [...principal.roles] };
  return {
    schema: AnnotatorResumedSchema,
    message: create(AnnotatorResumedSchema, { pipeline, annotator, by, reason }),
    key: pipeline,
  };
}

function accuracyTo(state: AnnotatorState) {
  const { gold, minAccuracy } = state;
  const { mean, lower, upper } = skillOf(state).accuracy;
  if (gold.tasks === 0) return undefined;
  return {
    name: 'goldAccuracy',
    value: mean,
    lower,
    upper,
    confidence: 0.95,
    n: BigInt(gold.tasks),
    slice: 'all',
    method: 'posterior mean, uniform prior, equal-tailed credible interval',
    limit: minAccuracy,
  };
}

/** An annotator as people see them. */
export function annotatorTo(state: AnnotatorState): Annotator {
  const { pipeline, annotator, answered, pause } = state;
  const { chanceBelowFloor, tasksNeeded } = skillOf(state);
  const accuracy = accuracyTo(state);
  return create(AnnotatorSchema, {
    pipeline,
    annotator,
    state: pause ? 'Paused' : 'Active',
    ...(accuracy && { accuracy }),
    chanceBelowLimit: chanceBelowFloor,
    goldTasksNeeded: tasksNeeded,
    answered,
    ...(pause && { pausedAt: timestampFromMs(pause.atMs), explanation: pause.explanation }),
  });
}

export function closedFact(campaign: CampaignState, end: CampaignEnd, goldTaskIds: readonly string[]): Outgoing {
  const { pipeline, cycleId, campaignId } = campaign;
  const { labelSet, passed, verdict, reason, answered, unanswered } = end;
  const init = {
    pipeline,
    cycleId,
    campaignId,
    ...(labelSet && {
      labelSet: { digest: labelSet.digest, mediaType: 'application/json', sizeBytes: BigInt(labelSet.sizeBytes) },
    }),
    quality: end.quality.map(estimateTo),
    passed,
    ...(verdict && verdictTo(verdict)),
    reason,
    answered,
    unanswered,
    goldTaskIds: [...goldTaskIds],
  };
  return outgoing(LabelCampaignClosedSchema, init, { pipeline, cycleId });
}

export function extendedFact(campaign: CampaignState, agreement: QualityEstimate): Outgoing {
  const { pipeline, cycleId, campaignId, rules, extended } = campaign;
  const init = {
    pipeline,
    cycleId,
    campaignId,
    answersPerTask: rules.annotatorsPerTask,
    agreement: estimateTo(agreement),
    explanation: extended?.explanation ?? '',
  };
  return outgoing(LabelCampaignExtendedSchema, init, { pipeline, cycleId });
}

const VERDICTS: Readonly<Record<LabelVerdict['verdict'], Verdict>> = {
  Pass: Verdict.PASS,
  Fail: Verdict.FAIL,
  Inconclusive: Verdict.INCONCLUSIVE,
};

function verdictTo({ verdict, explanation, moreTasks }: LabelVerdict) {
  return { verdict: VERDICTS[verdict], explanation, ...(moreTasks !== undefined && { moreTasksNeeded: moreTasks }) };
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

/** A campaign as people see it. While it is open, gold tasks count like any other: progress must not give them away. */
export function campaignTo(campaign: CampaignState): LabelCampaign {
  const { pipeline, cycleId, campaignId, rules, tasks, answered, skipped, openedAtMs, dueAtMs, end } = campaign;
  const { gold = NO_GOLD, extended } = campaign;
  const hidden = end ? NO_GOLD : gold;
  return create(LabelCampaignSchema, {
    pipeline,
    cycleId,
    campaignId,
    state: end ? 'Closed' : 'Open',
    question: rules.question,
    guideline: rules.guideline,
    classes: rules.classes.map(({ value, title }) => ({ value, title })),
    tasks: tasks + hidden.tasks,
    answered: answered + hidden.done,
    skipped,
    openedAt: timestampFromMs(openedAtMs),
    dueAt: timestampFromMs(dueAtMs),
    quality: (end?.quality ?? []).map(estimateTo),
    closeReason: end?.reason ?? '',
    answersPerTask: rules.annotatorsPerTask,
    ...(end?.verdict && verdictTo(end.verdict)),
    ...(!end && extended && { explanation: extended.explanation }),
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
 * of others nor, on a blind task, the suggestion: answers must be independent to be worth comparing. Nor does anything tell a gold
 * task apart before the campaign is closed.
 */
export function taskTo(
  { state: stored, version }: { readonly state: TaskState; readonly version: number },
  viewing: Viewing,
): LabelTask {
  const { principal, campaign, nowMs } = viewing;
  const { annotatorsPerTask } = campaign.rules;
  const open = campaign.end === undefined;
  const annotates = open && principal.roles.includes('annotator');
  const task = annotates ? asAnyOther(stored, principal.id, annotatorsPerTask) : stored;
  const judges = annotates && !task.answers.some((answer) => answer.annotator === principal.id);
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
    state: stateOf(task, annotatorsPerTask, nowMs),
    answers: judges ? [] : task.answers.map(answerTo),
    etag: `v${version}`,
    uncertainty: task.uncertainty,
    knownAnswer: open ? '' : (task.gold ?? ''),
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
