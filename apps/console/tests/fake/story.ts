import {
  ActorKind,
  BatchState,
  DriftState,
  Severity,
  Verdict,
  type AnnotatorSchema,
  type ApprovalSchema,
  type AuditEntrySchema,
  type BatchSchema,
  type CandidateSchema,
  type CycleSchema,
  type DecisionMadeSchema,
  type DriftEvaluatedSchema,
  type ListForecastsResponseSchema,
  type GateResultSchema,
  type IncidentSchema,
  type LabelCampaignSchema,
  type LabelTaskSchema,
  type LedgerEventSchema,
  type ListModelsResponseSchema,
  type ParkedMessageSchema,
  type PerformanceEvaluatedSchema,
  type PipelineSchema,
  type RolloutSchema,
  type SpanSchema,
} from '@rondo/contracts';
import { type Init, before, day, digest, estimate, uuid } from './values.js';

const FLIGHT = 'flight-delay';
const FREIGHT = 'freight-delay';
const BAGGAGE = 'baggage-mishandling';
const policyActor = { id: 'policy', kind: ActorKind.POLICY };
const anna = { id: 'anna.weber', kind: ActorKind.HUMAN, roles: ['approver'] };

type CycleInit = Init<typeof CycleSchema>;
type DecisionInit = Init<typeof DecisionMadeSchema>;

const model = (name: string, version: number) => ({ name, version, digest: digest(`${name}-${String(version)}`) });

const DOCUMENT = `apiVersion: rondo.dev/v1
kind: Pipeline
metadata:
  name: flight-delay
spec:
  time: EventTime
  owners:
    - { team: ops-ml, contact: "#ops-ml" }
  triggers:
    - name: bootstrap
      when: '!champion.exists && data.readyRows >= 400000'
    - name: stale
      when: 'champion.age > days(30)'
  triggerPolicy:
    cooldown: { afterPromotion: 35d, afterRollback: 56d }
    budget: { maxCycles: 14, per: 365d }
  rollout:
    steps:
      - { name: shadow, shadow: true, bake: 12h }
      - { name: c10, setWeight: 10, bake: 1d }
      - { name: c25, setWeight: 25, bake: 2d }
      - { name: c50, setWeight: 50, bake: 3d }
`;

function decision(
  pipeline: string,
  name: string,
  verdict: string,
  reason: string,
  explanation: string,
  at: string,
  minutes: number,
  cycleId = '',
): DecisionInit {
  return {
    pipeline,
    decisionId: uuid(name),
    policyGeneration: 3n,
    verdict,
    reason,
    explanation,
    cycleId,
    actor: policyActor,
    eventTime: day(at),
    decidedAt: before(minutes),
    causeEventIds: [`evt-${name}`],
    triggers: [
      {
        trigger: 'stale',
        expression: 'champion.age > days(30)',
        result: verdict === 'Start' ? 'true' : 'false',
        valuesJson: '{"champion.age":"35d 2h"}',
        breaches: 1,
        needed: 1,
        window: 1,
      },
    ],
    checks: [
      { check: 'Suspended', passed: true, detail: 'the document does not suspend the pipeline' },
      { check: 'InsufficientData', passed: true, detail: '524,310 labelled rows ready, 400,000 needed' },
      {
        check: 'CoolingDown',
        passed: verdict === 'Start',
        detail: verdict === 'Start' ? 'the cool-down ended 5 Mar 2001' : 'cooling down until 30 Apr 2001',
      },
    ],
  };
}

const gate = (
  name: string,
  metric: string,
  value: number,
  half: number,
  margin: number,
  verdict: Verdict,
  explanation: string,
  severity = Severity.BLOCKING,
): Init<typeof GateResultSchema> => ({
  gate: name,
  severity,
  verdict,
  explanation,
  difference: estimate(metric, value, half, 118_204, { limit: margin }),
  champion: estimate(metric, metric === 'rocAuc' ? 0.7184 : 0.4163, 0.0012, 118_204),
  challenger: estimate(metric, (metric === 'rocAuc' ? 0.7184 : 0.4163) + value, 0.0012, 118_204),
});

const GATES: Init<typeof GateResultSchema>[] = [
  gate(
    'non-inferior',
    'logLoss',
    -0.0021,
    0.0011,
    0.002,
    Verdict.PASS,
    'The challenger is better by 0.0021; even the unfavourable end of the interval is inside the margin.',
  ),
  gate(
    'newest-days',
    'logLoss',
    0.0004,
    0.0026,
    0.002,
    Verdict.INCONCLUSIVE,
    'Not proven: the interval reaches beyond the margin. 41,000 more rows would decide.',
    Severity.REQUIRES_REVIEW,
  ),
  gate(
    'discrimination',
    'rocAuc',
    0.0043,
    0.0019,
    -0.003,
    Verdict.PASS,
    'Ranks late flights better by 0.0043.',
    Severity.ADVISORY,
  ),
  {
    ...gate(
      'better',
      'logLoss',
      -0.0021,
      0.0019,
      0,
      Verdict.PASS,
      'Better than the champion at the level of this look.',
      Severity.ADVISORY,
    ),
    alphaLook: { lifetimeAlpha: 0.05, level: 0.00027, look: 9n, remaining: 0.0152 },
  },
  {
    gate: 'calibration',
    severity: Severity.BLOCKING,
    verdict: Verdict.PASS,
    expression: 'eval.ece <= 0.02',
    valuesJson: '{"eval.ece":0.0094}',
    explanation: 'Calibration error 0.0094 is below 0.02.',
  },
];

const CANDIDATES: Init<typeof CandidateSchema>[] = [
  {
    name: 'refit-champion',
    state: 'Trained',
    trainer: 'boosted-trees',
    params: { trees: '200', depth: '5', learningRate: '0.1' },
    validation: [estimate('logLoss', 0.4151, 0.0014, 104_120), estimate('rocAuc', 0.7221, 0.0021, 104_120)],
    featureReliance: [
      estimate('reliance', 0.031, 0.006, 1_384, { slice: 'o_out_delay' }),
      estimate('reliance', 0.0004, 0.0011, 1_384, { slice: 'd_lat' }),
    ],
    modelDigest: digest('refit'),
    durationMs: 8_420n,
    progress: 1,
    selected: true,
  },
  {
    name: 'deeper',
    state: 'Trained',
    trainer: 'boosted-trees',
    params: { trees: '400', depth: '7', learningRate: '0.1' },
    validation: [estimate('logLoss', 0.4147, 0.0014, 104_120), estimate('rocAuc', 0.7229, 0.0021, 104_120)],
    modelDigest: digest('deeper'),
    durationMs: 19_870n,
    progress: 1,
  },
  {
    name: 'logistic',
    state: 'Trained',
    trainer: 'logistic',
    params: { l2: '0.01' },
    validation: [estimate('logLoss', 0.4302, 0.0013, 104_120), estimate('rocAuc', 0.6911, 0.0024, 104_120)],
    modelDigest: digest('logistic'),
    durationMs: 1_204n,
    progress: 1,
  },
];

