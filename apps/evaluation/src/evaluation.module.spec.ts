import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EvaluationCompletedSchema, StepFailedSchema, Verdict, type EvaluationCompleted } from '@rondo/contracts';
import { parseConfig } from '@rondo/config';
import { Engine } from '@rondo/datasets';
import { createScorer, type Scorer } from '@rondo/models';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { evaluationConfig } from './config.js';
import type { PromotionLedger } from './domain/promotion-ledger.js';
import type { EvaluationReport } from './domain/report.js';
import {
  applyPolicy,
  calculateHere,
  evaluate,
  EVALUATION,
  plant,
  writeSplits,
  type Planted,
  type Request,
  type Split,
} from '../testing/planted.js';
import { EvaluationModule } from './evaluation.module.js';

const config = parseConfig(evaluationConfig, { RONDO_EVALUATION_LATENCY_REQUESTS: '400' });
const TEST_ROWS = 6_000;
// Every spec trains models and starts a service; a busy machine needs its time.
let engine: Engine;
let scorer: Scorer;
let platform: TestPlatform;
let service: TestService;
let splits: readonly Split[];

const start = (): Promise<TestService> =>
  testService(platform, EvaluationModule.forRoot({ config, engine, scorer, calculate: calculateHere }));
const planted = (model: Planted) => plant(platform, engine, splits, model);

beforeAll(() => {
  engine = new Engine();
});

afterAll(async () => {
  await engine.close();
});

beforeEach(async () => {
  scorer = createScorer();
  platform = testPlatform('evaluation');
  service = await start();
  splits = await writeSplits(platform, engine, TEST_ROWS);
  await applyPolicy(platform, 1);
});

afterEach(async () => {
  await service.close();
  await scorer.close();
  await platform.close();
});

async function answerTo(request: Omit<Request, 'splits'>): Promise<EvaluationCompleted> {
  await evaluate(platform, { splits, ...request });
  await service.drain();
  const failures = platform.recorded(StepFailedSchema).map(({ message }) => message.message);
  expect(failures).toEqual([]);
  return platform.recorded(EvaluationCompletedSchema).at(-1)!.message;
}

const gateOf = (answer: EvaluationCompleted, name: string) => answer.gates.find(({ gate }) => gate === name)!;

async function reportOf(answer: EvaluationCompleted): Promise<EvaluationReport> {
  return JSON.parse(
    Buffer.from(await platform.artifacts.get(answer.report!.digest)).toString('utf8'),
  ) as EvaluationReport;
}

