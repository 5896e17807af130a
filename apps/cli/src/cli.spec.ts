import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescService } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ApprovalService,
  AuditService,
  CycleService,
  DataService,
  DriftService,
  DriftState,
  EventService,
  IncidentService,
  LabelingService,
  ModelService,
  OperationsService,
  PipelineService,
  RolloutService,
  Severity,
  Verdict,
} from '@rondo/contracts';
import { PermanentError, randomIds, systemClock } from '@rondo/kernel';
import { frontDoor, type RunningFrontDoor } from '@rondo/rpc';
import { Authenticator, TokenFile } from '@rondo/security';
import { createLogger, createTelemetry } from '@rondo/telemetry';
import { parse } from 'yaml';
import { run } from './run.js';
import type { Surroundings } from './surroundings.js';

const CYCLE_ID = '11111111-1111-4111-8111-111111111111';
const DECISION_ID = '22222222-2222-4222-8222-222222222222';
const at = (iso: string) => ({ seconds: BigInt(Date.parse(iso) / 1000), nanos: 0 });
const decision = {
  pipeline: 'flights',
  decisionId: DECISION_ID,
  policyGeneration: 2n,
  verdict: 'Start',
  reason: 'fresh-data',
  explanation: 'enough new labelled rows',
  causeEventIds: ['e1'],
  triggers: [
    {
      trigger: 'fresh-data',
      expression: 'batch.labeledRows >= 50000',
      result: 'true',
      valuesJson: '{"batch.labeledRows":61000}',
      breaches: 1,
      needed: 1,
      window: 1,
    },
    {
      trigger: 'drift',
      expression: 'drift.psi > 0.25',
      result: 'false',
      valuesJson: '{"drift.psi":0.1}',
      breaches: 0,
      needed: 3,
      window: 4,
    },
  ],
  checks: [
    { check: 'Suspended', passed: true, detail: 'not suspended' },
    { check: 'CoolingDown', passed: false, detail: 'until 2001-03-05, after a promotion' },
  ],
  cycleId: CYCLE_ID,
  eventTime: at('2001-03-05T00:00:00Z'),
  notBefore: undefined as ReturnType<typeof at> | undefined,
  decidedAt: at('2026-11-01T10:00:00Z'),
};
const cycle = {
  pipeline: 'flights',
  cycleId: CYCLE_ID,
  number: 7,
  phase: 'Finished',
  result: 'RolledBack',
  reason: 'log loss worse in the canary',
  decision,
  candidates: [
    {
      name: 'gbdt',
      trainer: 'builtin',
      state: 'Trained',
      selected: true,
      validation: [{ name: 'logLoss', value: 0.43, lower: 0.42, upper: 0.44, confidence: 0.95, n: 12000n }],
      featureReliance: [
        { name: 'reliance', value: 0.001, lower: -0.001, upper: 0.003, confidence: 0.95, n: 1384n, slice: 'dow' },
        { name: 'reliance', value: 0.02, lower: 0.01, upper: 0.03, confidence: 0.95, n: 1384n, slice: 'tod' },
      ],
    },
  ],
  evaluationVerdict: Verdict.PASS,
  gates: [
    {
      gate: 'not-worse',
      verdict: Verdict.PASS,
      explanation: 'not worse than the champion',
      difference: { name: 'logLoss', value: -0.01, lower: -0.02, upper: 0, confidence: 0.95, n: 12000n, limit: 0.002 },
    },
    {
      gate: 'better',
      severity: Severity.ADVISORY,
      verdict: Verdict.PASS,
      difference: { name: 'logLoss', value: -0.01, lower: -0.02, upper: 0, confidence: 0.99946, n: 12000n },
      alphaLook: { lifetimeAlpha: 0.05, level: 0.00027, look: 9n, remaining: 0.0152 },
    },
  ],
  rolloutId: 'r1',
  etag: '4',
};
const rollout = {
  pipeline: 'flights',
  rolloutId: 'r1',
  cycleId: CYCLE_ID,
  endpoint: 'arrivals',
  state: 'Running',
  weightPercent: 10,
  stepIndex: 1,
  steps: [
    { name: 'shadow', shadow: true },
    { name: 'canary-10', weightPercent: 10 },
  ],
  latest: [
    {
      analysis: 'log-loss',
      verdict: Verdict.INCONCLUSIVE,
      explanation: 'hold',
      eValue: 1.5,
      alpha: 0.05,
      looks: 12n,
      difference: { name: 'logLoss', value: 0.001, n: 900n },
      slices: {
        total: 6,
        checked: 4,
        harmed: 1,
        falseDiscoveryRate: 0.05,
        minSamples: 100n,
        worst: [{ difference: { name: 'logLoss', slice: 'dow = 7', value: 0.2, n: 120n }, eValue: 310, harmed: true }],
      },
    },
  ],
  predictions: 12345n,
  labels: 900n,
  waitingFor: '1 100 more outcomes',
  etag: '9',
};

const forecast = {
  pipeline: 'flights',
  forecastId: 'f1',
  series: 'perf.logLoss',
  madeFrom: at('2001-03-05T00:00:00Z'),
  lastValue: 0.48,
  lastValueEstimate: { name: 'perf.logLoss', value: 0.48, lower: 0.47, upper: 0.49, confidence: 0.95, n: 900n },
  points: [{ at: at('2001-04-02T00:00:00Z'), value: 0.52, lower: 0.5, upper: 0.54 }],
  method: 'theil-sen',
  skill: 0.31,
  skillEstimate: { name: 'skill', value: 0.31, lower: 0.12, upper: 0.46, confidence: 0.8, n: 9n },
  skillAgainst: 'seasonal-naive',
  n: 30,
  limit: 0.5,
  breachSide: 'above',
  breachProbability: { name: 'breachProbability', value: 0.86, lower: 0.6, upper: 0.95, n: 7n },
  breachExpected: at('2001-03-19T00:00:00Z'),
};