const phase = (name: string, kind: string, fromMinutes: number, toMinutes?: number) => ({
  phase: name,
  kind,
  enteredAt: before(fromMinutes),
  ...(toMinutes !== undefined && { leftAt: before(toMinutes) }),
});

function cycleBase(pipeline: string, number: number): CycleInit {
  const name = `${pipeline}-${String(number)}`;
  return {
    pipeline,
    number,
    cycleId: uuid(name),
    policyGeneration: 3n,
    causeEventIds: [`evt-${name}`],
    snapshotDigest: digest(`snap-${name}`),
    manifestDigest: digest(`manifest-${name}`),
    splitRows: { train: 412_004n, validation: 104_120n, test: 118_204n },
    candidates: CANDIDATES,
    evaluationVerdict: Verdict.PASS,
    gates: GATES,
    selection:
      'refit-champion: the simplest candidate within one standard error of the best (deeper, log loss 0.4147).',
    reportDigest: digest('report'),
    modelCardDigest: digest('card'),
    etag: 'cycle-etag-1',
  };
}

const FINISHED_PHASES = (at: number, traffic: number): CycleInit['phases'] => [
  phase('Preparing', 'compute', at, at - 0.2),
  phase('Labeling', 'human', at - 0.2, at - 30),
  phase('Training', 'compute', at - 30, at - 30.6),
  phase('Selecting', 'compute', at - 30.6, at - 30.7),
  phase('Evaluating', 'compute', at - 30.7, at - 31.1),
  phase('AwaitingApproval', 'human', at - 31.1, at - 95),
  phase('RollingOut', 'traffic', at - 95, at - 95 - traffic),
];

function flightCycles(): CycleInit[] {
  const [one, two, three] = [cycleBase(FLIGHT, 1), cycleBase(FLIGHT, 2), cycleBase(FLIGHT, 3)];
  return [
    {
      ...three,
      phase: 'RollingOut',
      result: '',
      trigger: 'stale',
      decision: decision(
        FLIGHT,
        'd3',
        'Start',
        'stale',
        'The champion is 98 days old, the limit is 30 days; the cool-down after the roll-back ended on 7 May.',
        '2001-05-07',
        190,
        uuid(`${FLIGHT}-3`),
      ),
      mergedEventIds: ['evt-m1', 'evt-m2'],
      phases: [
        phase('Preparing', 'compute', 190, 189.7),
        phase('Training', 'compute', 189.7, 188.9),
        phase('Selecting', 'compute', 188.9, 188.8),
        phase('Evaluating', 'compute', 188.8, 188.4),
        phase('AwaitingApproval', 'human', 188.4, 62),
        phase('RollingOut', 'traffic', 62),
      ],
      next: 'c25 bakes until 11 May 06:00; it needs 20,000 labelled pairs (has 14,210), then c50 follows.',
      startedAt: before(190),
      eventTime: day('2001-05-07'),
      dataWindow: { start: day('2001-04-09'), end: day('2001-05-07') },
      challenger: model('arrival-delay', 3),
      champion: model('arrival-delay', 1),
      approvalId: 'appr-3',
      rolloutId: 'roll-3',
      campaignId: 'camp-2',
    },
    {
      ...two,
      phase: 'Finished',
      result: 'RolledBack',
      reason:
        'Harm shown in the canary: log loss +0.0192 [+0.0081 to +0.0303], e-value 143 over the limit of 20, after 6,120 labelled pairs.',
      trigger: 'stale',
      decision: decision(
        FLIGHT,
        'd2',
        'Start',
        'stale',
        'The champion is 35 days old, the limit is 30 days.',
        '2001-03-05',
        1500,
        uuid(`${FLIGHT}-2`),
      ),
      phases: FINISHED_PHASES(1500, 40) ?? [],
      next: 'No automatic cycle until 30 Apr 2001: cooling down after the roll-back.',
      startedAt: before(1500),
      finishedAt: before(1365),
      eventTime: day('2001-03-05'),
      dataWindow: { start: day('2001-02-05'), end: day('2001-03-05') },
      challenger: model('arrival-delay', 2),
      champion: model('arrival-delay', 1),
      approvalId: 'appr-2',
      rolloutId: 'roll-2',
      campaignId: 'camp-1',
    },
    {
      ...one,
      phase: 'Finished',
      result: 'Promoted',
      reason: 'First champion: every gate passed and there was nothing to replace.',
      trigger: 'bootstrap',
      decision: decision(
        FLIGHT,
        'd1',
        'Start',
        'bootstrap',
        'There is no champion and 401,882 labelled rows are ready; 400,000 are needed.',
        '2001-01-29',
        4000,
        uuid(`${FLIGHT}-1`),
      ),
      phases: FINISHED_PHASES(4000, 5) ?? [],
      next: '',
      startedAt: before(4000),
      finishedAt: before(3900),
      eventTime: day('2001-01-29'),
      dataWindow: { start: day('2001-01-01'), end: day('2001-01-29') },
      challenger: model('arrival-delay', 1),
      approvalId: '',
      rolloutId: 'roll-1',
    },
  ];
}