describe('a challenger', () => {
  it('that is planted better passes, with the interval of its gain in the explanation', async () => {
    const answer = await answerTo({ model: await planted({ rounds: 15 }), champion: await planted({ rounds: 3 }) });
    expect(answer.verdict).toBe(Verdict.PASS);
    expect(answer.requiresReview).toBe(false);
    const gate = gateOf(answer, 'not-worse');
    expect(gate.verdict).toBe(Verdict.PASS);
    expect(gate.difference!.upper).toBeLessThan(0);
    expect(gate.difference).toMatchObject({ name: 'logLoss', confidence: 0.95, n: BigInt(TEST_ROWS), limit: 0.01 });
    expect(gate.challenger!.value).toBeLessThan(gate.champion!.value);
    expect(gate.explanation).toMatch(
      /^log loss minus the champion's is -0\.\d+ \(95 % interval -0\.\d+ to -0\.\d+, n = 6,000\): not worse/,
    );
  });

  it('that is planted worse fails', async () => {
    const answer = await answerTo({ model: await planted({ rounds: 3 }), champion: await planted({ rounds: 15 }) });
    expect(answer.verdict).toBe(Verdict.FAIL);
    expect(gateOf(answer, 'not-worse')).toMatchObject({ verdict: Verdict.FAIL, needsRows: 0n });
    expect(gateOf(answer, 'useful').verdict).toBe(Verdict.PASS);
  });

  it('that is about equal is not inferior', async () => {
    const answer = await answerTo({
      model: await planted({ rounds: 15, half: 0 }),
      champion: await planted({ rounds: 15, half: 1 }),
    });
    const { difference, verdict } = gateOf(answer, 'not-worse');
    expect(verdict).toBe(Verdict.PASS);
    expect(difference!.upper).toBeGreaterThan(0);
  });

  it('is judged inconclusive on few rows and says how many would decide', async () => {
    splits = await writeSplits(platform, engine, 150);
    const answer = await answerTo({
      model: await planted({ rounds: 15, half: 0 }),
      champion: await planted({ rounds: 15, half: 1 }),
    });
    expect(answer.verdict).toBe(Verdict.INCONCLUSIVE);
    expect(answer.requiresReview).toBe(true);
    const gate = gateOf(answer, 'not-worse');
    expect(gate.verdict).toBe(Verdict.INCONCLUSIVE);
    expect(gate.needsRows).toBeGreaterThan(150n);
    expect(gate.needsSlice).toBe('all');
  });

  it('that harms one cohort is found out, with an interval that holds for all cohorts at once', async () => {
    const answer = await answerTo({
      model: await planted({ rounds: 15, wrongIn: 2 }),
      champion: await planted({ rounds: 15 }),
    });
    expect(gateOf(answer, 'cohorts').verdict).toBe(Verdict.FAIL);
    const { cohorts } = await reportOf(answer);
    expect(cohorts).toHaveLength(8);
    expect(cohorts[0]).toMatchObject({ cohort: 'g=2' });
    expect(cohorts[0]!.difference.lower).toBeGreaterThan(0.1);
    const card = Buffer.from(await platform.artifacts.get(answer.modelCard!.digest)).toString('utf8');
    expect(card).toContain('Surely worse than the champion: g=2');
  });

  it('that harms a combination of values is found out by the search for slices', async () => {
    const search = 'slices: { depth: 2, minRows: 100, falseDiscoveryRate: 0.05 }\n    onInconclusive';
    const gates = `gates:\n      - { name: slices, severity: Blocking, expr: 'eval.slicesHarmed == 0' }`;
    await applyPolicy(platform, 2, EVALUATION.replace('onInconclusive', search).replace('gates:', gates));
    const champion = await planted({ rounds: 15 });
    const harmed = await answerTo({ model: await planted({ rounds: 15, wrongIn: 2 }), champion, generation: 2 });
    expect(gateOf(harmed, 'slices').verdict).toBe(Verdict.FAIL);
    const { slices } = await reportOf(harmed);
    expect(slices).toMatchObject({ against: 'champion', suspect: null });
    expect(slices!.harmed[0]).toMatchObject({ slice: 'g=2' });
    expect(slices!.harmed[0]!.lower).toBeGreaterThan(0.1);
    const card = Buffer.from(await platform.artifacts.get(harmed.modelCard!.digest)).toString('utf8');
    expect(card).toMatch(/## Slices\n\n.*slices had rows enough\.\n\n[^]*\| g=2 \|/);
  });

  it('is held to a gap between groups', async () => {
    const fair = (by: string, maxGap: number): string =>
      `- { name: fair-${by}, severity: Blocking, fairness: { by: ${by}, measure: DemographicParity, threshold: 0.5, maxGap: ${maxGap}, minRows: 100, confidence: 0.95 } }`;
    const gates = `gates:\n      ${fair('g', 0.2)}\n      ${fair('a', 0.2)}`;
    await applyPolicy(platform, 2, EVALUATION.replace('gates:', gates));
    const answer = await answerTo({ model: await planted({ rounds: 15 }), generation: 2 });
    expect(gateOf(answer, 'fair-g').verdict).toBe(Verdict.PASS);
    // The planted outcome follows a, so a model that is right decides differently where a differs.
    expect(gateOf(answer, 'fair-a').verdict).toBe(Verdict.FAIL);
    expect(gateOf(answer, 'fair-a').difference).toMatchObject({ name: 'demographicParityGap', slice: 'a', limit: 0.2 });
    const { fairness } = await reportOf(answer);
    expect(fairness[0]!.groups.map(({ rows }) => rows).reduce((sum, rows) => sum + rows, 0)).toBe(TEST_ROWS);
  });

  it('is not compared with itself', async () => {
    const model = await planted({ rounds: 15 });
    const answer = await answerTo({ model, champion: model });
    expect(answer.verdict).toBe(Verdict.INCONCLUSIVE);
    expect(gateOf(answer, 'not-worse').explanation).toBe(
      'the champion cannot be compared: it is the very model that is judged',
    );
  });

  it('without a champion is held against the baseline, and the skipped gates say so', async () => {
    const answer = await answerTo({ model: await planted({ rounds: 15 }) });
    expect(answer.verdict).toBe(Verdict.PASS);
    expect(gateOf(answer, 'not-worse').explanation).toBe(
      'no champion yet: skipped, and the gates against the baseline decide',
    );
    const report = await reportOf(answer);
    expect(report.backtestNote).toEqual({ mode: 'retrained', against: 'baseline' });
    expect(report.championMetrics).toEqual([]);
  });

  it('without champion and without a gate against the baseline proves nothing', async () => {
    await applyPolicy(platform, 2, EVALUATION.replace(/.*name: useful.*\n/, ''));
    const answer = await answerTo({ model: await planted({ rounds: 15 }), generation: 2 });
    expect(answer.verdict).toBe(Verdict.INCONCLUSIVE);
  });

  it('is not compared with a champion that takes other features', async () => {
    const champion = await planted({ rounds: 3, featureNames: ['a', 'b'] });
    const answer = await answerTo({ model: await planted({ rounds: 15 }), champion });
    expect(answer.verdict).toBe(Verdict.INCONCLUSIVE);
    expect(gateOf(answer, 'not-worse').explanation).toBe(
      'the champion cannot be compared: it takes 2 features; the policy has 3',
    );
  });
});

describe('the report', () => {
  it('holds curves, backtest, latency and digests', async () => {
    const [model, champion] = [await planted({ rounds: 15 }), await planted({ rounds: 3 })];
    const answer = await answerTo({ model, champion });
    const report = await reportOf(answer);
    expect(report).toMatchObject({
      schemaVersion: 'rondo.evaluation-report/v1',
      policyGeneration: 1,
      verdict: 'Pass',
      n: TEST_ROWS,
      models: { challenger: model.digest, champion: { version: 1, digest: champion.digest } },
      latency: { rows: 10, requests: 400 },
      backtestNote: { mode: 'retrained', against: 'champion' },
    });
    expect(report.calibration).toHaveLength(10);
    expect(report.championCalibration.length).toBeGreaterThan(1);
    expect(report.backtest.map(({ trainRows, n }) => [trainRows, n])).toEqual([
      [2000, 1000],
      [2000, 1000],
    ]);
    expect(
      report.backtest.every(
        ({ difference }) => difference.lower < difference.value && difference.value < difference.upper,
      ),
    ).toBe(true);
    for (const { champion: ofChampion, championInterval, challenger, challengerInterval } of report.backtest) {
      expect(championInterval.lower < ofChampion && ofChampion < championInterval.upper).toBe(true);
      expect(challengerInterval.lower < challenger && challenger < challengerInterval.upper).toBe(true);
    }
    const { mean, interval, n } = report.backtestBelief!;
    expect([n, interval.lower < mean, mean < interval.upper]).toEqual([2, true, true]);
    const card = Buffer.from(await platform.artifacts.get(answer.modelCard!.digest)).toString('utf8');
    expect(card).toMatch(/over such windows its log loss differs by \S+ on average \(95 %: \S+ to \S+, 2 windows\)/);
    expect(answer.metrics.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'logLoss',
        'rocAuc',
        'brier',
        'prAuc',
        'ece',
        'expectedEce',
        'debiasedEce',
        'calibrationSlope',
        'p50Ms',
        'p99Ms',
      ]),
    );
  });

  it('names the clusters that all its intervals are over, and so does the card', async () => {
    await applyPolicy(platform, 2, `${EVALUATION}\n    clusters: lot`);
    const request = { model: await planted({ rounds: 15 }), champion: await planted({ rounds: 3 }), generation: 2 };
    const answer = await answerTo(request);
    const report = await reportOf(answer);
    expect(report.clusters).toEqual({ by: 'lot', clusters: 30, effective: 30 });
    expect(gateOf(answer, 'not-worse').difference!.method).toBe('paired mean, t interval, over 30 clusters by lot');
    expect(report.metrics.find(({ name }) => name === 'logLoss')!.method).toBe('mean, t interval, over clusters');
    expect(report.backtest).toHaveLength(2);
    const card = Buffer.from(await platform.artifacts.get(answer.modelCard!.digest)).toString('utf8');
    expect(card).toContain(
      'Rows with the same lot err together: all intervals on the sealed test are over 30 clusters',
    );
  });

  it('is inconclusive with too few clusters, and says how many rows would bring enough', async () => {
    splits = await writeSplits(platform, engine, 1_000);
    await applyPolicy(platform, 2, `${EVALUATION}\n    clusters: lot`);
    const request = { model: await planted({ rounds: 15 }), champion: await planted({ rounds: 3 }), generation: 2 };
    const answer = await answerTo(request);
    expect(answer.verdict).toBe(Verdict.INCONCLUSIVE);
    const gate = gateOf(answer, 'not-worse');
    expect(gate).toMatchObject({ verdict: Verdict.INCONCLUSIVE, needsRows: 2_000n, needsSlice: 'all' });
    expect(gate.difference!.upper).toBeLessThan(0);
    expect(gate.explanation).toContain('the rows come from 5 clusters by lot; fewer than 10 decide nothing');
    expect(gate.explanation).toContain('about 2,000 rows, from 10 clusters by lot, would decide');
    expect(gateOf(answer, 'calibrated').verdict).toBe(Verdict.INCONCLUSIVE);
    expect(gateOf(answer, 'fast').verdict).toBe(Verdict.PASS);
  });

  it('states every metric, and every time, with its interval', async () => {
    const answer = await answerTo({ model: await planted({ rounds: 15 }), champion: await planted({ rounds: 3 }) });
    for (const { value, lower, upper, n, method } of answer.metrics) {
      expect(lower).toBeLessThanOrEqual(value);
      expect(upper).toBeGreaterThanOrEqual(value);
      expect(n).toBeGreaterThan(0n);
      expect(method).not.toBe('');
    }
    const report = await reportOf(answer);
    expect(report.baseline.metrics.map(({ name, lower }) => [name, typeof lower])).toEqual([
      ['logLoss', 'number'],
      ['brier', 'number'],
    ]);
    const card = Buffer.from(await platform.artifacts.get(answer.modelCard!.digest)).toString('utf8');
    expect(card).toMatch(/alone gives a log loss of 0\.\d+ \(95 %: 0\.\d+ to 0\.\d+\)/);
    expect(card).toMatch(/took [\d.]+ ms \(95 %: [\d.]+ to [\d.]+ ms\) \(median\) and .* in 400 requests/);
  });

  it('repeats itself but for measured times when the same cycle is judged again', async () => {
    const [model, champion] = [await planted({ rounds: 15 }), await planted({ rounds: 3 })];
    const first = await reportOf(await answerTo({ model, champion }));
    const again = await reportOf(await answerTo({ model, champion, key: 'retry' }));
    expect(again.reproducibleDigest).toBe(first.reproducibleDigest);
    expect({ ...again, latency: null, gates: [] }).toEqual({ ...first, latency: null, gates: [] });
  });

  it('comes once for a command that is delivered twice', async () => {
    const request = { model: await planted({ rounds: 3 }), messageId: '00000000-0000-4000-8000-000000000001' };
    await answerTo(request);
    await answerTo(request);
    expect(platform.recorded(EvaluationCompletedSchema)).toHaveLength(1);
  });

  it('scores the challenger as it is where its trainer cannot be run again', async () => {
    const report = await reportOf(await answerTo({ model: await planted({ rounds: 15 }), candidate: 'own' }));
    expect(report.backtestNote).toEqual({ mode: 'as-is', against: 'baseline' });
    expect(report.backtest).toHaveLength(2);
  });
});

