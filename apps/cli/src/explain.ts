import { canonicalJson } from '@rondo/kernel';
import {
  Severity,
  type Cycle,
  type DecisionMade,
  type ForecastSeries,
  type LedgerEvent,
  type Rollout,
  type SliceResults,
} from '@rondo/contracts';
import { findingLines } from './shapes.js';
import {
  boundsText,
  countText,
  durationText,
  estimateText,
  modelText,
  percentText,
  numberText,
  plainText,
  rangeText,
  timeText,
  verdictText,
} from './words.js';

const RELIANCES_SHOWN = 3;
const SLICES_SHOWN = 5;

/** Lines with a heading. */
const block = (head: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [head, ...lines.map((line) => `  ${line}`)];

/** Why a decision came out as it did: every check and trigger with the values it saw. */
export function explainDecision(decision: DecisionMade): string[] {
  const cycle = decision.cycleId === '' ? [] : [`cycle     ${decision.cycleId}`];
  return [
    `${decision.pipeline}: ${decision.verdict}, because ${decision.reason}`,
    ...block('', [
      ...(decision.explanation === '' ? [] : [decision.explanation]),
      `decided   ${timeText(decision.decidedAt)} by ${decision.actor?.id || 'the policy'}, policy generation ${decision.policyGeneration}`,
      `as of     ${timeText(decision.eventTime)} (policy time)`,
      ...(decision.notBefore ? [`starts    not before ${timeText(decision.notBefore)} (policy time)`] : []),
      `causes    ${decision.causeEventIds.join(', ') || '-'}`,
      ...cycle,
      `decision  ${decision.decisionId}`,
    ]).slice(1),
    ...block(
      'Checks, in order; the first that fails decides',
      decision.checks.map(
        (check) => `${check.passed ? 'ok  ' : 'NO  '} ${check.check}${check.detail === '' ? '' : `: ${check.detail}`}`,
      ),
    ),
    ...block('Triggers', decision.triggers.flatMap(triggerLines)),
  ].map(plainText);
}

/** What became of an event and why; the decision about it, where there was one, follows. */
export function explainEvent(event: LedgerEvent, decision: DecisionMade | undefined): string[] {
  return [
    `Event ${event.eventId} (${event.kind}) of ${event.pipeline}: ${event.fate}${event.reason === '' ? '' : `, because ${event.reason}`}`,
    `  ${event.summary}`,
    ...(event.explanation === '' || decision ? [] : [`  ${event.explanation}`]),
    ...event.findings.flatMap(findingLines).map((line) => `  ${line}`),
    ...(event.cycleNumber > 0 ? [`  cycle ${event.pipeline}/${event.cycleNumber}`] : []),
    ...(decision ? ['', ...explainDecision(decision)] : []),
  ].map(plainText);
}

/** What the forecasts of a series were worth so far. */
export function pastErrorText(of: ForecastSeries): string {
  if (of.pointsMissing > 0)
    return plainText(`${of.series}: ${of.pointsMissing} more evaluations are needed for a forecast`);
  if (of.outcomes === 0) return plainText(`${of.series}: nothing forecast has come yet`);
  const { errorEstimate: error, intervalCoverageEstimate: coverage, realisedSkillEstimate: skill } = of;
  const covered = coverage === undefined ? '' : `; ${boundsText(coverage)} of them inside the interval`;
  const gained = skill === undefined ? '' : `; skill ${boundsText(skill)} against holding the last value`;
  return plainText(
    `${of.series}: ${countText(of.outcomes)} forecast values have come, mean error ${error === undefined ? numberText(of.meanAbsoluteError) : boundsText(error)}${covered}${gained}`,
  );
}

function triggerLines(trigger: DecisionMade['triggers'][number]): string[] {
  const fired =
    trigger.result === 'true'
      ? trigger.breaches >= trigger.needed
        ? 'fired'
        : 'breached, not often enough'
      : trigger.result === 'false'
        ? 'not met'
        : `error: ${trigger.result}`;
  const often =
    trigger.needed > 1
      ? [`    ${trigger.breaches} of ${trigger.needed} breaches needed, in the last ${trigger.window}`]
      : [];
  return [
    `${trigger.trigger}: ${fired}`,
    `    when ${trigger.expression}`,
    ...valueLines(trigger.valuesJson),
    ...often,
  ];
}

function valueLines(json: string): string[] {
  try {
    const values: unknown = JSON.parse(json);
    if (values === null || typeof values !== 'object') return [];
    return Object.entries(values).map(
      ([name, value]) => `    ${name} = ${typeof value === 'string' ? value : canonicalJson(value)}`,
    );
  } catch {
    return json === '' ? [] : [`    ${json}`];
  }
}

/** The whole story of a cycle: why it started, what was chosen, judged, agreed and rolled out. */
export function explainCycle(cycle: Cycle, rollout: Rollout | undefined): string[] {
  const state = cycle.result === '' ? `${cycle.phase}; ${cycle.next}` : `${cycle.result}, because ${cycle.reason}`;
  return [
    `Cycle ${cycle.pipeline}/${cycle.number} (${cycle.cycleId}): ${state}`,
    ...(cycle.decision ? ['', 'Why it started', ...explainDecision(cycle.decision).map((line) => `  ${line}`)] : []),
    ...(cycle.mergedEventIds.length === 0 ? [] : [`  merged later: ${cycle.mergedEventIds.join(', ')}`]),
    ...block('Where the time went', cycle.phases.map(phaseLine)),
    ...block('Data', dataLines(cycle)),
    ...block('Candidates', cycle.candidates.flatMap(candidateLines)),
    ...(cycle.selection === '' ? [] : [`  ${cycle.selection}`]),
    ...block(`Evaluation: ${verdictText(cycle.evaluationVerdict)}`, cycle.gates.flatMap(gateLines)),
    ...(rollout ? explainRollout(rollout) : []),
  ].map(plainText);
}

function phaseLine(phase: Cycle['phases'][number]): string {
  const entered = phase.enteredAt ? Number(phase.enteredAt.seconds) * 1000 + phase.enteredAt.nanos / 1e6 : undefined;
  const left = phase.leftAt ? Number(phase.leftAt.seconds) * 1000 + phase.leftAt.nanos / 1e6 : undefined;
  const took = entered !== undefined && left !== undefined ? durationText(left - entered) : 'still';
  return `${phase.phase}: ${took} (${phase.kind})`;
}

function dataLines(cycle: Cycle): string[] {
  if (!cycle.dataWindow) return [];
  const splits = Object.entries(cycle.splitRows).map(([split, rows]) => `${split} ${countText(rows)}`);
  return [
    `window ${rangeText(cycle.dataWindow)}; rows: ${splits.join(', ') || '-'}`,
    `snapshot ${cycle.snapshotDigest || '-'}`,
  ];
}

/** The selected one is marked, with the features it relies on most; a metric a line, the one they are ranked by first. */
function candidateLines({
  name,
  trainer,
  state,
  message,
  selected,
  validation,
  featureReliance,
}: Cycle['candidates'][number]): string[] {
  const told = message === '' ? '' : `; ${message}`;
  const most = featureReliance.toSorted((a, b) => b.value - a.value).slice(0, RELIANCES_SHOWN);
  return [
    `${selected ? '* ' : '  '}${name} (${trainer}): ${state}${told}`,
    ...validation.map((one) => `      ${estimateText(one)}`),
    ...(selected ? most : []).map((one) => `      ${estimateText(one)}`),
  ];
}

function gateLines(gate: Cycle['gates'][number]): string[] {
  const measured = [
    ...(gate.difference ? [`    difference  ${estimateText(gate.difference)}`] : []),
    ...(gate.challenger ? [`    challenger  ${estimateText(gate.challenger)}`] : []),
    ...(gate.champion ? [`    champion    ${estimateText(gate.champion)}`] : []),
    ...(gate.expression === '' ? [] : [`    when ${gate.expression}`, ...valueLines(gate.valuesJson)]),
    ...(gate.alphaLook
      ? [
          `    look ${countText(gate.alphaLook.look)} of the pipeline's life, at ${percentText(gate.alphaLook.level)} of its ${percentText(gate.alphaLook.lifetimeAlpha)} for false promotions; ${percentText(gate.alphaLook.remaining)} left`,
        ]
      : []),
    ...(gate.needsRows > 0n ? [`    about ${countText(gate.needsRows)} rows are needed to decide`] : []),
  ];
  return [
    `${verdictText(gate.verdict)}${gate.severity === Severity.ADVISORY ? ' (advisory)' : ''}: ${gate.gate}${gate.explanation === '' ? '' : `. ${gate.explanation}`}`,
    ...measured,
  ];
}

/** How many slices were judged, and those with most evidence of harm. */
function sliceLines({ total, checked, harmed, falseDiscoveryRate, minSamples, worst }: SliceResults): string[] {
  return [
    `    slices      ${countText(checked)} of ${countText(total)} have ${countText(minSamples)} labels, harm shown in ${countText(harmed)} (e-BH at ${percentText(falseDiscoveryRate)})`,
    ...worst
      .slice(0, SLICES_SHOWN)
      .map(
        ({ difference, eValue, harmed: isHarmed }) =>
          `      ${isHarmed ? 'harmed: ' : ''}${estimateText(difference)}; e-value ${eValue.toPrecision(3)}`,
      ),
  ];
}

/** Where a rollout stands, with the evidence of its last look. */
export function explainRollout(rollout: Rollout): string[] {
  const state = rollout.state === 'Running' || rollout.state === 'Paused' ? rollout.waitingFor : rollout.cause;
  const steps = rollout.steps.map((step, index) => {
    const mark = index === rollout.stepIndex ? '>' : ' ';
    return `${mark} ${step.name}: ${step.shadow ? 'shadow' : `${step.weightPercent} %`}, entered ${timeText(step.enteredAt)}`;
  });
  const looks = rollout.latest.flatMap((result) => [
    `${verdictText(result.verdict)}: ${result.analysis}${result.explanation === '' ? '' : `. ${result.explanation}`}`,
    ...(result.difference ? [`    difference  ${estimateText(result.difference)}`] : []),
    ...(result.slices ? sliceLines(result.slices) : []),
    `    evidence of harm ${result.eValue.toPrecision(3)}, declared at ${result.alpha > 0 ? (1 / result.alpha).toPrecision(3) : '-'}; ${countText(result.looks)} looks`,
  ]);
  const against = rollout.champion
    ? `at ${rollout.weightPercent} % against ${modelText(rollout.champion)}`
    : 'is the first, with none to compare it with';
  return [
    `Rollout ${rollout.rolloutId} on ${rollout.endpoint}: ${rollout.state}${state === '' ? '' : `; ${state}`}`,
    `  ${modelText(rollout.candidate)} ${against}; ${countText(rollout.predictions)} predictions, ${countText(rollout.labels)} with outcome`,
    ...steps.map((line) => `  ${line}`),
    ...looks.map((line) => `  ${line}`),
  ].map(plainText);
}
