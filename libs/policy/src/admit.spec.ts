import { describe, expect, it } from '@jest/globals';
import {
  admitPipeline,
  admittedDocument,
  admittedFiles,
  filesNamedBy,
  pipelineNamedBy,
  parseAdmitted,
} from './admit.js';
import { admitExample, exampleFiles, exampleText, problemsOf } from './example.fixture.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const exampleSlices = exampleText.slice(
  exampleText.indexOf('    slices:\n      analysis'),
  exampleText.indexOf('    onNoData: Hold'),
);
/** The example with another block of slices. */
const sliced = (block: string): [string, string][] => [
  [exampleSlices, `    slices: { ${block}, falseDiscoveryRate: 0.05, minSamples: 500 }\n`],
];
const manySlices = ['distance', 'tod', 'o_traffic']
  .map((feature) => `{ feature: ${feature}, cuts: [${Array.from({ length: 40 }, (_, i) => i).join(', ')}] }`)
  .join(', ');

describe('admission', () => {
  it('admits the quickstart as typed, frozen and in milliseconds', () => {
    const admission = admitExample();
    if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
    expect(admission.spec.name).toBe('flight-delay');
    expect(admission.spec.data.windowMs).toBe(28 * 86_400_000);
    expect(admission.spec.rollout.steps.map((step) => step.bakeMs / 3_600_000)).toEqual([6, 12, 36, 48]);
    expect(admission.spec.files['features.sql']).toBe('SELECT 1');
    expect(Object.isFrozen(admission.spec.training.candidates[0]?.params)).toBe(true);
  });

  it('gives the same spec again from its bundle', () => {
    const admission = admitExample();
    if (!admission.ok) throw new Error('refused');
    expect(parseAdmitted(admission.bundle)).toEqual(admission.spec);
  });

  it('gives equal bundles for equal meaning', () => {
    const commented = admitExample(['spec:', '# another remark\nspec:']);
    const reordered = admitExample(['  suspend: false\n', ''], ['  owners:', '  suspend: false\n  owners:']);
    const plain = admitExample();
    if (!plain.ok || !commented.ok || !reordered.ok) throw new Error('refused');
    expect(commented.bundle).toBe(plain.bundle);
    expect(reordered.bundle).toBe(plain.bundle);
  });

  it('tells every problem at once, in order, with its place', () => {
    const problems = problemsOf(
      ['suspend: false', 'suspnd: false'],
      ['time: EventTime', 'time: Lunar'],
      ['weight: 20', 'weight: 2'],
      ['eval.ece <= 0.03', 'eval.ecee <= 0.03'],
      ['l2: 1,', ''],
    );
    expect(problems.map(({ path, rule }) => [path, rule])).toEqual([
      ['spec.suspnd', 'known-field'],
      ['spec.time', 'invalid-value'],
      ['spec.training.candidates[2].params.l2', 'invalid-type'],
      ['spec.evaluation.gates[2].expr', 'cel-type'],
      ['spec.rollout.steps[2].weight', 'weights-ascend'],
    ]);
    const lines = exampleText.split('\n');
    expect(problems[0]).toMatchObject({
      line: lines.findIndex((line) => line.includes('suspend: false')) + 1,
      column: 3,
    });
    expect(problems[0]?.message).toBe('there is no field suspnd, did you mean suspend?');
    expect(problems[1]?.message).toMatch(/"WallClock".*; it is "Lunar"$/);
    expect(problems[2]?.message).toContain('is missing');
  });

  it.each<[string, [string, string][], string]>([
    ['a split longer than the window', [['window: 28d', 'window: 4d']], 'split-fits-window'],
    ['a window of nothing', [['window: 28d', 'window: 0d']], 'custom'],
    ['two candidates of one name', [['name: trees-large', 'name: trees-small']], 'unique-name'],
    [
      'a step with an unknown analysis',
      [['bake: 6h, analyses: [no-great-harm, errors]', 'bake: 6h, analyses: [no-graet-harm, errors]']],
      'known-analysis',
    ],
    [
      'an analysis no step uses',
      [
        [
          '      - { name: errors, metric',
          '      - { name: x, metric: accuracy, alpha: 0.1, margin: 0, minSamples: 1 }\n      - { name: errors, metric',
        ],
      ],
      'used-analysis',
    ],
    [
      'a rollout without steps',
      [[/steps:\n([^\n]*\n){4}/.exec(exampleText.slice(exampleText.indexOf('endpoint:')))?.[0] ?? '', 'steps: []\n']],
      'too-small',
    ],
    ['a step with shadow and weight', [['shadow: true', 'shadow: true, weight: 1']], 'shadow-or-weight'],
    [
      'a shadow step after traffic',
      [
        ['weight: 5', 'weight: 6'],
        ['- { name: canary-50, weight: 50', '- { name: canary-50, shadow: true'],
      ],
      'shadow-first',
    ],
    ['a comparison without confidence', [['confidence: 0.95, margin: 0.004', 'margin: 0.004']], 'invalid-type'],
    ['a comparison without margin', [['confidence: 0.95, margin: 0.004', 'confidence: 0.95']], 'invalid-type'],
    ['non-inferiority without a margin', [['margin: 0.004 }', 'margin: 0 }']], 'margin'],
    [
      'a test that does not fit its metric',
      [['metric: logLoss, rule: NonInferior', 'metric: rocAuc, rule: NonInferior']],
      'test-fits-metric',
    ],
    ['DeLong on log loss', [['test: PairedMean', 'test: DeLong']], 'test-fits-metric'],
    [
      'a gate with both kinds',
      [
        [
          "expr: 'eval.ece <= 0.03'",
          "expr: 'eval.ece <= 0.03', compare: { to: baseline, metric: brier, rule: Superior, test: PairedMean, confidence: 0.9, margin: 0 }",
        ],
      ],
      'one-kind-of-gate',
    ],
    ['a gate of neither kind', [[", expr: 'eval.ece <= 0.03'", '']], 'one-kind-of-gate'],
    [
      'a fairness gate by an unknown column',
      [
        [
          "expr: 'eval.ece <= 0.03'",
          'fairness: { by: carrier, measure: EqualisedOdds, threshold: 0.5, maxGap: 0.1, minRows: 100, confidence: 0.95 }',
        ],
      ],
      'known-column',
    ],
    [
      'a fairness gate that tolerates anything',
      [
        [
          "expr: 'eval.ece <= 0.03'",
          'fairness: { by: dow, measure: EqualisedOdds, threshold: 0.5, maxGap: 1, minRows: 100, confidence: 0.95 }',
        ],
      ],
      'too-big',
    ],
    [
      'a cohort margin of another metric',
      [
        [
          'rule: Superior, test: PairedMean, confidence: 0.95, margin: 0',
          'rule: Superior, test: PairedMean, confidence: 0.95, margin: 0, cohortMargin: 0.1',
        ],
      ],
      'cohort-comparison',
    ],
    [
      'a lifetime alpha that no gate spends',
      [['    onInconclusive: RequiresReview', '    lifetimeAlpha: 0.05\n    onInconclusive: RequiresReview']],
      'spent-alpha',
    ],
    [
      'a lifetime alpha spent by resampling',
      [
        ['    onInconclusive: RequiresReview', '    lifetimeAlpha: 0.05\n    onInconclusive: RequiresReview'],
        [
          'rule: NonInferior, test: PairedMean, confidence: 0.95, margin: 0.004',
          'rule: Superior, test: PairedBootstrap, confidence: 0.95, margin: 0',
        ],
      ],
      'test-fits-alpha',
    ],
    [
      'slices judged but not searched',
      [['    slices: { depth: 2, minRows: 1000, falseDiscoveryRate: 0.05 }\n', '']],
      'measured',
    ],
    ['latency judged but not measured', [['    latency: { rows: 100 }\n', '']], 'measured'],
    ['a backtest judged but not made', [['    backtest: { folds: 3 }\n', '']], 'measured'],
    ['cohorts by an unknown column', [['by: dow', 'by: carrier']], 'known-column'],
    ['one column in two roles', [['key: flight_id', 'key: date']], 'unique-column'],
    [
      'clusters by a feature',
      [['    onInconclusive: RequiresReview', '    clusters: distance\n    onInconclusive: RequiresReview']],
      'unique-column',
    ],
    [
      'clusters by the answer',
      [['    onInconclusive: RequiresReview', '    clusters: late\n    onInconclusive: RequiresReview']],
      'unique-column',
    ],
    ['a table named like a view', [['name: airports', 'name: batch']], 'reserved-name'],
    ['a trigger named manual', [['name: bootstrap', 'name: manual']], 'reserved-name'],
    ['more breaches than evaluations', [['breaches: 2, outOf: 3', 'breaches: 5, outOf: 4']], 'breaches-within'],
    ['agreement of one annotator', [['minCoverage: 0', 'minCoverage: 0, minAgreement: 0.8']], 'agreement-needs-two'],
    ['labeling without a review column', [['      reviewReason: review_reason\n', '']], 'review-reason'],
    ['two classes of one value', [["value: '0'", "value: '1'"]], 'unique-class'],
    ['slices of an unknown analysis', sliced('analysis: harm, by: [{ feature: dow, values: [1] }]'), 'known-analysis'],
    ['slices of requests', sliced('analysis: errors, by: [{ feature: dow, values: [1] }]'), 'slices-of-labels'],
    [
      'slices by an unknown feature',
      sliced('analysis: no-harm, by: [{ feature: carrier, values: [1] }]'),
      'known-column',
    ],
    [
      'slices by a feature twice',
      sliced('analysis: no-harm, by: [{ feature: dow, values: [1] }, { feature: dow, values: [2] }]'),
      'unique-name',
    ],
    ['slices by neither cuts nor values', sliced('analysis: no-harm, by: [{ feature: dow }]'), 'cuts-or-values'],
    [
      'slices by both cuts and values',
      sliced('analysis: no-harm, by: [{ feature: dow, cuts: [1], values: [1] }]'),
      'cuts-or-values',
    ],
    ['cuts out of order', sliced('analysis: no-harm, by: [{ feature: distance, cuts: [500, 100] }]'), 'cuts-ascend'],
    [
      'cuts that are one number to a model',
      sliced('analysis: no-harm, by: [{ feature: distance, cuts: [0.1, 0.100000001] }]'),
      'cuts-ascend',
    ],
    ['a value with two slices', sliced('analysis: no-harm, by: [{ feature: dow, values: [1, 2, 1] }]'), 'unique-value'],
    ['more slices than are looked at', sliced(`analysis: no-harm, by: [${manySlices}]`), 'slices-max'],
    [
      'slices with a margin that no loss exceeds',
      [...sliced('analysis: no-harm, by: [{ feature: dow, values: [1] }]'), ['margin: 0.015', 'margin: 7']],
      'margin',
    ],
    ['engagement without feedback', [['metric: logLoss, alpha', 'metric: engagement, alpha']], 'engagement-feedback'],
    [
      'mature labels of latency',
      [['metric: logLoss, alpha', 'labelMaturity: { age: 2d, share: 0.9 }, metric: latencyMs, alpha']],
      'label-maturity',
    ],
    [
      'two rules for late labels',
      [
        [
          'metric: logLoss, alpha',
          'labelMaturity: { age: 2d, share: 0.9 }, minLabelShare: 0.9, metric: logLoss, alpha',
        ],
      ],
      'label-maturity',
    ],
    [
      'labels that mature after the deadline',
      [['metric: logLoss, alpha', 'labelMaturity: { age: 21d, share: 0.9 }, metric: logLoss, alpha']],
      'deadline',
    ],
    ['a deadline shorter than the steps', [['deadline: 21d', 'deadline: 4d']], 'deadline'],
    ['drift levels in the wrong order', [['suspectedPsi: 0.1', 'suspectedPsi: 0.5']], 'psi-order'],
    [
      'a season of half of the year',
      [
        [
          'persistence: { breaches: 2, outOf: 3 }',
          'persistence: { breaches: 2, outOf: 3 }\n      season: { period: 52w, within: 26w, minWindows: 2 }',
        ],
      ],
      'season-within',
    ],
    ['a webhook without encryption', [['to: log', 'to: { webhook: "http://example.org/hook" }']], 'custom'],
    ['a webhook with a password', [['to: log', 'to: { webhook: "https://u:p@example.org/hook" }']], 'custom'],
    ['an expression of another event', [['data.readyRows >= 400000', 'drift.rows >= 400000']], 'cel-type'],
    ['a file outside the folder', [['file: features.sql', 'file: ../features.sql']], 'invalid-format'],
    ['a file that did not come', [['file: features.sql', 'file: other.sql']], 'file-present'],
    ['infinity', [['margin: 0.004 }', 'margin: .inf }']], 'invalid-type'],
  ])('refuses %s', (_name, replacements, rule) => {
    const problems = problemsOf(...replacements);
    expect(problems.map((problem) => problem.rule)).toContain(rule);
    for (const problem of problems) expect(problem.line).toBeGreaterThan(rule.startsWith('file-named') ? 0 : 1);
  });

  const forecasts = /^ {4}forecast: .*$/m.exec(exampleText)![0];
  const forecast = (series: string): [string, string] => [
    forecasts,
    `    forecast: { horizon: 28d, series: [${series}] }`,
  ];
  const trigger = (rest: string): [string, string] => [
    '  manual: {',
    `    - { name: ahead, on: ForecastIssued, when: 'forecast.skill > 0.1', ${rest} }\n  manual: {`,
  ];
  const logLoss = '{ name: perf.logLoss, limit: 0.5 }';

  it.each<[string, [string, string][], string]>([
    ['a forecast without a series', [forecast('')], 'too-small'],
    ['a series twice', [forecast(`${logLoss}, { name: perf.logLoss, limit: 0.6 }`)], 'unique-name'],
    ['a series that is not watched', [forecast('{ name: drift.psi, limit: 1 }')], 'invalid-value'],
    ['a limit the series cannot reach', [forecast('{ name: perf.rocAuc, limit: 70 }')], 'limit-in-range'],
    ['a trigger on forecasts nobody makes', [[forecasts, ''], trigger('action: Propose')], 'forecast-issued'],
    ['a schedule without its start', [forecast(logLoss), trigger('action: Schedule')], 'schedule-start'],
    ['a start without a schedule', [forecast(logLoss), trigger('startBefore: 3d')], 'schedule-start'],
    [
      'a schedule by another event',
      [
        [
          '      for: { breaches: 2, outOf: 3 }\n    - name: drift',
          '      action: Schedule\n      startBefore: 1d\n    - name: drift',
        ],
      ],
      'schedule-by-forecast',
    ],
  ])('refuses %s', (_name, replacements, rule) => {
    expect(problemsOf(...replacements).map((problem) => problem.rule)).toEqual([rule]);
  });

  it('admits forecasts and a cycle scheduled by one', () => {
    const admission = admitExample(forecast(logLoss), trigger('action: Schedule, startBefore: 14d'));
    if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
    expect(admission.spec.monitoring.forecast).toEqual({
      horizonMs: 28 * 86_400_000,
      series: [{ name: 'perf.logLoss', limit: 0.5 }],
    });
    expect(admission.spec.triggers.at(-1)).toMatchObject({ action: 'Schedule', startBeforeMs: 14 * 86_400_000 });
  });

  it('allows a webhook on this machine', () => {
    expect(problemsOf(['to: log', 'to: { webhook: "http://127.0.0.1:9000/hook" }'])).toEqual([]);
  });

  it.each<[string, Record<string, Uint8Array>, string]>([
    ['not UTF-8', { 'features.sql': new Uint8Array([0xff, 0xfe]) }, 'file-text'],
    ['empty', { 'features.sql': bytes(' \n') }, 'file-text'],
    ['too big', { 'features.sql': new Uint8Array(256 * 1024 + 1) }, 'file-size'],
    ['not named', { 'secrets.txt': bytes('x') }, 'file-named'],
    ['no contract', { 'contract.odcs.yaml': bytes('kind: Other') }, 'contract-kind'],
    ['a contract with a duplicate key', { 'contract.odcs.yaml': bytes('kind: a\nkind: b') }, 'duplicate-key'],
  ])('refuses a file that is %s', (_name, files, rule) => {
    const admission = admitPipeline({ document: exampleText, files: { ...exampleFiles, ...files } });
    expect(!admission.ok && admission.problems.map((problem) => problem.rule)).toContain(rule);
  });

  it.each(['', 'null', '42', '[]', 'a: 1', '{"spec": null}', '{"spec": []}', '\u0000', 'spec: &a {labeling: *a}'])(
    'refuses %p as a document',
    (document) => {
      const admission = admitPipeline({ document, files: {} });
      expect(!admission.ok && admission.problems.length).toBeGreaterThan(0);
    },
  );

  it('does not look for files in prototypes', () => {
    const problems = problemsOf(['file: features.sql', 'file: constructor']);
    expect(problems.map((problem) => problem.rule)).toContain('file-present');
  });

  it('names the files a document needs', () => {
    expect(filesNamedBy(exampleText)).toEqual(['contract.odcs.yaml', 'features.sql']);
    expect(filesNamedBy('kind: Other')).toEqual([]);
    expect(pipelineNamedBy(exampleText)).toBe('flight-delay');
    expect(pipelineNamedBy('metadata: { name: 7 }')).toBeUndefined();
  });

  it('gives the document back as its author wrote it', () => {
    const admission = admitExample();
    if (!admission.ok) throw new Error('refused');
    expect(admittedDocument(admission.bundle).spec.data.window).toBe('28d');
    expect(Object.keys(admittedFiles(admission.bundle))).toEqual(['contract.odcs.yaml', 'features.sql']);
  });

  it.each(['', '{}', '{"document":{},"files":{}}', '[]'])('refuses %p as a stored bundle', (bundle) => {
    expect(() => parseAdmitted(bundle)).toThrow(/stored pipeline/);
  });
});
