import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import {
  AnalysisMeasuredSchema,
  ApprovalVotedSchema,
  ArrivalMergedSchema,
  BatchQuarantinedSchema,
  BatchReadySchema,
  CandidateFailedSchema,
  CandidateSelectedSchema,
  CandidateTrainedSchema,
  ChampionChangedSchema,
  CycleFinishedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  EvaluationCompletedSchema,
  LabelCampaignClosedSchema,
  LabelCampaignOpenedSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutStepEnteredSchema,
  Severity,
  SnapshotPreparedSchema,
  Verdict,
  type Estimate,
} from '@rondo/contracts';

/** One line of the story; `strong` lines are turning points. */
export interface StoryLine {
  readonly text: string;
  readonly strong: boolean;
}

type Teller<D extends DescMessage> = (message: MessageShape<D>) => StoryLine | undefined;

const VERDICT: Readonly<Record<Verdict, string>> = {
  [Verdict.UNSPECIFIED]: '?',
  [Verdict.PASS]: 'pass',
  [Verdict.FAIL]: 'FAIL',
  [Verdict.INCONCLUSIVE]: 'inconclusive',
  [Verdict.ERROR]: 'error',
};

const day = (time: Timestamp | undefined): string =>
  time ? new Date(timestampMs(time)).toISOString().slice(0, 10) : '';
const hour = (time: Timestamp | undefined): string =>
  time ? new Date(timestampMs(time)).toISOString().slice(0, 13).replace('T', ' ') + 'h' : '';
const line = (text: string, strong = false): StoryLine => ({ text, strong });

/** `0.4012 [0.3990, 0.4034] n=33,712` */
export function estimateText(estimate: Estimate | undefined): string {
  if (!estimate) return '-';
  const { value, lower, upper, n } = estimate;
  const interval = lower !== undefined && upper !== undefined ? ` [${lower.toFixed(4)}, ${upper.toFixed(4)}]` : '';
  return `${value.toFixed(4)}${interval} n=${Number(n).toLocaleString('en-US')}`;
}

const tellers = new Map<string, { schema: DescMessage; tell: Teller<DescMessage> }>();
function when<D extends DescMessage>(schema: D, tell: Teller<D>): void {
  tellers.set(schema.typeName, { schema, tell: tell as unknown as Teller<DescMessage> });
}

when(BatchReadySchema, (m) =>
  line(`week of ${day(m.dataInterval?.start)}: ${Number(m.rows).toLocaleString('en-US')} flights, contract kept`),
);
when(ArrivalMergedSchema, (m) => line(`announced again: ${m.eventId} merged into its batch`));
when(BatchQuarantinedSchema, (m) =>
  line(
    `week of ${day(m.dataInterval?.start)} QUARANTINED: ${m.findings
      .slice(0, 3)
      .map((f) => `${f.code} ${f.field} (${Number(f.count).toLocaleString('en-US')} rows)`)
      .join(', ')}`,
    true,
  ),
);
when(DecisionMadeSchema, (m) =>
  m.verdict === 'Ignore'
    ? undefined
    : line(`decision ${m.verdict} (${m.reason}): ${m.explanation}`, m.verdict === 'Start'),
);
when(CycleStartedSchema, (m) => line(`cycle ${m.number} starts, trigger ${m.trigger}`, true));
when(SnapshotPreparedSchema, (m) =>
  line(
    `  snapshot ${m.snapshotDigest.slice(7, 19)}: ${m.splits.map((s) => `${s.name} ${Number(s.rows).toLocaleString('en-US')}`).join(', ')}; ${m.reviewRows.toLocaleString('en-US')} rows for people`,
  ),
);
when(LabelCampaignOpenedSchema, (m) =>
  line(
    `  ${m.tasks} doubtful flights are put before people until ${m.dueAt ? new Date(timestampMs(m.dueAt)).toISOString().slice(11, 19) : '?'}`,
  ),
);
when(LabelCampaignClosedSchema, (m) =>
  line(`  labeling closed (${m.reason}): ${m.answered} answered, goes on without ${m.unanswered}`),
);
when(CandidateTrainedSchema, (m) =>
  line(
    `  candidate ${m.candidate}: log loss ${estimateText(m.validation.find((e) => e.name === 'logLoss'))} (${(Number(m.durationMs) / 1000).toFixed(1)} s)`,
  ),
);
when(CandidateFailedSchema, (m) => line(`  candidate ${m.candidate} failed: ${m.code}: ${m.message}`, true));
when(CandidateSelectedSchema, (m) => line(`  selected ${m.candidate}: ${m.explanation}`));
when(EvaluationCompletedSchema, (m) =>
  line(
    `  evaluation ${VERDICT[m.verdict]}: ${m.gates.map((g) => `${g.gate} ${VERDICT[g.verdict]}${g.severity === Severity.ADVISORY && g.verdict !== Verdict.PASS ? ' (advisory)' : ''}${g.difference ? ` (${estimateText(g.difference)})` : ''}`).join('; ')}`,
    true,
  ),
);
when(ApprovalVotedSchema, (m) =>
  line(`  ${m.actor?.id ?? '?'} ${m.approve ? 'approves' : 'rejects'}: ${m.rationale.slice(0, 120)}`),
);
when(RolloutStepEnteredSchema, (m) =>
  line(
    `  rollout step ${m.step} (${m.shadow ? 'callers see the champion only' : `${m.weightPercent} % of the traffic`})${m.eventTime ? ` at ${hour(m.eventTime)}` : ''}`,
  ),
);
when(AnalysisMeasuredSchema, (m) => {
  const decided = m.results.filter((result) => result.verdict === Verdict.FAIL);
  return decided.length > 0
    ? line(
        `  ${m.step}: ${decided.map((result) => `${result.analysis} ${VERDICT[result.verdict]}: ${result.explanation}`).join('; ')}`,
        true,
      )
    : undefined;
});
when(RolloutFinishedSchema, (m) =>
  line(
    `  ${m.result === RolloutResult.PROMOTED ? 'PROMOTED' : 'ROLLED BACK'}${m.eventTime ? ` at ${hour(m.eventTime)}` : ''}: ${m.cause}`,
    true,
  ),
);
when(ChampionChangedSchema, (m) => line(`  champion is now v${m.to?.version ?? '?'}`));
when(CycleFinishedSchema, (m) =>
  line(
    `cycle ${m.number} finished: ${m.result}${m.result === 'Rejected' || m.result === 'Failed' ? ` (${m.reason})` : ''}`,
    true,
  ),
);

/** Message types that are part of the story. */
export const storySchemas: readonly DescMessage[] = [...tellers.values()].map((item) => item.schema);

/** Tells one message of the bus in a line, or nothing when it is no part of the story. */
export function tell(type: string, payload: Uint8Array): StoryLine | undefined {
  const teller = tellers.get(type);
  return teller?.tell(fromBinary(teller.schema, payload) as MessageShape<DescMessage>);
}