const champion = {
  alias: 'champion',
  model: { name: 'm', version: 3 },
  since: at('2026-01-02T00:00:00Z'),
  actor: { id: 'alice' },
  reason: 'every analysis passed',
  cycleId: CYCLE_ID,
};

const finding = {
  code: 'RANGE',
  message: '429 rows: income is out of range',
  rule: '0 to ∞',
  samplesJson: ['{"income":-1}'],
};
const requests: { method: string; request: Record<string, unknown> }[] = [];
const answers: Record<string, (request: Record<string, unknown>) => unknown> = {
  ListPipelines: () => ({
    pipelines: [
      { name: 'flights', generation: 2n, champion: { name: 'm', version: 3 }, lastDecision: { record: decision } },
    ],
  }),
  GetPipeline: ({ pipeline }) => {
    if (pipeline !== 'flights')
      throw new PermanentError('not-found', `no pipeline ${String(pipeline)}`, {
        field: 'pipeline',
        value: pipeline,
        reason: 'PIPELINE_UNKNOWN',
      });
    return {
      name: 'flights',
      generation: 2n,
      endpoint: 'arrivals',
      activeCycleId: CYCLE_ID,
      held: true,
      suspended: true,
      holdReason: 'after a rollback',
      scheduledCycle: {
        notBefore: at('2001-03-12T00:00:00Z'),
        trigger: 'ahead',
        series: 'perf.logLoss',
        decisionId: DECISION_ID,
      },
    };
  },
  ApplyPipeline: ({ document, validateOnly }) =>
    String(document).includes('bad')
      ? {
          outcome: 'refused',
          problems: [
            { path: 'spec.time', message: 'is none of EventTime, WallClock', line: 3, column: 9, rule: 'enum' },
          ],
        }
      : { outcome: 'created', ...(validateOnly !== true && { pipeline: { name: 'flights', generation: 1n } }) },
  DiffPipeline: ({ document }) => ({
    changes: String(document).includes('same') ? [] : [{ path: 'spec.seed', fromJson: '1', toJson: '2' }],
  }),
  ListCycles: () => ({ cycles: [{ ...cycle, reason: 'first\u001b[2J line\nsecond' }] }),
  GetCycle: ({ cycleId, number }) => {
    if (cycleId === CYCLE_ID || number === 7) return cycle;
    throw new PermanentError('not-found', 'no such cycle', { field: 'cycle_id' });
  },
  GetDecision: () => ({ record: decision }),
  GetRollout: () => rollout,
  PauseRollout: ({ etag }) => {
    if (etag !== '9')
      throw new PermanentError('conflict', `etag is 9, not ${String(etag)}`, {
        field: 'etag',
        value: etag,
        rule: '9',
        reason: 'ETAG_MISMATCH',
      });
    return { ...rollout, state: 'Paused', etag: '10' };
  },
  SetWeight: ({ weightPercent }) => ({ ...rollout, weightPercent }),
  RollBack: () => ({ ...rollout, state: 'RolledBack', weightPercent: 0 }),
  TriggerCycle: () => ({ record: { ...decision, verdict: 'Hold', reason: 'CycleActive' } }),
  HoldAutomaticCycles: ({ until }) => ({ name: 'flights', held: true, heldUntil: until }),
  ListDriftEvaluations: () => ({
    evaluations: [
      {
        pipeline: 'flights',
        evaluationId: 'e1',
        batchId: 'week-9',
        model: { name: 'm', version: 3 },
        window: { end: at('2001-03-05T00:00:00Z') },
        state: DriftState.SEASONAL,
        importanceWeighted: {
          name: 'importanceWeightedPsi',
          value: 0,
          lower: 0,
          upper: 0.01,
          confidence: 0.95,
          n: 900n,
        },
        features: [
          { feature: 'dow', state: DriftState.CLEAR, importance: 0.9 },
          {
            feature: 'tod',
            state: DriftState.SEASONAL,
            importance: 0.1,
            psi: { name: 'psi', value: 0.4, n: 900n },
            jensenShannon: { name: 'jensenShannon', value: 0.2, n: 900n },
            season: { windows: 5, effect: { name: 'seasonalPsi', value: 0.01, n: 900n, limit: 0.05 } },
          },
        ],
      },
    ],
  }),
  ListForecasts: () => ({
    forecasts: [
      { forecast },
      {
        forecast: {
          ...forecast,
          forecastId: 'f0',
          advisory: 'no-skill',
          breachExpected: undefined,
          skillEstimate: undefined,
        },
        outcomes: [{ at: at('2001-03-05T00:00:00Z'), forecast: 0.5, actual: 0.48, insideInterval: false }],
      },
    ],
    series: [
      {
        series: 'perf.logLoss',
        outcomes: 12,
        meanAbsoluteError: 0.0123456,
        intervalCoverage: 0.83,
        realisedSkill: 0.2,
        errorEstimate: { value: 0.0123456, lower: 0.01, upper: 0.015, confidence: 0.8, n: 3n },
        intervalCoverageEstimate: { value: 0.83, lower: 0.4, upper: 0.95, confidence: 0.8, n: 3n },
        realisedSkillEstimate: { value: 0.2, confidence: 0.8, n: 1n },
      },
      { series: 'perf.rocAuc', pointsMissing: 4 },
    ],
  }),
  CancelScheduledCycle: () => ({ name: 'flights' }),
  GetApproval: () => ({ approvalId: 'a1', boundDigest: 'sha256:ab', votesNeeded: 2, state: 'Open' }),
  Vote: ({ approve, rationale }) => ({
    approvalId: 'a1',
    state: 'Open',
    votesNeeded: 2,
    votes: [{ approve, rationale }],
    cycleId: CYCLE_ID,
  }),
  GetBatch: () => ({
    batchId: 'b1',
    pipeline: 'flights',
    etag: '2',
    state: 3,
    uri: 'week-9.csv',
    findings: [finding],
  }),
  ReleaseBatch: () => ({ batchId: 'b1', pipeline: 'flights', state: 2 }),
  Announce: ({ eventId }) => ({ batchId: 'b9', duplicate: eventId === 'again' }),
  ListRollouts: () => ({ rollouts: [rollout, { ...rollout, rolloutId: 'r0', state: 'RolledBack' }] }),
  ListAuditEntries: ({ pageSize, pageToken }) => {
    const before = pageToken === '' ? 1200 : Number(pageToken);
    const count = Math.min(Number(pageSize), before);
    const entries = Array.from({ length: count }, (_, index) => ({ service: 'front-door', version: before - index }));
    return { entries, nextPageToken: before > count ? String(before - count) : '' };
  },
  ListModels: () => ({ championHistory: [champion] }),
  GetChampionAt: () => champion,
  CloseIncident: ({ actionItems }) => ({ pipeline: 'flights', state: 'Closed', actionItems }),
  ListCampaigns: () => ({
    campaigns: [
      {
        campaignId: 'c1',
        pipeline: 'flights',
        state: 'Closed',
        tasks: 24,
        answered: 24,
        answersPerTask: 4,
        verdict: Verdict.INCONCLUSIVE,
        explanation: 'agreement 1.00 [0.72, 1.00] on 24 tasks, it must be 0.8 or more: undecided',
        moreTasksNeeded: 12,
      },
    ],
  }),
  ListAnnotators: () => ({
    annotators: [
      {
        pipeline: 'flights',
        annotator: 'sam',
        state: 'Paused',
        answered: 75,
        accuracy: { name: 'goldAccuracy', value: 0.43, lower: 0.19, upper: 0.68, confidence: 0.95, n: 12n, limit: 0.8 },
        explanation: '5 of 12 gold tasks right',
      },
      { pipeline: 'flights', annotator: 'ida', state: 'Active', answered: 14, goldTasksNeeded: 7 },
    ],
  }),
  ResumeAnnotator: ({ annotator }) => ({ annotator, state: 'Active' }),
  VerifyAudit: () => ({
    intact: false,
    entries: 1200n,
    streams: 3n,
    brokenAt: 'training/run-1/4',
    explanation: 'hash differs',
  }),
  ListEvents: () => {
    const fate = fates.shift();
    const events =
      fate === undefined
        ? []
        : [
            {
              pipeline: 'flights',
              eventId: 'e7',
              kind: 'arrival',
              fate,
              reason: 'NotBreached',
              explanation: 'because',
              decisionId: DECISION_ID,
              findings: [finding],
            },
          ];
    return { events, total: 5n, pending: 0n };
  },
  WhoAmI: () => ({ principal: 'alice', roles: ['operator'], version: '0.1.0', mode: 'embedded' }),
};
let phases: { phase: string; result?: string }[] = [];
/** What becomes of event e7, look by look. */
let fates: string[] = [];
/** How often the cycle is asked for before it starts. */
let notStarted = 0;