function otherCycles(): CycleInit[] {
  return [
    {
      ...cycleBase(FREIGHT, 7),
      phase: 'AwaitingApproval',
      result: '',
      trigger: 'stale',
      decision: decision(
        FREIGHT,
        'f7',
        'Start',
        'stale',
        'The champion is 61 days old, the limit is 60 days.',
        '2026-11-19',
        300,
        uuid(`${FREIGHT}-7`),
      ),
      phases: [
        phase('Preparing', 'compute', 300, 298),
        phase('Training', 'compute', 298, 291),
        phase('Selecting', 'compute', 291, 290.8),
        phase('Evaluating', 'compute', 290.8, 289),
        phase('AwaitingApproval', 'human', 289),
      ],
      next: 'Waits for 1 more approval of 2; without it the request expires in 2 d 19 h.',
      startedAt: before(300),
      eventTime: day('2026-11-19'),
      dataWindow: { start: day('2026-09-19'), end: day('2026-11-19') },
      challenger: model('freight-eta', 8),
      champion: model('freight-eta', 7),
      approvalId: 'appr-f7',
      rolloutId: '',
    },
    {
      ...cycleBase(BAGGAGE, 1),
      phase: 'Labeling',
      result: '',
      trigger: 'bootstrap',
      candidates: [],
      gates: [],
      evaluationVerdict: Verdict.UNSPECIFIED,
      reportDigest: '',
      modelCardDigest: '',
      selection: '',
      decision: decision(
        BAGGAGE,
        'b1',
        'Start',
        'bootstrap',
        'There is no champion and 88,412 rows are ready; 80,000 are needed.',
        '2026-11-20',
        42,
        uuid(`${BAGGAGE}-1`),
      ),
      phases: [phase('Preparing', 'compute', 42, 40), phase('Labeling', 'human', 40)],
      next: 'Waits for 6 of 6 rows to be labelled, or for the time budget at 12:00.',
      startedAt: before(42),
      eventTime: day('2026-11-20'),
      dataWindow: { start: day('2026-10-20'), end: day('2026-11-20') },
      campaignId: 'camp-b1',
      rolloutId: '',
      approvalId: '',
    },
  ];
}

function pipelines(): Init<typeof PipelineSchema>[] {
  const common = { generation: 3n, document: DOCUMENT, etag: 'pipe-etag-1', cyclesMax: 14 };
  return [
    {
      ...common,
      name: FLIGHT,
      endpoint: 'arrival-delay',
      champion: model('arrival-delay', 1),
      championSince: day('2001-01-29'),
      activeCycleId: uuid(`${FLIGHT}-3`),
      policyTime: day('2001-05-10T06:00:00Z'),
      lastDecision: {
        record: decision(
          FLIGHT,
          'd4',
          'Merge',
          'CycleActive',
          'Cycle 3 is running: the batch of 7–14 May joins the next one.',
          '2001-05-10',
          12,
        ),
      },
      owners: ['ops-ml'],
      cyclesInBudgetWindow: 3,
    },
    {
      ...common,
      name: FREIGHT,
      endpoint: 'freight-eta',
      champion: model('freight-eta', 7),
      championSince: day('2026-09-19'),
      scheduledCycle: {
        notBefore: day('2026-12-04T06:00:00Z'),
        trigger: 'ahead',
        series: 'perf.logLoss',
        forecastId: 'forecast-f',
        decisionId: 'd-forecast',
      },
      activeCycleId: uuid(`${FREIGHT}-7`),
      policyTime: day('2026-11-20T09:58:00Z'),
      lastDecision: {
        record: decision(
          FREIGHT,
          'f7',
          'Start',
          'stale',
          'The champion is 61 days old, the limit is 60 days.',
          '2026-11-19',
          300,
        ),
      },
      owners: ['cargo-data'],
      cyclesInBudgetWindow: 5,
    },
    {
      ...common,
      name: BAGGAGE,
      endpoint: 'baggage-risk',
      activeCycleId: uuid(`${BAGGAGE}-1`),
      policyTime: day('2026-11-20T09:59:00Z'),
      lastDecision: {
        record: decision(
          BAGGAGE,
          'b1',
          'Start',
          'bootstrap',
          'There is no champion and 88,412 rows are ready.',
          '2026-11-20',
          42,
        ),
      },
      owners: ['ground-ops'],
      cyclesInBudgetWindow: 1,
    },
  ];
}

function decisions(): DecisionInit[] {
  return [
    decision(
      FLIGHT,
      'd4',
      'Merge',
      'CycleActive',
      'Cycle 3 is running: the batch of 7–14 May joins the next one.',
      '2001-05-10',
      12,
    ),
    decision(
      FLIGHT,
      'd3',
      'Start',
      'stale',
      'The champion is 98 days old, the limit is 30 days; the cool-down after the roll-back ended on 7 May.',
      '2001-05-07',
      190,
      uuid(`${FLIGHT}-3`),
    ),
    decision(
      FLIGHT,
      'h2',
      'Hold',
      'CoolingDown',
      'Held: cooling down after the roll-back of cycle 2 until 30 Apr 2001.',
      '2001-04-16',
      900,
    ),
    decision(
      FLIGHT,
      'i1',
      'Ignore',
      'NotMet',
      'No trigger was met: the champion is 21 days old, the limit is 30 days.',
      '2001-02-19',
      2500,
    ),
    decision(
      FREIGHT,
      'f7',
      'Start',
      'stale',
      'The champion is 61 days old, the limit is 60 days.',
      '2026-11-19',
      300,
      uuid(`${FREIGHT}-7`),
    ),
    decision(
      BAGGAGE,
      'b1',
      'Start',
      'bootstrap',
      'There is no champion and 88,412 rows are ready; 80,000 are needed.',
      '2026-11-20',
      42,
      uuid(`${BAGGAGE}-1`),
    ),
  ];
}

const FINDINGS = [
  {
    code: 'MISSING_COLUMN',
    severity: Severity.BLOCKING,
    message: 'The column delay is missing; arr_delay_s is new and looks like it, in seconds.',
    field: 'delay',
    rule: 'required',
    count: 36_804n,
    samplesJson: [
      '{"date":"2001-03-19T06:12:00","arr_delay_s":1260,"origin":"SEA","destination":"SFO"}',
      '{"date":"2001-03-19T06:15:00","arr_delay_s":-300,"origin":"ATL","destination":"MIA"}',
    ],
  },
  {
    code: 'NULL_RATE',
    severity: Severity.ADVISORY,
    message: 'Nulls in distance rose from 0 % to 4.1 %.',
    field: 'distance',
    rule: 'nullRate <= 0.01',
    count: 1_509n,
    samplesJson: [],
  },
];

function batches(): Init<typeof BatchSchema>[] {
  return [
    {
      pipeline: FLIGHT,
      batchId: 'batch-w12-bad',
      state: BatchState.QUARANTINED,
      uri: 'file:///srv/inbox/2001-03-19-faulty.parquet',
      dataInterval: { start: day('2001-03-19'), end: day('2001-03-26') },
      rows: 36_804n,
      labeledRows: 0n,
      findings: FINDINGS,
      eventIds: ['evt-w12-bad'],
      announcedAt: before(1200),
      etag: 'batch-etag-1',
    },
  ];
}