describe('heavy arithmetic', () => {
  it('gives the same report in a thread of its own', async () => {
    const request = { model: await planted({ rounds: 15 }), champion: await planted({ rounds: 3 }) };
    const here = await reportOf(await answerTo(request));
    await service.close();
    service = await testService(platform, EvaluationModule.forRoot({ config, engine, scorer }));
    const inThread = await reportOf(await answerTo({ ...request, key: 'again' }));
    expect(inThread.reproducibleDigest).toBe(here.reproducibleDigest);
  });
});

describe('the sealed test', () => {
  it('is opened for one candidate per cycle', async () => {
    const model = await planted({ rounds: 15 });
    await answerTo({ model });
    await evaluate(platform, { splits, model: await planted({ rounds: 3 }), candidate: 'other', key: 'key-2' });
    await service.drain();
    const [failure] = platform.recorded(StepFailedSchema);
    expect(failure!.message).toMatchObject({
      step: 'evaluate',
      cycleId: 'cycle-1',
      idempotencyKey: 'key-2',
      code: 'failed-precondition',
      attempts: 1,
    });
    expect(failure!.message.message).toContain('was opened for candidate trees');
    expect(platform.recorded(EvaluationCompletedSchema)).toHaveLength(1);
    expect((await platform.journal.load('sealed-test-opened', 'cycle-1'))!.state).toMatchObject({
      candidate: 'trees',
      modelDigest: model.digest,
    });
  });

  it('may be opened in another cycle', async () => {
    await answerTo({ model: await planted({ rounds: 15 }) });
    await answerTo({ model: await planted({ rounds: 3 }), cycleId: 'cycle-2' });
    expect(platform.recorded(EvaluationCompletedSchema)).toHaveLength(2);
  });

  it('stays closed for a model that cannot be loaded', async () => {
    const model = await platform.artifacts.put(new TextEncoder().encode('no model'));
    await evaluate(platform, { splits, model });
    await service.drain();
    expect(platform.recorded(StepFailedSchema)[0]!.message.code).toBe('invalid');
    expect(await platform.journal.load('sealed-test-opened', 'cycle-1')).toBeUndefined();
  });
});

