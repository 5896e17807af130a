import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { field as rulesOf } from './gen/buf/validate/validate_pb.js';
import { allServices } from './index.js';
import { protoFiles } from './files.js';

/** Everything that a process takes in: what travels on the bus, and what is asked of an RPC. */
function incoming(): DescMessage[] {
  const onTheBus = protoFiles
    .filter(({ name }) => /\/(events|commands)$/.test(name))
    .flatMap(({ messages }) => messages);
  return [...new Set([...onTheBus, ...allServices().flatMap(({ methods }) => methods.map(({ input }) => input))])];
}

/** The fields of the messages and of all messages inside them. */
function fieldsWithin(messages: readonly DescMessage[]): DescField[] {
  const seen = new Set<DescMessage>();
  const visit = (message: DescMessage): DescField[] => {
    if (seen.has(message) || message.file.name.startsWith('google/')) return [];
    seen.add(message);
    return message.fields.flatMap((field) => [field, ...(field.message ? visit(field.message) : [])]);
  };
  return messages.flatMap(visit);
}

/** Texts, numbers and enums, one or many. */
const isPlain = (field: DescField): boolean =>
  field.fieldKind === 'list' || field.fieldKind === 'map' || field.fieldKind === 'enum'
    ? true
    : field.fieldKind === 'scalar' && field.scalar !== ScalarType.BOOL && field.scalar !== ScalarType.BYTES;

const hasRule = (field: DescField): boolean => {
  if (!hasOption(field, rulesOf)) return false;
  const rules = getOption(field, rulesOf);
  return rules.required || rules.type.case !== undefined || rules.cel.length > 0;
};

/** Why a field may hold anything. */
const EXCEPTIONS: readonly { readonly because: string; readonly fields: readonly string[] }[] = [
  {
    because: 'prose that only people read; a fact is not refused over how long its explanation is',
    fields: [
      'PipelineApplied.change_reason',
      'CheckOutcome.detail',
      'DecisionMade.explanation',
      'CandidateSelected.rule',
      'CandidateSelected.explanation',
      'GateResult.explanation',
      'AnnotatorPaused.explanation',
      'AnalysisResult.explanation',
      'CyclePhaseChanged.reason',
      'CycleFinished.reason',
      'ChampionChanged.reason',
      'ApprovalVoted.rationale',
      'ApprovalClosed.reason',
      'AutomaticCyclesHeld.reason',
      'IncidentOpened.summary',
      'IncidentClosed.postmortem',
      'AccessDenied.reason',
      'OverrideRequested.reason',
      'OverrideRequested.outcome',
      'BatchRejected.reason',
      'CancelLabelCampaign.reason',
      'LabelCampaignOpened.question',
      'LabelCampaignExtended.explanation',
      'LabelCampaignClosed.explanation',
      'LabelRecorded.rationale',
      'AnnotatorResumed.reason',
      'Finding.message',
      'Finding.field',
      'Finding.rule',
      'StepFailed.message',
      'CandidateFailed.message',
      'CandidateFailed.log_tail',
      'AbortRollout.reason',
      'RoutingChanged.reason',
      'RolloutFinished.cause',
      'RolloutPaused.reason',
      'CancelTraining.reason',
    ],
  },
  {
    because: 'quoted from the admitted policy, or what came of it; the admission bounds it',
    fields: [
      'TriggerOutcome.expression',
      'TriggerOutcome.result',
      'TriggerOutcome.values_json',
      'GateResult.expression',
      'GateResult.values_json',
    ],
  },
  {
    because: 'a value of the data, or what an unknown caller called itself; of any length',
    fields: ['Estimate.slice', 'GateResult.needs_slice', 'LabelRecorded.row_key', 'AccessDenied.principal'],
  },
  {
    because: 'any real number, also an infinite bound',
    fields: [
      'Estimate.value',
      'Estimate.lower',
      'Estimate.upper',
      'Estimate.limit',
      'ForecastPoint.value',
      'ForecastPoint.lower',
      'ForecastPoint.upper',
      'ForecastIssued.last_value',
      'ForecastIssued.skill',
      'ForecastIssued.limit',
      'PerformanceEvaluated.log_loss_excess',
      'FeatureDrift.p_value_log10',
      'FeatureDrift.adjusted_p_value_log10',
      'SegmentAttribution.adjusted_p_value_log10',
      'TrainCandidate.seed',
    ],
  },
  {
    because:
      'one entry per key, by the rules parallel_columns and assignment_per_row; not looked at one by one, for speed',
    fields: [
      'PredictionsLogged.assigned_to_candidate',
      'PredictionsLogged.served_by_candidate',
      'PredictionsLogged.champion_scores',
      'PredictionsLogged.candidate_scores',
    ],
  },
];

describe('shape rules', () => {
  const nameOf = ({ parent, name }: DescField): string => `${parent.name}.${name}`;
  const fields = fieldsWithin(incoming()).filter(isPlain);
  const excepted = EXCEPTIONS.flatMap((exception) => exception.fields);

  it('bound every text, number and enum that a process takes in, but for reasoned exceptions', () => {
    expect(fields.length).toBeGreaterThan(300);
    const free = fields.filter((field) => !hasRule(field)).map(nameOf);
    expect(free.sort()).toEqual([...excepted].sort());
  });

  it('let no enum in that this version does not know', () => {
    for (const field of fields) {
      if (field.fieldKind !== 'enum') continue;
      const { type } = getOption(field, rulesOf);
      expect([nameOf(field), type.case === 'enum' && type.value.definedOnly]).toEqual([nameOf(field), true]);
    }
  });

  it('ask for patterns that RE2 and JavaScript read alike', () => {
    const patterns = new Set(fields.flatMap((field) => textPatterns(field)));
    expect(patterns.size).toBeGreaterThan(3);
    // No look-around, back reference, class escape or flag: what is left means the same to both.
    for (const pattern of patterns) expect(pattern).toMatch(/^\^(?:\((?!\?)|[^\\(])+\$$/);
  });
});

function textPatterns(field: DescField): string[] {
  const { type } = getOption(field, rulesOf);
  const texts = type.case === 'repeated' ? type.value.items?.type : type;
  return texts?.case === 'string' && texts.value.pattern !== '' ? [texts.value.pattern] : [];
}