const implementationOf = (service: DescService) =>
  Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      method.methodKind === 'unary'
        ? async (request: Record<string, unknown>) => {
            requests.push({ method: method.name, request });
            const answer = answers[method.name];
            if (!answer) throw new PermanentError('not-found', `${method.name} has nothing`);
            return answer(request);
          }
        : async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
            if (notStarted-- > 0) throw new PermanentError('not-found', 'there is no cycle', { field: 'cycle_id' });
            for (const phase of phases) yield { ...cycle, result: '', ...phase };
            if (phases.at(-1)?.phase !== 'Finished')
              await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          },
    ]),
  );

let folder = '';
let door: RunningFrontDoor;
const tokens: Record<string, string> = {};
const telemetry = createTelemetry({ service: 'fake', version: '1' });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
  const file = new TokenFile(join(folder, 'auth'), systemClock);
  for (const role of ['admin', 'viewer'] as const) tokens[role] = file.create({ principal: role, roles: [role] }).token;
  const services = [
    PipelineService,
    CycleService,
    EventService,
    ApprovalService,
    ModelService,
    IncidentService,
    AuditService,
    OperationsService,
    RolloutService,
    DataService,
    DriftService,
    LabelingService,
  ];
  door = await frontDoor({
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
    rpcs: services.map((service) => ({ service, implementation: implementationOf(service) })),
    authenticator: new Authenticator({ tokens: file, clock: systemClock }),
    telemetry,
    log: createLogger({ service: 'fake', write: () => undefined }),
  });
});
afterAll(async () => {
  await door.close(100);
  await telemetry.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  requests.length = 0;
  phases = [];
});

async function rondo(args: string[], around: Partial<Surroundings> = {}) {
  let out = '';
  let err = '';
  const code = await run(args, {
    env: { RONDO_SERVER: door.grpcAddress, RONDO_TOKEN: tokens['admin'] },
    cwd: folder,
    home: folder,
    out: (text) => (out += text),
    err: (text) => (err += text),
    isTerminal: false,
    readStdin: async () => '',
    clock: systemClock,
    ids: randomIds,
    interrupted: new AbortController().signal,
    ...around,
  });
  return { code, out, err };
}

describe('output', () => {
  it('has a form for people, scripts and machines', async () => {
    expect((await rondo(['get', 'pipelines'])).out).toBe(
      'NAME\tGENERATION\tCHAMPION\tCYCLES\tLAST DECISION\nflights\t2\tm/3\tidle\tStart: fresh-data\n',
    );
    expect((await rondo(['get', 'pipelines'], { isTerminal: true })).out).toContain(
      'flights  2           m/3       idle    Start: fresh-data\n',
    );
    expect((await rondo(['-o', 'name', 'get', 'cycles'])).out).toBe('cycle/flights/7\n');
    const json = JSON.parse((await rondo(['get', 'cycles', 'flights/7', '-o', 'json'])).out);
    expect(json).toMatchObject({ number: 7, trigger: '', policyGeneration: '0' });
    expect(parse((await rondo(['-o', 'yaml', 'get', 'cycles'])).out)).toMatchObject([{ number: 7 }]);
    expect((await rondo(['-o', 'jsonl', 'get', 'cycles'])).out.trim().split('\n')).toHaveLength(1);
  });

  it('never lets a server drive the terminal or forge lines', async () => {
    const { out } = await rondo(['get', 'cycles'], { isTerminal: true });
    expect(out).toContain('first [2J line second');
    expect(out.trim().split('\n')).toHaveLength(2);
  });

  it('says on standard error when there is nothing', async () => {
    expect(await rondo(['get', 'events'])).toMatchObject({
      code: 0,
      err: '5 events, 0 without a fate yet\nno event yet\n',
    });
  });
});