describe('the lifetime alpha', () => {
  const BETTER = `gates:
      - { name: better, severity: Blocking, compare: { to: champion, metric: logLoss, rule: Superior, test: PairedMean, confidence: 0.95, margin: 0 } }`;
  const withAlpha = (alpha: number): string =>
    EVALUATION.replace('gates:', BETTER).replace('onInconclusive', `lifetimeAlpha: ${alpha}\n    onInconclusive`);
  const ledger = () => platform.journal.load<PromotionLedger>('promotion-ledger', 'planted');

  it('is spent once per cycle, however often the cycle is evaluated, also by another process', async () => {
    await applyPolicy(platform, 2, withAlpha(0.05));
    const [model, champion] = [await planted({ rounds: 15 }), await planted({ rounds: 3 })];
    const first = await answerTo({ model, champion, generation: 2 });
    const look = {
      lifetimeAlpha: 0.05,
      look: 1n,
      level: expect.closeTo(0.0205, 4),
      remaining: expect.closeTo(0.0295, 4),
    };
    expect(gateOf(first, 'better')).toMatchObject({ verdict: Verdict.PASS, alphaLook: look });
    expect(gateOf(first, 'better').difference!.confidence).toBeCloseTo(0.959, 3);
    expect(gateOf(first, 'not-worse').alphaLook).toBeUndefined();
    await service.close();
    service = await start();
    const again = await answerTo({ model, champion, generation: 2, key: 'retry' });
    expect(gateOf(again, 'better')).toMatchObject({ alphaLook: look });
    expect((await reportOf(again)).reproducibleDigest).toBe((await reportOf(first)).reproducibleDigest);
    expect((await ledger())!.state.looks).toBe(1);

    const next = await answerTo({ model, champion, generation: 2, cycleId: 'cycle-2' });
    expect(gateOf(next, 'better').alphaLook).toMatchObject({ look: 2n });
    expect(gateOf(next, 'better').alphaLook!.level).toBeLessThan(gateOf(first, 'better').alphaLook!.level);
    expect(gateOf(next, 'better').explanation).toMatch(
      /look 2 of the pipeline's life was taken at 0\.\d+ % of its 5 %/,
    );
  });

  it('is not spent where nothing could be decided with it', async () => {
    await applyPolicy(platform, 2, withAlpha(0.05));
    const model = await planted({ rounds: 15 });
    await answerTo({ model, generation: 2 });
    splits = await writeSplits(platform, engine, 90);
    const few = await answerTo({ model, champion: await planted({ rounds: 3 }), generation: 2, cycleId: 'cycle-2' });
    expect(gateOf(few, 'better')).toMatchObject({ verdict: Verdict.INCONCLUSIVE });
    expect(gateOf(few, 'better').alphaLook).toBeUndefined();
    expect(await ledger()).toBeUndefined();
  });

  it('is not spent where rows come from too few clusters to decide anything', async () => {
    await applyPolicy(platform, 2, `${withAlpha(0.05)}\n    clusters: lot`);
    const request = { model: await planted({ rounds: 15 }), champion: await planted({ rounds: 3 }), generation: 2 };
    const enough = splits;
    splits = await writeSplits(platform, engine, 1_000);
    const few = await answerTo(request);
    expect(gateOf(few, 'better')).toMatchObject({ verdict: Verdict.INCONCLUSIVE });
    expect(gateOf(few, 'better').alphaLook).toBeUndefined();
    expect(await ledger()).toBeUndefined();
    splits = enough;
    const next = await answerTo({ ...request, cycleId: 'cycle-2' });
    expect(gateOf(next, 'better').alphaLook).toMatchObject({ look: 1n });
  });
});

