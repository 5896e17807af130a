import {
  AliasEntrySchema,
  AnnotatorSchema,
  ApprovalSchema,
  AuditEntrySchema,
  BatchSchema,
  BatchState,
  CycleSchema,
  DecisionMadeSchema,
  DriftEvaluatedSchema,
  DriftState,
  IncidentSchema,
  LabelCampaignSchema,
  LedgerEventSchema,
  ModelVersionSchema,
  ParkedMessageSchema,
  PipelineSchema,
  RolloutSchema,
  ScoredForecastSchema,
  type AliasEntry,
  type Annotator,
  type Approval,
  type AuditEntry,
  type Batch,
  type Cycle,
  type DecisionMade,
  type DriftEvaluated,
  type Estimate,
  type FeatureDrift,
  type Finding,
  type Incident,
  type LabelCampaign,
  type LedgerEvent,
  type ModelVersion,
  type ParkedMessage,
  type Pipeline,
  type Rollout,
  type ScoredForecast,
} from '@rondo/contracts';
import { messageJson, type Shape } from './output.js';
import {
  boundsText,
  countText,
  estimateText,
  modelText,
  numberText,
  rangeText,
  timeText,
  verdictText,
} from './words.js';

const STATES: Readonly<Record<BatchState, string>> = {
  [BatchState.UNSPECIFIED]: '-',
  [BatchState.CHECKING]: 'Checking',
  [BatchState.READY]: 'Ready',
  [BatchState.QUARANTINED]: 'Quarantined',
  [BatchState.REJECTED]: 'Rejected',
  [BatchState.FAILED]: 'Failed',
};

/** `Ready`, `Quarantined` and so on. */
export const batchStateText = (state: BatchState): string => STATES[state] ?? '-';

export const pipelineShape: Shape<Pipeline> = {
  kind: 'pipeline',
  json: messageJson(PipelineSchema),
  name: (pipeline) => pipeline.name,
  columns: [
    { head: 'NAME', text: (pipeline) => pipeline.name },
    { head: 'GENERATION', text: (pipeline) => String(pipeline.generation) },
    { head: 'CHAMPION', text: (pipeline) => modelText(pipeline.champion) },
    {
      head: 'CYCLES',
      text: (pipeline) =>
        pipeline.suspended
          ? 'suspended'
          : pipeline.held
            ? `held: ${pipeline.holdReason}`
            : pipeline.activeCycleId === ''
              ? 'idle'
              : 'active',
    },
    {
      head: 'LAST DECISION',
      text: ({ lastDecision }) =>
        lastDecision?.record ? `${lastDecision.record.verdict}: ${lastDecision.record.reason}` : '-',
    },
  ],
};

/** `flights/7`. */
export const cycleName = (cycle: Cycle): string => `${cycle.pipeline}/${cycle.number}`;

export const cycleShape: Shape<Cycle> = {
  kind: 'cycle',
  json: messageJson(CycleSchema),
  name: cycleName,
  columns: [
    { head: 'CYCLE', text: cycleName },
    { head: 'PHASE', text: (cycle) => cycle.phase },
    { head: 'RESULT', text: (cycle) => cycle.result || '-' },
    { head: 'TRIGGER', text: (cycle) => cycle.trigger },
    { head: 'EVALUATION', text: (cycle) => verdictText(cycle.evaluationVerdict) },
    { head: 'STARTED', text: (cycle) => timeText(cycle.startedAt) },
    { head: 'WHY / NEXT', text: (cycle) => (cycle.result === '' ? cycle.next : cycle.reason) },
  ],
};

export const eventShape: Shape<LedgerEvent> = {
  kind: 'event',
  json: messageJson(LedgerEventSchema),
  name: (event) => event.eventId,
  columns: [
    { head: 'EVENT', text: (event) => event.eventId },
    { head: 'KIND', text: (event) => event.kind },
    { head: 'EVENT TIME', text: (event) => timeText(event.eventTime) },
    { head: 'FATE', text: (event) => event.fate },
    { head: 'REASON', text: (event) => event.reason || '-' },
    { head: 'SUMMARY', text: (event) => event.summary },
  ],
};

export const decisionShape: Shape<DecisionMade> = {
  kind: 'decision',
  json: messageJson(DecisionMadeSchema),
  name: (decision) => decision.decisionId,
  columns: [
    { head: 'DECISION', text: (decision) => decision.decisionId },
    { head: 'PIPELINE', text: (decision) => decision.pipeline },
    { head: 'EVENT TIME', text: (decision) => timeText(decision.eventTime) },
    { head: 'VERDICT', text: (decision) => decision.verdict },
    { head: 'REASON', text: (decision) => decision.reason },
    { head: 'EXPLANATION', text: (decision) => decision.explanation },
  ],
};