describe('lists', () => {
  it('are cut at the limit, and say so', async () => {
    const lines = ({ out }: { out: string }): number => out.trim().split('\n').length;
    const cut = await rondo(['get', 'rollouts', '--limit', '1', '-o', 'name']);
    expect([cut.out, cut.err]).toEqual(['rollout/r1\n', 'only the newest 1; --limit shows more\n']);
    const entries = await rondo(['audit', 'list', '-o', 'jsonl', '--limit', '1100']);
    expect([lines(entries), entries.err]).toEqual([1100, 'only the newest 1,100; --limit shows more\n']);
    const all = await rondo(['audit', 'list', '-o', 'jsonl', '--limit', '5000']);
    expect([lines(all), all.err]).toEqual([1200, '']);
    expect(await rondo(['get', 'rollouts', '--limit', '0'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/field {3}limit\n/),
    });
  });

  it('are of one state where things have states, and of none where they have not', async () => {
    expect((await rondo(['get', 'rollouts', '--state', 'rolledback', '-o', 'name'])).out).toBe('rollout/r0\n');
    expect((await rondo(['get', 'cycles', '--state', 'RolledBack', '-o', 'name'])).out).toBe('cycle/flights/7\n');
    expect((await rondo(['get', 'cycles', '-p', 'flights', '--state', 'Training'])).err).toBe(
      'no cycle of flights in state Training\n',
    );
    expect(await rondo(['get', 'models', '--state', 'Open'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/field {3}state\n/),
    });
  });
});

describe('exit codes', () => {
  it('follow the table', async () => {
    expect((await rondo(['--help'])).code).toBe(0);
    expect((await rondo(['get', 'nothing'])).code).toBe(2);
    expect(await rondo(['stats'])).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean status?') });
    expect((await rondo(['status', 'other'])).code).toBe(6);
    expect((await rondo(['get', 'pipelines'], { env: { RONDO_SERVER: door.grpcAddress } })).code).toBe(4);
    const viewer = { env: { RONDO_SERVER: door.grpcAddress, RONDO_TOKEN: tokens['viewer'] } };
    expect((await rondo(['rollout', 'abort', 'r1', '--reason', 'because'], viewer)).code).toBe(4);
    expect((await rondo(['rollout', 'pause', 'r1', '--reason', 'because', '--etag', '8'])).code).toBe(5);
    expect((await rondo(['get', 'pipelines'], { env: { RONDO_SERVER: '127.0.0.1:1', RONDO_TOKEN: 'x' } })).code).toBe(
      7,
    );
    expect((await rondo(['get', 'pipelines', '--server', 'nonsense'])).code).toBe(2);
  });

  it('come with reason, field, rule and the next command', async () => {
    const { err } = await rondo(['rollout', 'pause', 'r1', '--reason', 'because', '--etag', '8']);
    expect(err).toBe(
      'error: etag is 9, not 8\n  reason  ETAG_MISMATCH\n  field   etag\n  value   8\n  rule    9\n' +
        'next: somebody changed it meanwhile: look again (`rondo get …`), then repeat the command\n',
    );
    expect((await rondo(['get', 'pipelines'], { env: { RONDO_SERVER: door.grpcAddress } })).err).toContain(
      'next: set RONDO_TOKEN',
    );
  });
});