function ledger(): Init<typeof LedgerEventSchema>[] {
  const event = (
    id: string,
    kind: string,
    summary: string,
    fate: string,
    explanation: string,
    at: string,
    minutes: number,
    more: Init<typeof LedgerEventSchema> = {},
  ): Init<typeof LedgerEventSchema> => ({
    pipeline: FLIGHT,
    eventId: id,
    kind,
    summary,
    fate,
    reason: fate,
    explanation,
    eventTime: day(at),
    receivedAt: before(minutes),
    source: kind === 'arrival' ? '/airport/dwh' : '/rondo/monitor',
    ...more,
  });
  return [
    event(
      'evt-w19',
      'arrival',
      'Batch of 7–14 May, 38,220 rows',
      'Merged',
      'Cycle 3 is running: joins the next decision.',
      '2001-05-14',
      12,
      { cycleId: uuid(`${FLIGHT}-3`), cycleNumber: 3 },
    ),
    event(
      'evt-d3',
      'arrival',
      'Batch of 30 Apr–7 May, 37,904 rows',
      'Caused',
      'stale was met: the champion is 98 days old, the limit is 30 days.',
      '2001-05-07',
      190,
      { cycleId: uuid(`${FLIGHT}-3`), cycleNumber: 3 },
    ),
    event(
      'evt-p1',
      'performance',
      'Live log loss 0.4291 on 36,118 labelled rows',
      'Held',
      'Cooling down after the roll-back of cycle 2 until 30 Apr 2001.',
      '2001-04-16',
      900,
    ),
    event(
      'evt-w12-bad',
      'arrival',
      'Batch of 19–26 Mar, 36,804 rows',
      'Quarantined',
      'The contract is broken: a column is missing. Nothing downstream sees it until a person releases it.',
      '2001-03-26',
      1200,
      { batchId: 'batch-w12-bad', findings: FINDINGS },
    ),
    event(
      'evt-w12-3',
      'arrival',
      'Batch of 19–26 Mar, announced again',
      'Merged',
      'The same data was announced before as evt-w12.',
      '2001-03-26',
      1190,
    ),
    event(
      'evt-w8',
      'arrival',
      'Batch of 19–26 Feb, 36,390 rows',
      'Ignored',
      'No trigger was met: the champion is 28 days old, the limit is 30 days.',
      '2001-02-26',
      2500,
    ),
  ];
}

function look(i: number, of: number, n: number, value: number, scale: number, e: number) {
  const half = scale / Math.sqrt(i + 1);
  return {
    pipeline: FLIGHT,
    step: i < of / 3 ? 'c10' : 'c25',
    eventTime: day(new Date(Date.parse('2001-05-08T00:00:00Z') + i * 3 * 3_600_000).toISOString()),
    predictions: BigInt(n * 2 * (i + 1)),
    labels: BigInt(n * (i + 1)),
    results: [
      {
        analysis: 'log-loss',
        verdict: Verdict.INCONCLUSIVE,
        difference: estimate('logLoss', value + (0.004 * Math.sin(i)) / Math.sqrt(i + 1), half, n * (i + 1), {
          limit: 0.005,
          method: 'asymptotic confidence sequence',
        }),
        candidate: estimate('logLoss', 0.4121, half, n * (i + 1)),
        champion: estimate('logLoss', 0.4148, half, n * (i + 1)),
        eValue: e * (1 + i / of),
        alpha: 0.05,
        looks: BigInt(i + 1),
        explanation: '',
      },
    ],
  };
}

function rollouts(): Init<typeof RolloutSchema>[] {
  const steps = [
    ['shadow', 0, true, 12],
    ['c10', 10, false, 24],
    ['c25', 25, false, 48],
    ['c50', 50, false, 72],
  ] as const;
  const stepList = (entered: number, from: string) =>
    steps.map(([name, weightPercent, shadow, hours], i) => ({
      name,
      weightPercent,
      shadow,
      bakeMs: BigInt(hours * 3_600_000),
      analyses: shadow ? [] : ['log-loss'],
      ...(i <= entered && { enteredAt: day(new Date(Date.parse(from) + i * 86_400_000).toISOString()) }),
    }));
  const history = Array.from({ length: 18 }, (_, i) => look(i, 18, 790, -0.0027, 0.03, 0.4));
  const slice = (name: string, value: number, n: number, eValue: number, harmed = false) => ({
    difference: estimate('logLoss', value, 0.02, n, { slice: name, limit: 0.005 }),
    eValue,
    harmed,
  });
  const slices = {
    total: 12,
    checked: 9,
    harmed: 0,
    falseDiscoveryRate: 0.05,
    minSamples: 500n,
    worst: [slice('distance < 250', 0.0121, 2_410, 3.1), slice('dow = 7', 0.0014, 2_030, 0.42)],
  };
  const worse = Array.from({ length: 9 }, (_, i) => look(i, 9, 680, 0.0192, 0.033, 1 + i * i * 1.1));
  return [
    {
      pipeline: FLIGHT,
      cycleId: uuid(`${FLIGHT}-3`),
      rolloutId: 'roll-3',
      endpoint: 'arrival-delay',
      state: 'Running',
      candidate: model('arrival-delay', 3),
      champion: model('arrival-delay', 1),
      steps: stepList(2, '2001-05-07T12:00:00Z'),
      stepIndex: 2,
      weightPercent: 25,
      history,
      predictions: 28_420n,
      labels: 14_210n,
      latest: [
        {
          ...history.at(-1)!.results[0]!,
          slices,
          explanation:
            'No harm shown. Not yet proven non-inferior: the upper end +0.0044 must stay below +0.005 for 20,000 pairs; about 5,800 more are needed.',
        },
      ],
      waitingFor: 'Waits for 5,790 more labelled pairs and for 11 May 06:00, the end of the bake time of c25.',
      startedAt: before(62),
      etag: 'roll-etag-1',
    },
    {
      pipeline: FLIGHT,
      cycleId: uuid(`${FLIGHT}-2`),
      rolloutId: 'roll-2',
      endpoint: 'arrival-delay',
      state: 'RolledBack',
      candidate: model('arrival-delay', 2),
      champion: model('arrival-delay', 1),
      steps: stepList(1, '2001-03-05T12:00:00Z'),
      stepIndex: 1,
      weightPercent: 0,
      history: worse,
      predictions: 12_240n,
      labels: 6_120n,
      latest: [
        {
          ...worse.at(-1)!.results[0]!,
          verdict: Verdict.FAIL,
          eValue: 143,
          explanation: 'Harm shown: the challenger loses by 0.0192, and evidence of harm passed the limit of 20.',
        },
      ],
      cause:
        'log-loss: harm shown, +0.0192 [+0.0081 to +0.0303], e-value 143 over the limit of 20, n = 6,120. Rolled back by the policy in 38 ms.',
      startedAt: before(1405),
      finishedAt: before(1365),
      etag: 'roll-etag-9',
    },
  ];
}