export const forecastShape: Shape<ScoredForecast> = {
  kind: 'forecast',
  json: messageJson(ScoredForecastSchema),
  name: ({ forecast }) => forecast?.forecastId ?? '',
  columns: [
    { head: 'SERIES', text: ({ forecast }) => forecast?.series ?? '' },
    { head: 'MADE FROM', text: ({ forecast }) => timeText(forecast?.madeFrom) },
    { head: 'VALUE', text: lastText },
    { head: 'HORIZON', text: ({ forecast }) => timeText(forecast?.points.at(-1)?.at) },
    { head: 'FORECAST', text: endText },
    { head: 'BREACH', text: breachText },
    { head: 'SKILL', text: skillText },
    { head: 'METHOD, N', text: ({ forecast }) => `${forecast?.method ?? ''}, ${countText(forecast?.n ?? 0)}` },
    { head: 'CAME', text: cameText },
    { head: 'ADVISORY', text: ({ forecast }) => forecast?.advisory || '-' },
  ],
};

/** Forecasts made before their numbers had intervals show the numbers. */
function measuredText(estimate: Estimate | undefined, value: number | undefined): string {
  return estimate ? boundsText(estimate) : numberText(value ?? 0);
}

function lastText({ forecast }: ScoredForecast): string {
  return measuredText(forecast?.lastValueEstimate, forecast?.lastValue);
}

function skillText({ forecast }: ScoredForecast): string {
  return `${measuredText(forecast?.skillEstimate, forecast?.skill)} (${forecast?.skillAgainst ?? ''})`;
}

/** The value at the horizon with its interval. */
function endText({ forecast }: ScoredForecast): string {
  const end = forecast?.points.at(-1);
  return end ? `${numberText(end.value)} [${numberText(end.lower)}, ${numberText(end.upper)}]` : '-';
}

/** How likely the limit is reached within the horizon, and when half of the possible futures have. */
function breachText({ forecast }: ScoredForecast): string {
  if (!forecast?.breachProbability) return '-';
  const when = forecast.breachExpected ? `, expected ${timeText(forecast.breachExpected).slice(0, 10)}` : '';
  const { value, lower, upper, n } = forecast.breachProbability;
  const [percent, least, most] = [value, lower ?? 0, upper ?? 1].map((share) => Math.round(100 * share));
  return `${percent} % [${least}, ${most}], n = ${countText(n)}, ${forecast.breachSide} ${numberText(forecast.limit)}${when}`;
}

/** The last step that has come, and what it was forecast to be. */
function cameText({ outcomes }: ScoredForecast): string {
  const last = outcomes.at(-1);
  if (!last) return '-';
  const where = last.insideInterval ? 'inside' : 'outside';
  return `${numberText(last.actual)}, forecast ${numberText(last.forecast)}, ${where} the interval`;
}

const DRIFT: Readonly<Record<DriftState, string>> = {
  [DriftState.UNSPECIFIED]: '-',
  [DriftState.CLEAR]: 'clear',
  [DriftState.NEGLIGIBLE]: 'negligible',
  [DriftState.SEASONAL]: 'seasonal',
  [DriftState.SUSPECTED]: 'suspected',
  [DriftState.DETECTED]: 'detected',
  [DriftState.INSUFFICIENT]: 'insufficient',
};

export const driftShape: Shape<DriftEvaluated> = {
  kind: 'drift',
  called: 'drift evaluation',
  json: messageJson(DriftEvaluatedSchema),
  name: (evaluation) => evaluation.evaluationId,
  columns: [
    { head: 'EVALUATION', text: (evaluation) => evaluation.evaluationId },
    { head: 'BATCH', text: (evaluation) => evaluation.batchId },
    { head: 'UP TO', text: (evaluation) => timeText(evaluation.window?.end) },
    { head: 'CHAMPION', text: (evaluation) => modelText(evaluation.model) },
    { head: 'STATE', text: (evaluation) => DRIFT[evaluation.state] },
    { head: 'DRIFT', text: (evaluation) => estimateText(evaluation.importanceWeighted) },
    { head: 'FEATURES', text: movedText },
  ],
};