describe('explain and status', () => {
  it('tell a decision with its checks, values and limits', async () => {
    const { out } = await rondo(['explain', `decision/${DECISION_ID}`]);
    expect(out).toContain('flights: Start, because fresh-data\n');
    expect(out).toContain('NO   CoolingDown: until 2001-03-05, after a promotion');
    expect(out).toContain('fresh-data: fired\n');
    expect(out).toContain('batch.labeledRows = 61000');
    expect(out).toContain('drift: not met');
    expect(out).toContain('0 of 3 breaches needed, in the last 4');
  });

  it('tell a cycle from its cause to its rollout, by short name and by id', async () => {
    const byName = await rondo(['explain', 'flights/7']);
    expect(byName.out).toBe((await rondo(['explain', CYCLE_ID])).out);
    expect(byName.out).toContain(
      'Cycle flights/7 (11111111-1111-4111-8111-111111111111): RolledBack, because log loss worse in the canary',
    );
    expect(byName.out).toContain(
      '* gbdt (builtin): Trained\n        logLoss 0.4300 [0.4200, 0.4400] 95 %, n = 12,000\n',
    );
    expect(byName.out.split('\n').filter((line) => line.includes('reliance'))).toEqual([
      '        reliance (tod) 0.02000 [0.01000, 0.03000] 95 %, n = 1,384',
      '        reliance (dow) 0.001000 [-0.001000, 0.003000] 95 %, n = 1,384',
    ]);
    expect(byName.out).toContain('  Pass: not-worse. not worse than the champion\n');
    expect(byName.out).toContain('  Pass (advisory): better\n');
    expect(byName.out).toContain('difference  logLoss -0.01000 [-0.02000, 0] 95 %, n = 12,000, limit 0.002000');
    expect(byName.out).toContain('difference  logLoss -0.01000 [-0.02000, 0] 99.946 %, n = 12,000');
    expect(byName.out).toContain(
      "look 9 of the pipeline's life, at 0.027 % of its 5 % for false promotions; 1.52 % left",
    );
    expect(byName.out).toContain('evidence of harm 1.50, declared at 20.0; 12 looks');
    expect(byName.out).toContain('slices      4 of 6 have 100 labels, harm shown in 1 (e-BH at 5 %)');
    expect(byName.out).toContain('harmed: logLoss (dow = 7) 0.2000, n = 120; e-value 310');
    expect((await rondo(['explain', DECISION_ID])).out).toContain('flights: Start');
  });

  it('tell what became of an event, with the decision about it', async () => {
    fates = ['Held'];
    const { out } = await rondo(['explain', 'event/e7', '-p', 'flights']);
    expect(out).toContain('Event e7 (arrival) of flights: Held, because NotBreached\n');
    expect(out).toContain('RANGE: 429 rows: income is out of range (rule: 0 to ∞)\n      {"income":-1}\n');
    expect(out).toContain('NO   CoolingDown: until 2001-03-05');
    fates = ['Held'];
    expect((await rondo(['explain', 'e8', '-p', 'flights'])).code).toBe(6);
  });

  it('show the findings of a batch that is looked at alone', async () => {
    expect((await rondo(['get', 'batches', 'b1', '-p', 'flights'])).out).toMatch(
      /\n {2}data {6}week-9.csv\n {2}RANGE: 429 rows/,
    );
  });

  it('show what is forecast with its skill, and what came of what was', async () => {
    const { out, err } = await rondo(['get', 'forecasts', '-p', 'flights']);
    expect(out.split('\n').slice(1, 3)).toEqual([
      'perf.logLoss\t2001-03-05T00:00:00Z\t0.4800 [0.4700, 0.4900] 95 %, n = 900\t2001-04-02T00:00:00Z\t0.5200 [0.5000, 0.5400]\t86 % [60, 95], n = 7, above 0.5000, expected 2001-03-19\t0.3100 [0.1200, 0.4600] 80 %, n = 9 (seasonal-naive)\ttheil-sen, 30\t-\t-',
      'perf.logLoss\t2001-03-05T00:00:00Z\t0.4800 [0.4700, 0.4900] 95 %, n = 900\t2001-04-02T00:00:00Z\t0.5200 [0.5000, 0.5400]\t86 % [60, 95], n = 7, above 0.5000\t0.3100 (seasonal-naive)\ttheil-sen, 30\t0.4800, forecast 0.5000, outside the interval\tno-skill',
    ]);
    expect(err).toBe(
      'perf.logLoss: 12 forecast values have come, mean error 0.01235 [0.01000, 0.01500] 80 %, n = 3; 0.8300 [0.4000, 0.9500] 80 %, n = 3 of them inside the interval; skill 0.2000, n = 1 against holding the last value\n' +
        'perf.rocAuc: 4 more evaluations are needed for a forecast\n',
    );
    expect((await rondo(['get', 'forecasts'])).code).toBe(2);
    expect(JSON.parse((await rondo(['get', 'forecasts', 'f0', '-p', 'flights', '-o', 'json'])).out)).toMatchObject({
      forecast: { advisory: 'no-skill' },
    });
  });

  it('show drift with what the season explains of it', async () => {
    const { out } = await rondo(['get', 'drift', '-p', 'flights']);
    expect(out.split('\n')[1]).toBe(
      'e1\tweek-9\t2001-03-05T00:00:00Z\tm/3\tseasonal\timportanceWeightedPsi 0 [0, 0.01000] 95 %, n = 900\ttod seasonal: psi 0.4000, n = 900, jensenShannon 0.2000, n = 900, seasonalPsi 0.01000, n = 900, limit 0.05000 against 5 of its season',
    );
    expect((await rondo(['get', 'drift'])).code).toBe(2);
  });

  it('show the day of a scheduled cycle', async () => {
    expect((await rondo(['status', 'flights'])).out).toContain(
      'scheduled  a cycle on 2001-03-12T00:00:00Z (policy time), trigger ahead by a forecast of perf.logLoss; ',
    );
    decision.notBefore = at('2001-03-12T00:00:00Z');
    const { out } = await rondo(['explain', DECISION_ID]);
    decision.notBefore = undefined;
    expect(out).toContain('  starts    not before 2001-03-12T00:00:00Z (policy time)\n');
  });

  it('show what holds a pipeline back', async () => {
    const { out } = await rondo(['status', 'flights']);
    expect(out).toContain('held       after a rollback');
    expect(out).toContain('suspended  its document');
    expect(out).toContain('Rollout r1 on arrivals: Running; 1 100 more outcomes');
  });
});

describe('champion', () => {
  const LINE = `m/3\t2026-01-02T00:00:00Z\tnow\talice\tevery analysis passed\t${CYCLE_ID}`;

  it('shows who was champion when, who moved it and why', async () => {
    expect((await rondo(['champion', 'flights'])).out).toBe(`MODEL\tSINCE\tUNTIL\tMOVED BY\tWHY\tCYCLE\n${LINE}\n`);
    expect((await rondo(['champion', 'flights', '--at', '2026-02-03T04:05:06Z'])).out).toContain(LINE);
    expect(requests.at(-1)).toMatchObject({
      method: 'GetChampionAt',
      request: { pipeline: 'flights', at: at('2026-02-03T04:05:06Z') },
    });
    expect(await rondo(['champion', 'flights', '--at', 'yesterday'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/field {3}at\n {2}value {3}yesterday\n {2}rule {4}a day such as/),
    });
  });
});