describe('an evaluation that is interrupted', () => {
  it('is taken up by the next process and ends with the same report', async () => {
    const [model, champion] = [await planted({ rounds: 15 }), await planted({ rounds: 3 })];
    const undisturbed = await reportOf(await answerTo({ model, champion, cycleId: 'cycle-0' }));
    const score = scorer.score.bind(scorer);
    const reached = new Promise<void>((resolve) => {
      scorer.score = (...args) => {
        resolve();
        return score(...args);
      };
    });
    await evaluate(platform, { splits, model, champion });
    await reached;
    await service.close();
    expect(platform.recorded(EvaluationCompletedSchema)).toHaveLength(1);
    service = await start();
    await service.drain();
    const answers = platform.recorded(EvaluationCompletedSchema);
    expect(answers).toHaveLength(2);
    expect((await reportOf(answers[1]!.message)).reproducibleDigest).toBe(undisturbed.reproducibleDigest);
    expect((await platform.journal.load('sealed-test-opened', 'cycle-1'))!.version).toBe(1);
  });

  it('leaves a champion loaded that was served before, and unloads what it loaded itself', async () => {
    const [model, champion] = [await planted({ rounds: 15 }), await planted({ rounds: 3 })];
    await scorer.load(champion.digest, await platform.artifacts.get(champion.digest));
    await answerTo({ model, champion });
    expect(scorer.loaded(champion.digest)).toBeDefined();
    expect(scorer.loaded(model.digest)).toBeUndefined();
  });
});

describe('a command that cannot be carried out', () => {
  it('is answered when a part is missing', async () => {
    await evaluate(platform, { splits: splits.slice(0, 2), model: await planted({ rounds: 3 }) });
    await service.drain();
    expect(platform.recorded(StepFailedSchema)[0]!.message).toMatchObject({
      code: 'invalid',
      message: 'the command names no test part',
    });
  });

  it('is answered when the policy has no such candidate', async () => {
    await evaluate(platform, { splits, model: await planted({ rounds: 3 }), candidate: 'unknown' });
    await service.drain();
    expect(platform.recorded(StepFailedSchema)[0]!.message.message).toBe('generation 1 has no candidate unknown');
  });

  it('is answered when the model takes other features', async () => {
    await evaluate(platform, { splits, model: await planted({ rounds: 3, featureNames: ['a', 'x', 'g'] }) });
    await service.drain();
    expect(platform.recorded(StepFailedSchema)[0]!.message.message).toContain('takes x as feature 2; the policy has b');
  });
});