function approvals(): Init<typeof ApprovalSchema>[] {
  const vote = {
    actor: anna,
    approve: true,
    rationale: 'The open gate is about the newest three days only; the canary will tell.',
    at: before(200),
  };
  return [
    {
      pipeline: FREIGHT,
      cycleId: uuid(`${FREIGHT}-7`),
      cycleNumber: 7,
      approvalId: 'appr-f7',
      state: 'Open',
      boundDigest: digest('bound-f7'),
      votesNeeded: 2,
      votes: [vote],
      requestedBy: 'policy',
      requestedAt: before(289),
      expiresAt: before(-4000),
      reason: 'A gate needs review: newest-days is not proven.',
      candidate: model('freight-eta', 8),
      evaluationVerdict: Verdict.INCONCLUSIVE,
      reportDigest: digest('report'),
      etag: 'appr-etag-1',
      onTimeout: 'Expire',
    },
    {
      pipeline: FLIGHT,
      cycleId: uuid(`${FLIGHT}-3`),
      cycleNumber: 3,
      approvalId: 'appr-3',
      state: 'Approved',
      boundDigest: digest('bound-3'),
      votesNeeded: 1,
      votes: [{ ...vote, rationale: 'Better on every cohort with enough rows.' }],
      requestedBy: 'policy',
      requestedAt: before(188),
      expiresAt: before(-4000),
      reason: 'The risk tier asks for one approval.',
      candidate: model('arrival-delay', 3),
      evaluationVerdict: Verdict.PASS,
      reportDigest: digest('report'),
      etag: 'e',
      onTimeout: 'Expire',
    },
    {
      pipeline: FLIGHT,
      cycleId: uuid(`${FLIGHT}-2`),
      cycleNumber: 2,
      approvalId: 'appr-2',
      state: 'Approved',
      boundDigest: digest('bound-2'),
      votesNeeded: 1,
      votes: [{ ...vote, rationale: 'Gates are green, the canary protects us.' }],
      requestedBy: 'policy',
      requestedAt: before(1469),
      expiresAt: before(-4000),
      reason: 'The risk tier asks for one approval.',
      candidate: model('arrival-delay', 2),
      evaluationVerdict: Verdict.PASS,
      reportDigest: digest('report'),
      etag: 'e',
      onTimeout: 'Expire',
    },
  ];
}

function annotators(): Init<typeof AnnotatorSchema>[] {
  const accuracy = (value: number, half: number, n: number) =>
    estimate('goldAccuracy', value, half, n, { method: 'posterior mean, uniform prior', limit: 0.8 });
  return [
    {
      pipeline: BAGGAGE,
      annotator: 'erik.lund',
      state: 'Active',
      accuracy: accuracy(0.88, 0.11, 23),
      answered: 160,
    },
    {
      pipeline: BAGGAGE,
      annotator: 'sam.reyes',
      state: 'Paused',
      accuracy: accuracy(0.43, 0.24, 12),
      answered: 75,
      chanceBelowLimit: 0.997,
      pausedAt: before(30),
      explanation: '5 of 12 gold tasks right (95 % interval 19.2 % to 68.4 %): below 80 % with a probability of 99.7 %',
    },
    { pipeline: FLIGHT, annotator: 'ida.holm', state: 'Active', goldTasksNeeded: 7, answered: 14 },
  ];
}

function campaigns(): Init<typeof LabelCampaignSchema>[] {
  const classes = [
    { value: '1', title: 'Late (over 15 min)' },
    { value: '0', title: 'On time' },
  ];
  const quality = [
    estimate('agreement', 0.83, 0.06, 120, {
      method: "Krippendorff's alpha, nominal, Clopper-Pearson on effective tasks",
      limit: 0.7,
    }),
  ];
  const answersPerTask = 2;
  const verdict = Verdict.PASS;
  const explanation = 'agreement 0.83 [0.77, 0.89] on 120 tasks, it must be 0.7 or more';
  const doubtful = [
    estimate('agreement', 0.83, 0.14, 40, {
      method: "Krippendorff's alpha, nominal, Clopper-Pearson on effective tasks",
      limit: 0.7,
    }),
  ];
  return [
    {
      pipeline: BAGGAGE,
      cycleId: uuid(`${BAGGAGE}-1`),
      campaignId: 'camp-b1',
      state: 'Open',
      question: 'Was this bag handled wrongly?',
      classes: [
        { value: 'wrong', title: 'Handled wrongly' },
        { value: 'right', title: 'Handled rightly' },
      ],
      tasks: 6,
      answered: 0,
      skipped: 0,
      openedAt: before(40),
      dueAt: before(-120),
      guideline:
        'A bag is handled wrongly when it did not travel on the flight of its passenger, or was found damaged. A late belt alone is not.',
    },
    {
      pipeline: FLIGHT,
      cycleId: uuid(`${FLIGHT}-2`),
      campaignId: 'camp-1',
      state: 'Closed',
      question: 'Did this flight arrive late?',
      classes,
      tasks: 120,
      answered: 118,
      skipped: 2,
      openedAt: before(1499),
      dueAt: before(1400),
      quality,
      answersPerTask,
      verdict,
      explanation,
      closeReason: 'Complete',
    },
    {
      pipeline: FLIGHT,
      cycleId: uuid(`${FLIGHT}-3`),
      campaignId: 'camp-2',
      state: 'Closed',
      question: 'Did this flight arrive late?',
      classes,
      tasks: 84,
      answered: 84,
      skipped: 0,
      openedAt: before(189),
      dueAt: before(100),
      quality: doubtful,
      answersPerTask: 4,
      verdict: Verdict.INCONCLUSIVE,
      explanation:
        'agreement 0.83 [0.69, 0.97] on 40 tasks, it must be 0.7 or more: undecided; about 12 more tasks with two answers would, if agreement stays as it is',
      moreTasksNeeded: 12,
      closeReason: 'Complete',
    },
  ];
}