describe('changes', () => {
  it('close an incident with its postmortem and what is to be done', async () => {
    const close = ['incident', 'close', 'incident/i1', '--postmortem', 'a stormy month misled it'];
    expect((await rondo([...close, '--action', 'longer window', 'gate by weather'])).out).toBe(
      'incident/i1 Closed, 2 action items\n',
    );
    expect(requests.at(-1)).toMatchObject({
      method: 'CloseIncident',
      request: {
        incidentId: 'i1',
        postmortem: 'a stormy month misled it',
        actionItems: ['longer window', 'gate by weather'],
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
    expect((await rondo(close)).out).toBe('incident/i1 Closed, no action item\n');
    expect((await rondo(['incident', 'close', 'i1'])).code).toBe(2);
  });

  it('need a reason, send the etag and a request id, and name the way back', async () => {
    expect(await rondo(['rollout', 'pause', 'r1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--reason'),
    });
    expect(await rondo(['rollout', 'pause', 'r1', '--reason', 'no'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('five characters'),
    });
    requests.length = 0;
    const { code, out, err } = await rondo(['rollout', 'pause', 'flights/7', '--reason', 'latency rises']);
    expect([code, out, err]).toEqual([
      0,
      'rollout/r1 Paused, candidate at 10 %, etag 10\n',
      'next: rondo rollout resume r1 --reason …\n',
    ]);
    expect(requests.at(-1)).toMatchObject({
      method: 'PauseRollout',
      request: {
        rolloutId: 'r1',
        reason: 'latency rises',
        etag: '9',
        force: false,
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
  });

  it('steer weights only within bounds', async () => {
    expect((await rondo(['rollout', 'set-weight', 'r1', '101', '--reason', 'because'])).code).toBe(2);
    expect((await rondo(['rollout', 'set-weight', 'r1', '25', '--reason', 'because', '--force'])).out).toContain(
      'candidate at 25 %',
    );
    expect(requests.at(-1)).toMatchObject({ request: { weightPercent: 25, etag: '', force: true } });
  });

  it('hold a pipeline for a while, and start a cycle unless the answer is no', async () => {
    const clock = { ...systemClock, now: () => Date.parse('2026-01-01T00:00:00Z') };
    expect((await rondo(['hold', 'flights', '--reason', 'inventory week', '--until', '2d'], { clock })).out).toBe(
      'pipeline/flights held until 2026-01-03T00:00:00Z\n',
    );
    const started = await rondo(['cycle', 'start', 'flights', '--reason', 'try again']);
    expect([started.code, started.out]).toEqual([1, expect.stringContaining('Hold, because CycleActive')]);
    const dry = await rondo(['cycle', 'start', 'flights', '--reason', 'try again', '--dry-run']);
    expect(dry.out).toBe('flights: Hold, because CycleActive (dry run, nothing changed)\n');
  });

  it('take a scheduled cycle off its day', async () => {
    const { code, out } = await rondo(['cycle', 'unschedule', 'flights', '--reason', 'the plant stands still']);
    expect([code, out]).toEqual([0, 'pipeline/flights: no cycle is scheduled any more\n']);
    expect(requests.at(-1)).toMatchObject({
      method: 'CancelScheduledCycle',
      request: {
        pipeline: 'flights',
        reason: 'the plant stands still',
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
  });

  it('bind a vote to the evidence that was looked at', async () => {
    expect((await rondo(['approve', 'a1', '--reason', 'looks good', '--digest', 'sha256:other'])).code).toBe(5);
    // As `get approvals -o name` prints it.
    const { code, out } = await rondo(['approve', 'approval/a1', '--reason', 'looks good', '--digest', 'sha256:ab']);
    expect([code, out]).toEqual([0, 'approval/a1 Open, 1 of 2 votes\n']);
    expect(requests.at(-1)).toMatchObject({ method: 'Vote', request: { approve: true, boundDigest: 'sha256:ab' } });
    await rondo(['reject', 'a1', '--reason', 'too few rows']);
    expect(requests.at(-1)).toMatchObject({ request: { approve: false, rationale: 'too few rows' } });
  });

  it('decide on quarantined batches', async () => {
    expect((await rondo(['batch', 'release', 'b1', '--reason', 'checked by hand'])).out).toBe('batch/b1 Ready\n');
    expect(requests.at(-1)).toMatchObject({ method: 'ReleaseBatch', request: { pipeline: 'flights', etag: '2' } });
  });
});

describe('files', () => {
  const document = (extra = '') =>
    `apiVersion: rondo.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: flights }\nspec:\n  data: { contract: { file: c.yaml }, features: { sql: { file: sql/f.sql } } } # ${extra}\n`;
  const write = (extra = '', name = 'p.yaml') => {
    mkdirSync(join(folder, 'docs', 'sql'), { recursive: true });
    writeFileSync(join(folder, 'docs', name), document(extra));
    writeFileSync(join(folder, 'docs', 'c.yaml'), 'kind: DataContract');
    writeFileSync(join(folder, 'docs', 'sql', 'f.sql'), 'select 1');
  };

  it('go together with the document that names them', async () => {
    write();
    const { code, out } = await rondo(['apply', '-f', 'docs/p.yaml', '--reason', 'first']);
    expect([code, out]).toEqual([0, 'pipeline/flights created, generation 1\n']);
    const { files } = requests.at(-1)!.request as { files: Record<string, Uint8Array> };
    expect(Object.keys(files).sort()).toEqual(['c.yaml', 'sql/f.sql']);
    expect(Buffer.from(files['sql/f.sql']!).toString()).toBe('select 1');
    expect((await rondo(['apply', '-f', 'docs'])).code).toBe(0);
    const dry = await rondo(['apply', '-f', 'docs/p.yaml', '--dry-run']);
    expect([dry.code, dry.out]).toEqual([0, 'docs/p.yaml: would be created (dry run, nothing changed)\n']);
    const named = ['validate', '-f', join(folder, 'docs')];
    expect((await rondo(named, { cwd: tmpdir() })).err).toMatch(`${join(folder, 'docs', 'p.yaml')}: `);
  });

  it('list every problem by place and exit 1', async () => {
    write('bad');
    expect(await rondo(['apply', '-f', 'docs/p.yaml'])).toMatchObject({
      code: 1,
      err: 'docs/p.yaml: 1 problem\n  docs/p.yaml:3:9  spec.time: is none of EventTime, WallClock [enum]\n',
    });
    const local = await rondo(['validate', '-f', 'docs/p.yaml'], { env: { RONDO_SERVER: '127.0.0.1:1' } });
    expect([local.code, local.err]).toEqual([
      1,
      expect.stringMatching(/^docs\/p\.yaml: \d+ problems\n {2}docs\/p\.yaml:\d+:\d+ {2}[\s\S]*spec\.owners/),
    ]);
  });

  it('differ with 1 and are equal with 0', async () => {
    write();
    expect(await rondo(['diff', '-f', 'docs/p.yaml'])).toMatchObject({ code: 1, out: 'spec.seed\n  - 1\n  + 2\n' });
    write('same');
    expect((await rondo(['diff', '-f', 'docs/p.yaml'])).code).toBe(0);
  });

  it('outside the folder of the document are never sent', async () => {
    writeFileSync(join(folder, 'secret'), 'x');
    mkdirSync(join(folder, 'docs'), { recursive: true });
    for (const name of ['../secret', join(folder, 'secret')]) {
      writeFileSync(join(folder, 'docs', 'evil.yaml'), document().replace('c.yaml', name));
      expect(await rondo(['apply', '-f', 'docs/evil.yaml'])).toMatchObject({
        code: 2,
        err: expect.stringContaining('lies outside its folder'),
      });
    }
    expect(requests).toHaveLength(0);
  });

  it('that cannot be read are named', async () => {
    expect(await rondo(['apply', '-f', 'none.yaml'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('none.yaml'),
    });
    write();
    writeFileSync(join(folder, 'docs', 'p.yaml'), document().replace('c.yaml', 'gone.yaml'));
    expect((await rondo(['apply', '-f', 'docs/p.yaml'])).err).toMatch(/gone.yaml, which docs.p.yaml names: .*ENOENT/);
  });
});

describe('wait', () => {
  it('prints what changes and says whether it went well', async () => {
    phases = [{ phase: 'Training' }, { phase: 'Training' }, { phase: 'Finished', result: 'Promoted' }];
    expect(await rondo(['wait', 'flights/7'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^flights\/7 Training: \nflights\/7 Promoted: .*\n$/),
    });
    phases = [{ phase: 'Finished', result: 'RolledBack' }];
    expect((await rondo(['wait', 'flights/7'])).code).toBe(1);
    phases = [{ phase: 'AwaitingApproval' }];
    expect((await rondo(['wait', 'flights/7', '--for', 'AwaitingApproval'])).code).toBe(0);
    phases = [{ phase: 'Finished', result: 'Promoted' }];
    expect((await rondo(['wait', 'flights/7', '--for', 'AwaitingApproval'])).code).toBe(1);
  });

  it('waits for a cycle that is yet to start, but not for a pipeline that is not there', async () => {
    phases = [{ phase: 'Finished', result: 'Promoted' }];
    notStarted = 1;
    expect((await rondo(['wait', 'flights/7'])).code).toBe(0);
    notStarted = 1;
    expect((await rondo(['wait', 'freight/1'])).code).toBe(6);
    notStarted = 0;
  });

  it('ends with 124 after the time-out and 130 on Ctrl-C; the cycle goes on', async () => {
    phases = [{ phase: 'Training' }];
    expect(await rondo(['wait', 'flights/7', '--timeout', '80ms'])).toMatchObject({
      code: 124,
      err: 'not within 80ms; the cycle goes on\n',
    });
    const interrupt = new AbortController();
    const out = (): void => interrupt.abort();
    expect(await rondo(['wait', 'flights/7'], { interrupted: interrupt.signal, out })).toMatchObject({ code: 130 });
  });
});

describe('event wait', () => {
  const waitForEvent = () => rondo(['event', 'wait', 'e7', '-p', 'flights']);

  it('looks until the event has a fate, and says whether its data was taken in', async () => {
    fates = ['Pending', 'Held'];
    expect(await waitForEvent()).toMatchObject({ code: 0, out: 'event/e7 Held: because\n' });
    fates = ['Quarantined'];
    expect(await waitForEvent()).toMatchObject({ code: 1, out: 'event/e7 Quarantined: because\n' });
    fates = ['Scheduled', 'Caused'];
    expect(await waitForEvent()).toMatchObject({ code: 0, out: 'event/e7 Caused: because\n' });
  });

  it('waits for an event that is yet to come, but not for a pipeline that is not there', async () => {
    expect((await rondo(['event', 'wait', 'e7', '-p', 'flights', '--timeout', '80ms'])).code).toBe(124);
    expect((await rondo(['event', 'wait', 'e7', '-p', 'freight'])).code).toBe(6);
  });
});

describe('events, audit and settings', () => {
  it('announce from flags or from a file of CloudEvents', async () => {
    const flags = [
      '--pipeline',
      'flights',
      '--uri',
      'file:///x.parquet',
      '--start',
      '2001-01-01',
      '--end',
      '2001-01-08T00:00:00Z',
      '--id',
      'again',
    ];
    expect((await rondo(['event', 'send', ...flags])).out).toBe('event/again is a duplicate of batch b9\n');
    const event = {
      specversion: '1.0',
      id: 'e1',
      source: 'up',
      type: 'dev.rondo.data.arrived.v1',
      time: '2001-01-08T00:00:00Z',
    };
    const data = {
      pipeline: 'flights',
      uri: 'file:///x',
      dataInterval: { start: '2001-01-01T00:00:00Z', end: '2001-01-08T00:00:00Z' },
    };
    const send = (value: unknown) =>
      rondo(['event', 'send', '-f', '-'], { readStdin: async () => JSON.stringify(value) });
    expect((await send([{ ...event, data }])).out).toBe('event/e1 accepted as batch b9\n');
    expect(requests.at(-1)).toMatchObject({
      request: { eventSource: 'up', dataInterval: { start: at('2001-01-01T00:00:00Z') } },
    });
    expect(await send({ ...event, data: { ...data, dataInterval: {} } })).toMatchObject({
      code: 2,
      err: expect.stringContaining('data.dataInterval.start'),
    });
    expect((await send({ ...event, type: 'other', data })).code).toBe(2);
    await send({ ...event, data: { ...data, contentDigest: 'sha256:ab', dedupeKey: 'week 1' } });
    expect(requests.at(-1)).toMatchObject({ request: { contentDigest: 'sha256:ab', dedupeKey: 'week 1' } });
    expect(await send([{ ...event, data: { ...data, dedupKey: 'week 1' } }])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/field {3}\[0\]\.data\.dedupKey\n/),
    });
    for (const day of ['2001-02-30', '2001-13-01', '2d', '5.3.2001'])
      expect(await rondo(['event', 'send', ...flags, '--start', day])).toMatchObject({
        code: 2,
        err: expect.stringMatching(/field {3}start\n/),
      });
    expect((await rondo(['event', 'send', '--uri', 'x'])).err).toContain('needs --pipeline');
  });

  it('say that the audit was altered', async () => {
    expect(await rondo(['audit', 'verify'])).toMatchObject({
      code: 1,
      out: 'ALTERED at training/run-1/4: hash differs (1,200 entries in 3 streams)\n',
    });
  });

  it('are told to machines as well', async () => {
    const verified = await rondo(['audit', 'verify', '-o', 'json']);
    expect([verified.code, JSON.parse(verified.out)]).toMatchObject([1, { intact: false, entries: '1200' }]);
    expect(JSON.parse((await rondo(['whoami', '-o', 'json'])).out)).toMatchObject({ roles: ['operator'] });
  });

  it('show where server and token come from, never the token', async () => {
    mkdirSync(join(folder, '.rondo'), { recursive: true });
    writeFileSync(join(folder, '.rondo', 'token'), `${tokens['admin']}\n`);
    const { out } = await rondo(['config'], { env: {} });
    expect(out).toBe(`server  127.0.0.1:4701  (default)\ntoken   ***  (${join(folder, '.rondo', 'token')})\n`);
    expect((await rondo(['whoami'], { env: { RONDO_SERVER: door.grpcAddress } })).out).toBe('alice (operator)\n');
    const elsewhere = { cwd: tmpdir(), env: { RONDO_HOME: join(folder, '.rondo') } };
    expect((await rondo(['config'], elsewhere)).out).toContain(`***  (${join(folder, '.rondo', 'token')})\n`);
    expect((await rondo(['config'], { env: { RONDO_TOKEN_FILE: join(folder, 'none') } })).code).toBe(2);
    expect((await rondo(['version'])).out).toBe(`rondo 0.1.0\nserver 0.1.0 (embedded) at ${door.grpcAddress}\n`);
  });
});

describe('token', () => {
  const create = ['token', 'create', '--principal', 'bob', '--role', 'approver', 'annotator'];

  it('is made, known to the server, listed without its secret, and taken away', async () => {
    const made = await rondo([...create, '--folder', 'auth', '--expires', '90d']);
    const id = /^token\/(\S+) of bob \(approver, annotator\); it is not shown again\n$/.exec(made.err)![1]!;
    const bob = { env: { RONDO_SERVER: door.grpcAddress, RONDO_TOKEN: made.out } };
    expect((await rondo(['get', 'pipelines'], bob)).code).toBe(0);
    const { out } = await rondo(['token', 'list', '--folder', 'auth', '-o', 'json']);
    expect(JSON.parse(out)).toContainEqual({
      id,
      principal: 'bob',
      roles: ['approver', 'annotator'],
      createdAt: expect.stringMatching(/^2/),
      expiresAt: expect.stringMatching(/^2/),
    });
    expect(out).not.toContain(made.out.trim());
    expect((await rondo(['token', 'revoke', `token/${id}`, '--folder', 'auth'])).out).toBe(`token/${id} revoked\n`);
    expect((await rondo(['token', 'list', '--folder', 'auth'])).out).not.toContain('bob');
    expect((await rondo(['token', 'revoke', id, '--folder', 'auth'])).code).toBe(6);
  });

  it('is not made in the wrong place, for no role, or for the past', async () => {
    expect(await rondo(create, { env: { RONDO_HOME: join(folder, 'elsewhere') } })).toMatchObject({
      code: 6,
      err: expect.stringContaining('--folder'),
    });
    const odd = ['token', 'create', '--principal', 'bob', '--folder', 'auth', '--role'];
    expect(await rondo([...odd, 'root'])).toMatchObject({ code: 2, err: expect.stringContaining('viewer, annotator') });
    expect(await rondo([...odd, 'viewer', '--expires', '2001-01-01'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/field {3}expires\n/),
    });
  });
});

describe('label', () => {
  it('shows campaigns with their verdict and what it lacks', async () => {
    const { out } = await rondo(['label', 'stats', '-p', 'flights']);
    expect(out).toMatch(/c1\s+flights\s+Closed\s+24 of 24\s+.*\s+agreement 1.00 \[0.72, 1.00\] on 24 tasks.*undecided/);
    expect(out).toMatch(/VERDICT\s+BECAUSE/);
  });

  it('shows annotators with what gold tasks tell of them', async () => {
    const { out } = await rondo(['label', 'annotators', '-p', 'flights']);
    expect(out).toMatch(
      /sam\s+flights\s+Paused\s+75\s+goldAccuracy 0.4300 \[0.1900, 0.6800\] 95 %, n = 12, limit 0.8000/,
    );
    expect(out).toContain('5 of 12 gold tasks right');
    expect(out).toMatch(/ida\s+flights\s+Active\s+14\s+-\s+7 more gold tasks before anything is concluded/);
  });

  it('lets a paused annotator go on with a reason', async () => {
    expect((await rondo(['label', 'resume', 'sam', '-p', 'flights', '--reason', 'trained again'])).out).toBe(
      'annotator/sam Active\n',
    );
    expect(requests.at(-1)).toMatchObject({
      method: 'ResumeAnnotator',
      request: { pipeline: 'flights', annotator: 'sam', reason: 'trained again' },
    });
    expect((await rondo(['label', 'resume', 'sam', '-p', 'flights'])).code).not.toBe(0);
  });
});