/** The features that are not clear, those that matter most first. */
function movedText({ features }: DriftEvaluated): string {
  const moved = features.filter(({ state }) => state !== DriftState.CLEAR && state !== DriftState.INSUFFICIENT);
  if (moved.length === 0) return `none of ${features.length}`;
  return moved
    .toSorted((a, b) => b.importance * (b.psi?.value ?? 0) - a.importance * (a.psi?.value ?? 0))
    .map(movedFeatureText)
    .join('; ');
}

function movedFeatureText({ feature, state, psi, wasserstein, jensenShannon, season }: FeatureDrift): string {
  const usual = season?.effect
    ? `, ${estimateText(season.effect)} against ${countText(season.windows)} of its season`
    : '';
  const distances = [psi, wasserstein, jensenShannon].filter((one) => one !== undefined).map(estimateText);
  return `${feature} ${DRIFT[state]}: ${distances.join(', ')}${usual}`;
}

/** A finding with its rule and a few of the rows it is about. */
export const findingLines = ({ code, message, rule, samplesJson }: Finding): string[] => [
  `${code}: ${message}${rule === '' ? '' : ` (rule: ${rule})`}`,
  ...samplesJson.map((row) => `    ${row}`),
];

export const batchShape: Shape<Batch> = {
  kind: 'batch',
  json: messageJson(BatchSchema),
  name: (batch) => batch.batchId,
  columns: [
    { head: 'BATCH', text: (batch) => batch.batchId },
    { head: 'INTERVAL', text: (batch) => rangeText(batch.dataInterval) },
    { head: 'STATE', text: (batch) => batchStateText(batch.state) },
    { head: 'ROWS', text: (batch) => countText(batch.rows) },
    { head: 'FINDINGS', text: (batch) => batch.findings.map((finding) => finding.code).join(', ') || '-' },
  ],
  details: ({ uri, decidedBy, reason, findings }) => [
    `data      ${uri}`,
    ...(decidedBy ? [`decided   by ${decidedBy.id}: ${reason}`] : []),
    ...findings.flatMap(findingLines),
  ],
};

export const approvalShape: Shape<Approval> = {
  kind: 'approval',
  json: messageJson(ApprovalSchema),
  name: (approval) => approval.approvalId,
  columns: [
    { head: 'APPROVAL', text: (approval) => approval.approvalId },
    { head: 'PIPELINE', text: (approval) => approval.pipeline },
    { head: 'MODEL', text: (approval) => modelText(approval.candidate) },
    { head: 'STATE', text: (approval) => approval.state },
    {
      head: 'VOTES',
      text: ({ votes, votesNeeded }) => `${votes.filter((vote) => vote.approve).length} of ${votesNeeded}`,
    },
    { head: 'EXPIRES', text: (approval) => timeText(approval.expiresAt) },
  ],
};

export const rolloutShape: Shape<Rollout> = {
  kind: 'rollout',
  json: messageJson(RolloutSchema),
  name: (rollout) => rollout.rolloutId,
  columns: [
    { head: 'ROLLOUT', text: (rollout) => rollout.rolloutId },
    { head: 'ENDPOINT', text: (rollout) => rollout.endpoint },
    { head: 'STATE', text: (rollout) => rollout.state },
    { head: 'STEP', text: ({ steps, stepIndex }) => steps[stepIndex]?.name ?? '-' },
    { head: 'WEIGHT', text: (rollout) => `${rollout.weightPercent} %` },
    { head: 'CANDIDATE', text: (rollout) => modelText(rollout.candidate) },
    {
      head: 'WAITS FOR',
      text: (rollout) =>
        rollout.state === 'Running' || rollout.state === 'Paused' ? rollout.waitingFor : rollout.cause,
    },
  ],
};

export const modelShape: Shape<ModelVersion> = {
  kind: 'model',
  json: messageJson(ModelVersionSchema),
  name: (version) => modelText(version.model),
  columns: [
    { head: 'MODEL', text: (version) => modelText(version.model) },
    { head: 'PIPELINE', text: (version) => version.pipeline },
    { head: 'ALIASES', text: (version) => version.aliases.join(', ') || '-' },
    { head: 'CANDIDATE', text: (version) => version.candidate },
    { head: 'REGISTERED', text: (version) => timeText(version.registeredAt) },
    { head: 'METRICS', text: (version) => version.metrics.slice(0, 2).map(estimateText).join('; ') },
  ],
};

