import type { PipelineSpec } from '@rondo/policy';
import type { GroupRate, MetricEstimate } from '@rondo/statistics';
import type { EvaluationReport } from './report.js';
import { count, moment, percent, shown, signed, titleOf } from './words.js';

const COHORTS_SHOWN = 10;

/** Text of people inside a table or a line: no line breaks, no cell borders, no markup of its own. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_|<>[\]#]/g, '\\$&')
    .trim();

/** The model card (Markdown): what the model is for, what it was shown to do, and where it should not be trusted. */
export function modelCard(report: EvaluationReport, spec: PipelineSpec): string {
  const sections: readonly string[][] = [
    [
      `# ${plain(spec.model.name)}: candidate ${plain(report.candidate)}`,
      '',
      `Verdict on the sealed test: **${report.verdict}**${report.requiresReview ? ', people have to look at it' : ''}.`,
    ],
    purpose(spec),
    dataWindow(report),
    metrics(report),
    gates(report),
    cohorts(report),
    slices(report),
    fairness(report),
    limits(report, spec),
    lineage(report),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function purpose({ model, owners }: PipelineSpec): string[] {
  return [
    '## Purpose',
    '',
    `Predicts the probability that ${plain(model.target.definition)}. Prediction time: ${plain(model.predictionTime)}.`,
    '',
    `Owners: ${owners.map(({ team, contact }) => `${plain(team)} (${plain(contact)})`).join(', ')}.`,
  ];
}

function dataWindow({ splits }: EvaluationReport): string[] {
  const rows = Object.entries(splits).flatMap(([name, split]) =>
    split ? [`| ${plain(name)} | ${moment(split.startMs)} | ${moment(split.endMs)} | ${count(split.rows)} |`] : [],
  );
  return ['## Data window', '', '| part | from | until | rows |', '| --- | --- | --- | ---: |', ...rows];
}

function clustersText(clusters: EvaluationReport['clusters']): string[] {
  if (!clusters) return [];
  const { by, clusters: seen, effective } = clusters;
  const worth = shown(Number(effective.toPrecision(3)));
  return [
    `Rows with the same ${plain(by)} err together: all intervals on the sealed test are over ${count(seen)} clusters by ${plain(by)}, which tell as much as ${worth} of equal size.`,
    '',
  ];
}

function metrics({ metrics: ofChallenger, championMetrics, baseline, clusters }: EvaluationReport): string[] {
  const atBaseRate = baseline.metrics.find(({ name }) => name === 'logLoss');
  const withInterval = (metric: MetricEstimate | undefined): string => {
    if (!metric) return '–';
    const { value, lower, upper, confidence } = metric;
    return lower === undefined || upper === undefined
      ? `${shown(value)} (no interval)`
      : `${shown(value)} (${percent(confidence)}: ${shown(lower)} to ${shown(upper)})`;
  };
  const rows = ofChallenger.map((metric) => {
    const champion = championMetrics.find(({ name }) => name === metric.name);
    return `| ${titleOf(metric.name)} | ${withInterval(metric)} | ${withInterval(champion)} | ${count(metric.n)} |`;
  });
  return [
    '## Metrics on the sealed test',
    '',
    ...clustersText(clusters),
    '| metric | this model | champion | n |',
    '| --- | --- | --- | ---: |',
    ...rows,
    '',
    `The base rate of the training part, ${percent(baseline.probability)}, alone gives a log loss of ${withInterval(atBaseRate)}.`,
  ];
}

function gates({ gates: outcomes }: EvaluationReport): string[] {
  return [
    '## Gates',
    '',
    ...outcomes.map(
      ({ gate, severity, verdict, explanation }) =>
        `- ${plain(gate)} (${severity}): **${verdict}**. ${plain(explanation)}`,
    ),
  ];
}

function cohorts({ cohorts: judged, smallCohorts }: EvaluationReport): string[] {
  if (judged.length === 0) return ['## Cohorts', '', 'No cohort was compared with a champion.'];
  const rows = judged
    .slice(0, COHORTS_SHOWN)
    .map(
      ({ cohort, n, difference }) =>
        `| ${plain(cohort)} | ${signed(difference.value)} | ${signed(difference.lower)} to ${signed(difference.upper)} | ${count(n)} |`,
    );
  const harmed = judged.filter(({ difference }) => difference.lower > 0).map(({ cohort }) => plain(cohort));
  return [
    '## Cohorts',
    '',
    `Log loss minus the champion's; the 95 % intervals hold for all ${judged.length} cohorts at once. Largest difference first.`,
    '',
    '| cohort | difference | interval | n |',
    '| --- | ---: | --- | ---: |',
    ...rows,
    '',
    harmed.length > 0
      ? `Surely worse than the champion: ${harmed.join(', ')}.`
      : 'No cohort is surely worse than with the champion.',
    ...(smallCohorts.length > 0 ? [`${smallCohorts.length} cohorts are too small to be judged.`] : []),
  ];
}

function slices({ slices: found }: EvaluationReport): string[] {
  if (!found) return [];
  const opponent = found.against === 'champion' ? "the champion's on the same rows" : 'its own on all other rows';
  const head = [
    '## Slices',
    '',
    `Log loss held against ${opponent}; ${count(found.tested)} slices had rows enough.`,
    '',
  ];
  if (found.harmed.length === 0) {
    const suspect = found.suspect ? ` Most suspicious, not proven: ${plain(found.suspect.slice)}.` : '';
    return [...head, `None is shown to be worse.${suspect}`];
  }
  const rows = found.harmed.map(
    ({ slice, difference, lower, upper, rows: n }) =>
      `| ${plain(slice)} | ${signed(difference)} | ${signed(lower)} to ${signed(upper)} | ${count(n)} |`,
  );
  return [...head, '| worse in | difference | interval | n |', '| --- | ---: | --- | ---: |', ...rows];
}

function fairness({ fairness: measured }: EvaluationReport): string[] {
  if (measured.length === 0) return [];
  const rate = (one: GroupRate | null): string =>
    one === null ? '–' : `${percent(one.value)} (${percent(one.interval.lower)} to ${percent(one.interval.upper)})`;
  const tables = measured.flatMap(({ gate, names, groups }) => [
    '',
    `Gate ${plain(gate)}:`,
    '',
    '| group | decided 1 | true positive rate | false positive rate | n |',
    '| --- | --- | --- | --- | ---: |',
    ...groups.map(
      ({ group, selectionRate, truePositiveRate, falsePositiveRate, rows }) =>
        `| ${plain(names[group] ?? '')} | ${rate(selectionRate)} | ${rate(truePositiveRate)} | ${rate(falsePositiveRate)} | ${count(rows)} |`,
    ),
  ]);
  return ['## Groups', ...tables];
}

function limits(
  { splits, backtest, backtestBelief, backtestNote, latency }: EvaluationReport,
  { model }: PipelineSpec,
): string[] {
  const test = splits['test'];
  const lines = [
    test
      ? `Judged on data from ${moment(test.startMs)} until ${moment(test.endMs)} only; later drift is watched in service, not foreseen here.`
      : '',
    `Only features known at the prediction time are meant to be used: ${plain(model.predictionTime)}.`,
    'Feature importance and cohort differences are associations, not causes.',
  ];
  if (backtestNote?.mode === 'as-is')
    lines.push(
      'The backtest scores the model on rows it was trained on, because its trainer cannot be run again here; it looks better there than it is.',
    );
  if (backtestNote?.mode === 'retrained') {
    const belief = backtestBelief
      ? `; over such windows its log loss differs by ${signed(backtestBelief.mean)} on average (95 %: ${signed(backtestBelief.interval.lower)} to ${signed(backtestBelief.interval.upper)}, ${backtestBelief.n} windows), and that it is better is ${percent(backtestBelief.probabilityBelow)} probable`
      : '';
    const wins = backtest.filter(({ difference }) => difference.value < 0).length;
    lines.push(
      `Backtest: retrained on earlier rows, the recipe beats the ${backtestNote.against} in ${wins} of ${backtest.length} windows${belief}.`,
    );
  }
  lines.push(
    `Scoring ${count(latency.rows)} row${latency.rows === 1 ? '' : 's'} took ${timeText(latency.p50Ms, latency.p50Interval)} (median) and ${timeText(latency.p99Ms, latency.p99Interval)} (99th percentile) in ${count(latency.requests)} requests on the machine that evaluated.`,
  );
  return ['## Limits', '', ...lines.filter((line) => line !== '').map((line) => `- ${line}`)];
}

/** A time with its interval; bounds that so few requests cannot give are said to be open. */
function timeText(ms: number, { lower, upper }: EvaluationReport['latency']['p50Interval']): string {
  const interval =
    upper === null
      ? `${lower === null ? 'no' : `${shown(lower)} ms or more, no upper`} bound`
      : `${shown(lower ?? 0)} to ${shown(upper)} ms`;
  return `${shown(ms)} ms (95 %: ${interval})`;
}

function lineage({ models, snapshotDigest, policyGeneration, splits, reproducibleDigest }: EvaluationReport): string[] {
  const { champion } = models;
  return [
    '## Lineage',
    '',
    `- model: \`${models.challenger}\``,
    `- champion: ${champion ? `\`${champion.digest}\` (version ${champion.version})` : 'none'}`,
    `- snapshot: \`${snapshotDigest}\``,
    ...Object.entries(splits).flatMap(([name, split]) => (split ? [`- ${plain(name)} part: \`${split.digest}\``] : [])),
    `- policy generation: ${policyGeneration}`,
    `- evaluation: \`${reproducibleDigest}\``,
  ];
}