function tasks(): Init<typeof LabelTaskSchema>[] {
  const rows = [
    ['LH 441', 'FRA', 'IAH', 2, 'scanned at two belts'],
    ['UA 988', 'FRA', 'IAD', 1, 'no scan after transfer'],
    ['LH 402', 'FRA', 'EWR', 3, 'claim and delivery both recorded'],
    ['LX 86', 'ZRH', 'YUL', 1, 'weight differs by 9 kg'],
    ['OS 87', 'VIE', 'EWR', 1, 'no scan after transfer'],
    ['SN 501', 'BRU', 'JFK', 2, 'scanned at two belts'],
  ] as const;
  return rows.map(([flight, origin, destination, bags, why], i) => ({
    campaignId: 'camp-b1',
    taskId: `task-${String(i + 1)}`,
    rowKey: `bag-${String(70_412 + i)}`,
    reviewReason: why,
    blind: i === 2,
    state: 'Leased',
    suggestion: i === 4 ? '' : i % 2 === 0 ? 'wrong' : 'right',
    suggestionConfidence: i === 3 ? 0.94 : 0.71,
    uncertainty: 0.5 - i * 0.05,
    etag: `t${String(i)}`,
    leaseUntil: before(-10),
    rowJson: JSON.stringify({
      flight,
      origin,
      destination,
      bags,
      last_scan: '2026-11-19T22:41:00Z',
      claim: i % 3 === 0 ? 'PIR-88120' : null,
      transfer_minutes: 35 + i * 7,
    }),
    answers: [],
  }));
}

function features(week: number): Init<typeof DriftEvaluatedSchema>['features'] {
  const names = [
    'o_out_delay',
    'tod',
    'd_in_delay',
    'o_traffic',
    'dow',
    'distance',
    'o_in_delay',
    'd_traffic',
    'd_out_delay',
    'o_lat',
    'o_lon',
    'd_lat',
    'd_lon',
  ];
  return names.map((feature, i) => {
    const importance = [0.31, 0.19, 0.13, 0.09, 0.07, 0.06, 0.05, 0.04, 0.03, 0.01, 0.01, 0.005, 0.005][i]!;
    const psi = i === 2 ? 0.16 + week * 0.004 : i === 9 ? 0.31 : i === 0 ? 0.05 : 0.006 + i * 0.001;
    const reference = Array.from({ length: 10 }, (_, b) => Math.exp(-((b - 4) ** 2) / 8));
    const current = Array.from({ length: 10 }, (_, b) => Math.exp(-((b - 4 - psi * 9) ** 2) / 8));
    const share = (list: number[]): number[] => list.map((v) => v / list.reduce((a, b) => a + b, 0));
    return {
      feature,
      state:
        i === 9
          ? DriftState.SEASONAL
          : psi > 0.1
            ? DriftState.DETECTED
            : psi > 0.03
              ? DriftState.SUSPECTED
              : DriftState.CLEAR,
      ...(i === 9 && {
        season: {
          effect: { ...estimate('seasonalPsi', 0.01, 0.004, 36_800), limit: 0.05 },
          windows: 9,
          rows: 331_200n,
        },
      }),
      psi: { ...estimate('psi', psi, psi * 0.2, 36_800), limit: 0.012 },
      distance: estimate('ks', psi / 3, 0.01, 36_800),
      jensenShannon: { ...estimate('jensenShannon', psi / 2, 0.01, 36_800), limit: 0.01 },
      wasserstein: { ...estimate('wasserstein', psi, 0.02, 36_800), limit: 0.01 },
      pValueLog10: -40 * psi,
      adjustedPValueLog10: -36 * psi,
      importance,
      nullRateReference: 0,
      nullRateCurrent: i === 5 ? 0.004 : 0,
      nullRateReferenceEstimate: { ...estimate('nullRate', 0, 0, 118_204), upper: 0.00003 },
      nullRateCurrentEstimate: { ...estimate('nullRate', i === 5 ? 0.004 : 0, 0, 36_800), upper: 0.0047 },
      binEdges: [],
      referenceShares: share(reference),
      currentShares: share(current),
      currentShareBounds: {
        lower: share(current).map((value) => Math.max(0, value - 0.003)),
        upper: share(current).map((value) => Math.min(1, value + 0.003)),
        confidence: 0.95,
        n: 36_800n,
        method: 'Wilson',
      },
    };
  });
}

const weekEnd = (week: number): ReturnType<typeof day> =>
  day(new Date(Date.parse('2001-01-29T00:00:00Z') + (week + 1) * 7 * 86_400_000).toISOString());

function driftEvaluations(): Init<typeof DriftEvaluatedSchema>[] {
  return Array.from({ length: 14 }, (_, i) => 13 - i).map((week) => ({
    pipeline: FLIGHT,
    evaluationId: `drift-${String(week)}`,
    model: model('arrival-delay', 1),
    batchId: `batch-w${String(week)}`,
    window: { start: day('2001-01-29'), end: weekEnd(week) },
    state: week > 9 ? DriftState.DETECTED : DriftState.CLEAR,
    features: features(week),
    featuresDetected: 1,
    rows: 36_800n,
    evaluatedAt: before(3000 - week * 200),
    importanceWeighted: { ...estimate('psi', 0.012 + 0.0009 * week * week * 0.5, 0.006, 36_800), limit: 0.08 },
  }));
}