export const championShape: Shape<AliasEntry> = {
  kind: 'champion',
  json: messageJson(AliasEntrySchema),
  name: (entry) => modelText(entry.model),
  columns: [
    { head: 'MODEL', text: (entry) => modelText(entry.model) },
    { head: 'SINCE', text: (entry) => timeText(entry.since) },
    { head: 'UNTIL', text: (entry) => (entry.until ? timeText(entry.until) : 'now') },
    { head: 'MOVED BY', text: (entry) => entry.actor?.id ?? '-' },
    { head: 'WHY', text: (entry) => entry.reason || '-' },
    { head: 'CYCLE', text: (entry) => entry.cycleId || '-' },
  ],
};

export const incidentShape: Shape<Incident> = {
  kind: 'incident',
  json: messageJson(IncidentSchema),
  name: (incident) => incident.incidentId,
  columns: [
    { head: 'INCIDENT', text: (incident) => incident.incidentId },
    { head: 'PIPELINE', text: (incident) => incident.pipeline },
    { head: 'STATE', text: (incident) => incident.state },
    { head: 'OPENED', text: (incident) => timeText(incident.openedAt) },
    {
      head: 'CYCLE',
      text: ({ pipeline, cycleNumber }) => (cycleNumber === 0 ? '-' : `${pipeline}/${cycleNumber}`),
    },
    { head: 'SUMMARY', text: (incident) => incident.summary },
  ],
  details: ({ postmortem, actionItems }) => [
    ...(postmortem === '' ? [] : [`postmortem  ${postmortem}`]),
    ...actionItems.map((item) => `to do       ${item}`),
  ],
};

export const parkedShape: Shape<ParkedMessage> = {
  kind: 'parked',
  called: 'parked message',
  json: messageJson(ParkedMessageSchema),
  name: (message) => message.id,
  columns: [
    { head: 'ID', text: (message) => message.id },
    { head: 'CONSUMER', text: (message) => message.consumer },
    { head: 'TYPE', text: (message) => message.type },
    { head: 'ATTEMPTS', text: (message) => String(message.attempts) },
    { head: 'PARKED', text: (message) => timeText(message.parkedAt) },
    { head: 'REASON', text: (message) => message.reason },
  ],
};

export const auditShape: Shape<AuditEntry> = {
  kind: 'entry',
  json: messageJson(AuditEntrySchema),
  name: (entry) => `${entry.service}/${entry.stream}/${entry.version}`,
  columns: [
    { head: 'AT', text: (entry) => timeText(entry.at) },
    { head: 'ACTOR', text: (entry) => entry.actor || '-' },
    { head: 'TYPE', text: (entry) => entry.type },
    { head: 'STREAM', text: (entry) => `${entry.service}/${entry.stream}` },
    { head: 'VERSION', text: (entry) => String(entry.version) },
    { head: 'HASH', text: (entry) => entry.hash.slice(0, 12) },
  ],
};

export const campaignShape: Shape<LabelCampaign> = {
  kind: 'campaign',
  json: messageJson(LabelCampaignSchema),
  name: (campaign) => campaign.campaignId,
  columns: [
    { head: 'CAMPAIGN', text: (campaign) => campaign.campaignId },
    { head: 'PIPELINE', text: (campaign) => campaign.pipeline },
    { head: 'STATE', text: (campaign) => campaign.state },
    { head: 'ANSWERED', text: (campaign) => `${campaign.answered} of ${campaign.tasks}` },
    { head: 'SKIPPED', text: (campaign) => String(campaign.skipped) },
    { head: 'DUE', text: (campaign) => timeText(campaign.dueAt) },
    { head: 'QUALITY', text: (campaign) => campaign.quality.map(estimateText).join('; ') || '-' },
    {
      head: 'VERDICT',
      text: (campaign) => (campaign.state === 'Open' ? '-' : verdictText(campaign.verdict)),
    },
    { head: 'BECAUSE', text: (campaign) => campaign.explanation || '-' },
  ],
};

export const annotatorShape: Shape<Annotator> = {
  kind: 'annotator',
  json: messageJson(AnnotatorSchema),
  name: ({ pipeline, annotator }) => `${pipeline}/${annotator}`,
  columns: [
    { head: 'ANNOTATOR', text: ({ annotator }) => annotator },
    { head: 'PIPELINE', text: ({ pipeline }) => pipeline },
    { head: 'STATE', text: ({ state }) => state },
    { head: 'ANSWERED', text: ({ answered }) => String(answered) },
    { head: 'GOLD', text: ({ accuracy }) => estimateText(accuracy) },
    {
      head: 'WHY',
      text: ({ explanation, goldTasksNeeded }) =>
        explanation || (goldTasksNeeded > 0 ? `${goldTasksNeeded} more gold tasks before anything is concluded` : '-'),
    },
  ],
};