/** Log loss that rises and has skill; drift that changed lately. */
function forecasts(): Init<typeof ListForecastsResponseSchema> {
  const issued = (series: string, last: number, step: number, spread: number, limit: number, rest: object) => ({
    pipeline: FLIGHT,
    forecastId: `forecast-${series}`,
    series,
    evaluationId: 'perf-13',
    model: model('arrival-delay', 1),
    madeFrom: weekEnd(13),
    lastValue: last,
    points: [1, 2, 3, 4].map((ahead) => ({
      at: weekEnd(13 + ahead),
      value: last + step * ahead,
      lower: last + step * ahead - spread * Math.sqrt(ahead),
      upper: last + step * ahead + spread * Math.sqrt(ahead),
    })),
    confidence: 0.8,
    method: 'damped-trend',
    skillAgainst: 'naive',
    n: 14,
    origins: 4,
    limit,
    breachSide: 'above',
    issuedAt: before(400),
    ...rest,
  });
  const probability = (value: number, lower: number, upper: number) => ({
    ...estimate('breachProbability', value, 0, 4),
    lower,
    upper,
    confidence: 0.8,
  });
  return {
    forecasts: [
      {
        forecast: issued('perf.logLoss', 0.4371, 0.0016, 0.0031, 0.44, {
          skill: 0.34,
          skillEstimate: { ...estimate('skill', 0.34, 0.22, 4), confidence: 0.8 },
          breachProbability: probability(0.75, 0.45, 0.93),
          breachEarliest: weekEnd(14),
          breachExpected: weekEnd(15),
        }),
      },
      {
        forecast: issued('drift.importanceWeighted', 0.088, 0.007, 0.012, 0.12, {
          skill: 0.21,
          skillEstimate: { name: 'skill', value: 0.21, confidence: 0.8, n: 1n },
          breachProbability: probability(0.5, 0.22, 0.78),
          advisory: 'change-point',
        }),
      },
    ],
    series: [
      {
        series: 'perf.logLoss',
        limit: 0.44,
        points: performances()
          .toReversed()
          .map(({ window, metrics }) => ({ at: window?.end, value: metrics?.[0]?.value ?? 0, estimate: metrics?.[0] })),
        outcomes: 6,
        meanAbsoluteError: 0.0024,
        intervalCoverage: 5 / 6,
        realisedSkill: 0.28,
        errorEstimate: { ...estimate('meanAbsoluteError', 0.0024, 0.0009, 2), confidence: 0.8 },
        intervalCoverageEstimate: {
          ...estimate('intervalCoverage', 5 / 6, 0, 2),
          lower: 0.41,
          upper: 0.97,
          confidence: 0.8,
        },
        realisedSkillEstimate: { ...estimate('realisedSkill', 0.28, 0.2, 2), confidence: 0.8 },
      },
      {
        series: 'drift.importanceWeighted',
        limit: 0.12,
        points: driftEvaluations()
          .toReversed()
          .map(({ window, importanceWeighted }) => ({ at: window?.end, value: importanceWeighted?.value ?? 0 })),
      },
      { series: 'perf.rocAuc', limit: 0.7, pointsMissing: 2 },
    ],
  };
}

function performances(): Init<typeof PerformanceEvaluatedSchema>[] {
  return Array.from({ length: 14 }, (_, i) => 13 - i).map((week) => ({
    pipeline: FLIGHT,
    evaluationId: `perf-${String(week)}`,
    model: model('arrival-delay', 1),
    window: { start: day('2001-01-29'), end: weekEnd(week) },
    estimated: false,
    labelCoverage: 0.982,
    labelCoverageEstimate: estimate('labelCoverage', 0.982, 0.0014, 36_760),
    state: 'sufficient',
    rows: 36_100n,
    evaluatedAt: before(3000 - week * 200),
    metrics: [
      { ...estimate('logLoss', 0.412 + 0.0018 * week + 0.004 * Math.sin(week), 0.0045, 36_100), limit: 0.44 },
      estimate('rocAuc', 0.718 - 0.001 * week, 0.004, 36_100),
    ],
    referenceMetrics: [estimate('logLoss', 0.4141, 0.0012, 118_204)],
    logLossExcess: 0.002 * week,
    attribution: {
      change: estimate('logLossChange', 0.012, 0.006, 36_100),
      mix: estimate('logLossMix', 0.003, 0.001, 36_100),
      rate: estimate('logLossRate', 0.009, 0.004, 36_100),
      segments: [
        { segment: 'score 0.7 to 0.8', rate: estimate('logLossRate', 0.008, 0.002, 4_100), rows: 4_100n },
        { segment: 'score 0.1 to 0.2', rate: estimate('logLossRate', 0.001, 0.003, 9_400), rows: 9_400n },
      ],
      features: {
        tested: 131,
        rows: 36_100n,
        segments: [
          {
            feature: 'o_out_delay',
            segment: 'o_out_delay > 24.5',
            excess: estimate('logLossSegmentExcess', 0.004, 0.002, 3_600),
            rows: 3_600n,
          },
        ],
      },
    },
  }));
}

function models(): Init<typeof ListModelsResponseSchema> {
  const version = (n: number, aliases: string[], at: string) => ({
    model: model('arrival-delay', n),
    pipeline: FLIGHT,
    cycleId: uuid(`${FLIGHT}-${String(n)}`),
    candidate: 'refit-champion',
    snapshotDigest: digest(`snap-${FLIGHT}-${String(n)}`),
    featureViewDigest: digest('fv'),
    reportDigest: digest('report'),
    modelCardDigest: digest('card'),
    registeredAt: day(at),
    aliases,
    metrics: [
      estimate('logLoss', 0.4163 - n * 0.001, 0.0012, 118_204),
      estimate('rocAuc', 0.7184 + n * 0.002, 0.0019, 118_204),
    ],
  });
  return {
    models: [
      version(3, ['challenger'], '2001-05-07'),
      version(2, [], '2001-03-05'),
      version(1, ['champion'], '2001-01-29'),
    ],
    championHistory: [
      {
        alias: 'champion',
        model: model('arrival-delay', 1),
        since: day('2001-01-29'),
        actor: policyActor,
        reason: 'Cycle 1 was promoted: first champion, every gate passed.',
        cycleId: uuid(`${FLIGHT}-1`),
      },
    ],
  };
}

function audit(): Init<typeof AuditEntrySchema>[] {
  const entry = (
    position: number,
    type: string,
    actor: string,
    minutes: number,
    payload: object,
    cycle = 3,
  ): Init<typeof AuditEntrySchema> => ({
    position: BigInt(position),
    service: 'control-plane',
    stream: `cycle/${uuid(`${FLIGHT}-${String(cycle)}`).slice(0, 8)}`,
    version: BigInt(position % 9),
    type,
    payloadJson: JSON.stringify(payload),
    at: before(minutes),
    actor,
    hash: digest(`h${String(position)}`).slice(7),
    traceId: digest(`trace${String(position)}`).slice(7, 39),
    pipeline: FLIGHT,
    cycleId: uuid(`${FLIGHT}-${String(cycle)}`),
  });
  return [
    entry(418, 'rondo.rollout.v1.RolloutStepEntered', 'policy', 31, { step: 'c25', weightPercent: 25 }),
    entry(402, 'rondo.control.v1.ApprovalVoted', 'anna.weber', 62, {
      approve: true,
      rationale: 'Better on every cohort with enough rows.',
    }),
    entry(399, 'rondo.control.v1.AccessDenied', 'build-bot', 70, {
      method: 'RolloutService/PromoteRollout',
      reason: 'needs operator',
    }),
    entry(381, 'rondo.control.v1.CycleStarted', 'policy', 190, { number: 3, trigger: 'stale' }),
    entry(290, 'rondo.rollout.v1.RolloutFinished', 'policy', 1365, { result: 'ROLLED_BACK', tookMs: 38 }, 2),
  ];
}

function spans(): Init<typeof SpanSchema>[] {
  const at = (seconds: number) => before(190 - seconds / 60);
  const span = (
    id: string,
    parent: string,
    name: string,
    service: string,
    from: number,
    to: number,
    error = false,
  ): Init<typeof SpanSchema> => ({
    traceId: digest(`t-${parent === '' ? id : parent}`).slice(7, 39),
    spanId: id,
    parentSpanId: parent,
    name,
    service,
    start: at(from),
    end: at(to),
    error,
  });
  return [
    span('a', '', 'phase Preparing', 'control-plane', 0, 18),
    span('b', 'a', 'process rondo.data.commands.v1', 'data-prep', 0.2, 17.5),
    span('c', 'b', 'job prepare-snapshot', 'data-prep', 0.4, 17.4),
    span('d', 'c', 'duckdb features', 'data-prep', 0.8, 12.1),
    span('e', '', 'phase Training', 'control-plane', 18, 66),
    span('f', 'e', 'job train refit-champion', 'training', 18.4, 27),
    span('g', 'e', 'job train deeper', 'training', 18.4, 24, true),
    span('h', 'e', 'job train deeper (attempt 2)', 'training', 26, 46),
    span('i', '', 'phase Evaluating', 'control-plane', 72, 96),
    span('j', 'i', 'job evaluate', 'evaluation', 72.4, 95.2),
  ];
}

function incidents(): Init<typeof IncidentSchema>[] {
  return [
    {
      pipeline: FLIGHT,
      incidentId: 'inc-1',
      cycleNumber: 2,
      cycleId: uuid(`${FLIGHT}-2`),
      state: 'Open',
      summary: 'Cycle 2 was rolled back: the challenger passed offline and lost in the canary.',
      openedAt: before(1365),
      evidence: ['roll-2'],
    },
  ];
}

function parked(): Init<typeof ParkedMessageSchema>[] {
  return [
    {
      id: uuid('parked-1'),
      consumer: 'drift-monitor',
      topic: 'rondo.serving.v1',
      type: 'rondo.serving.v1.LabelsObserved',
      key: 'arrival-delay',
      reason: 'Field labels: 512 values for 508 rows (rule: as many as rows).',
      attempts: 6,
      parkedAt: before(75),
      payloadJson: '{"requestId":"9f1c","labels":[0,1,null]}',
    },
  ];
}

const REPORT = {
  cohorts: [
    ['origin=ATL', 9_410, -0.0042, 0.003],
    ['origin=DFW', 8_220, -0.0011, 0.0034],
    ['origin=ORD', 7_904, 0.0008, 0.0036],
    ['tod=night', 4_118, 0.0031, 0.0052],
    ['distance<500', 31_877, -0.0029, 0.0016],
    ['distance>1500', 12_020, -0.0007, 0.0027],
  ].map(([cohort, n, value, half]) => ({
    cohort,
    n,
    difference: { value, lower: (value as number) - (half as number), upper: (value as number) + (half as number) },
  })),
  slices: {
    against: 'champion',
    tested: 212,
    harmed: [{ slice: 'origin=ORD & tod=night', rows: 1_204, difference: 0.0121, lower: 0.0034, upper: 0.0208 }],
    suspect: null,
  },
  fairness: [
    {
      gate: 'alike-by-day',
      names: ['dow=1', 'dow=2'],
      groups: [0, 1].map((group) => ({
        group,
        rows: 17_002 - group * 310,
        selectionRate: { value: 0.11 + group * 0.01, interval: { lower: 0.105, upper: 0.125 }, n: 17_002 },
        truePositiveRate: { value: 0.34, interval: { lower: 0.32, upper: 0.36 }, n: 3_400 },
        falsePositiveRate: null,
      })),
    },
  ],
  calibration: Array.from({ length: 10 }, (_, i) => {
    const p = 0.04 + i * 0.08;
    const o = p + 0.012 * Math.sin(i * 1.4);
    const h = 0.006 + i * 0.003;
    return { meanPredicted: p, observed: o, lower: o - h, upper: o + h, n: Math.round(24_000 / (i + 1)) };
  }),
  backtestBelief: { mean: -0.0012, interval: { lower: -0.0051, upper: 0.0027 }, n: 4 },
  backtest: ['9 Apr', '16 Apr', '23 Apr', '30 Apr'].map((name, i) => ({
    name,
    n: 36_000,
    difference: { value: -0.001 - i * 0.0008, lower: -0.004 - i * 0.0008, upper: 0.002 - i * 0.0008 },
  })),
  latency: { 'p50 ms per 1,000 rows': 1.9, 'p99 ms per 1,000 rows': 4.2, 'model size': '412 kB' },
};

/** Everything the server of the tests knows; each test gets its own, and its calls change it. */
export function tellStory() {
  return {
    pipelines: pipelines(),
    cycles: [...flightCycles(), ...otherCycles()],
    decisions: decisions(),
    events: ledger(),
    batches: batches(),
    approvals: approvals(),
    rollouts: rollouts(),
    campaigns: campaigns(),
    annotators: annotators(),
    tasks: tasks(),
    drift: driftEvaluations(),
    performance: performances(),
    forecasts: forecasts(),
    models: models(),
    audit: audit(),
    spans: spans(),
    incidents: incidents(),
    parked: parked(),
    artifacts: new Map([
      [digest('report'), JSON.stringify(REPORT)],
      [
        digest('card'),
        '# arrival-delay v3\n\nTask: will this flight arrive more than 15 minutes late?\n\n## Data\n9 Apr to 7 May 2001, 634,328 rows.\n\n## Limits\nNot for flights without a departure time.\n',
      ],
    ]),
  };
}

/** See {@link tellStory}. */
export type Story = ReturnType<typeof tellStory>;
