import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  BatchReadySchema,
  ChampionChangedSchema,
  DriftEvaluatedSchema,
  DriftService,
  DriftState,
  LabelsObservedSchema,
  ListEvaluationsRequestSchema,
  PerformanceEvaluatedSchema,
  PipelineAppliedSchema,
  PredictionsLoggedSchema,
  ReferenceProfiledSchema,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { seededRandom } from '@rondo/kernel';
import { admitPipeline } from '@rondo/policy';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { eventually } from '@rondo/testing';
import { SEASON_WINDOW, SERVED_REQUEST } from './documents.js';
import { calculated, type Calculation, type CalculationResults } from './domain/calculation.js';
import type { ServedRequest } from './domain/served-request.js';
import type { Calculate } from './ports/calculator.js';
import { DriftMonitorModule } from './drift-monitor.module.js';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
const pipeline = 'flight-delay';
const endpoint = 'flight-delay';
const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const ROWS = 4000;

let engine: Engine;
let files: string;
let platform: TestPlatform;
let service: TestService;

beforeAll(async () => {
  engine = new Engine({ threads: 1 });
  files = await mkdtemp(join(tmpdir(), 'rondo-drift-'));
});

afterAll(async () => {
  await engine.close();
  await rm(files, { recursive: true, force: true });
});

beforeEach(async () => {
  platform = testPlatform('drift-monitor');
  service = await testService(platform, DriftMonitorModule.forRoot({ config: { driftKeepDays: 60 }, engine }));
  await applyPolicy();
});

afterEach(async () => {
  await service.close();
  await platform.close();
});

async function applyPolicy(
  change: (document: string) => string = (document) => document,
  generation = 1n,
): Promise<void> {
  const admission = admitPipeline({
    document: change(readFileSync(new URL('pipeline.yaml', folder), 'utf8')),
    files: {
      'contract.odcs.yaml': new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder))),
      'features.sql': new TextEncoder().encode('SELECT 1'),
    },
  });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  const document = await artifact(new TextEncoder().encode(admission.bundle));
  await publish(PipelineAppliedSchema, { pipeline, generation, document, endpoint });
  await service.drain();
}

async function artifact(bytes: Uint8Array) {
  const { digest, sizeBytes } = await platform.artifacts.put(bytes);
  return { digest, mediaType: 'application/octet-stream', sizeBytes: BigInt(sizeBytes) };
}

const publish = <D extends DescMessage>(schema: D, message: MessageInitShape<D>, id?: string): Promise<string> =>
  platform.publish(schema, message, { key: pipeline, ...(id !== undefined && { id }) });

/** Rows with a number that grows from 0 to 1, shifted; a weekday; a column that is null in some rows. */
async function rowsFile(shift = 0, rows = ROWS, columns = 'x, dow, gaps') {
  const outPath = join(files, `rows-${shift}-${rows}-${columns.length}.parquet`);
  const select = `SELECT ${columns} FROM (SELECT 'row-' || i AS flight_id, (i * 7919 % ${rows}) / ${rows} + ${shift} AS x, i % 7 AS dow,
    CASE WHEN i % 5 > 0 THEN i % 1000 END AS gaps FROM range(${rows}) AS r (i))`;
  await engine.writeParquet({ select, outPath });
  return artifact(await readFile(outPath));
}

const model = (version: number) => ({ name: 'late', version, digest: `sha256:${String(version).repeat(64)}` });
const estimate = (name: string, value: number) => ({
  name,
  value,
  confidence: 0.95,
  n: 1000n,
  slice: 'all',
  method: 'm',
});

async function promote(version: number): Promise<void> {
  await publish(ChampionChangedSchema, {
    pipeline,
    cycleId: `cycle-${version}`,
    to: model(version),
    snapshotDigest: `sha256:${'5'.repeat(64)}`,
    referenceRows: await rowsFile(),
    featureNames: ['x', 'dow', 'gaps'],
    featureImportance: [0.6, 0.1, 0.3],
    referenceMetrics: [estimate('logLoss', 0.5)],
  });
}

async function batchReady(
  week: number,
  featuresArtifact?: Awaited<ReturnType<typeof artifact>>,
  id?: string,
  policyGeneration = 1n,
): Promise<void> {
  const range = { start: timestampFromMs(week * WEEK), end: timestampFromMs((week + 1) * WEEK) };
  const rows = featuresArtifact ?? (await rowsFile());
  const message = {
    pipeline,
    batchId: `week-${week}`,
    eventId: `week-${week}`,
    dataInterval: range,
    rowsArtifact: rows,
    featuresArtifact: rows,
    policyGeneration,
  };
  await publish(BatchReadySchema, message, id);
}

/** One request of 700 rows, calibrated scores. */
async function serve(
  requestId: string,
  hour: number,
  version = 1,
  rows = 700,
  keyOf: (row: number) => string = (row) => `${requestId}/${row}`,
): Promise<Uint8Array> {
  const random = seededRandom(hour + 1);
  const championScores = Array.from({ length: rows }, () => random.next());
  await publish(PredictionsLoggedSchema, {
    endpoint,
    pipeline,
    requestId,
    eventTime: timestampFromMs(hour * HOUR),
    champion: model(version),
    keys: championScores.map((_, row) => keyOf(row)),
    servedByCandidate: championScores.map(() => false),
    championScores,
    candidateScores: championScores.map(() => Number.NaN),
  });
  return Uint8Array.from(championScores, (score) => (random.next() < score ? 1 : 0));
}

const label = (requestId: string, labels: Uint8Array, rowIndexes: number[] = []): Promise<string> =>
  publish(LabelsObservedSchema, { endpoint, pipeline, requestId, eventTime: timestampFromMs(0), labels, rowIndexes });

const drifts = () => platform.recorded(DriftEvaluatedSchema).map(({ message }) => message);
const performances = () => platform.recorded(PerformanceEvaluatedSchema).map(({ message }) => message);
const metric = (evaluation: ReturnType<typeof performances>[number], name: string) =>
  evaluation.metrics.find((item) => item.name === name);
const listRequest = (pageSize = 0) => create(ListEvaluationsRequestSchema, { pipeline, pageSize });

describe('drift', () => {
  it('profiles what the champion was trained on', async () => {
    await promote(1);
    await service.drain();
    const [profiled] = platform.recorded(ReferenceProfiledSchema);
    const bytes = await platform.artifacts.get(profiled!.message.profile!.digest);
    const profile = JSON.parse(new TextDecoder().decode(bytes)) as { features: { kind: string; nulls: number }[] };
    expect(profile.features.map(({ kind, nulls }) => [kind, nulls])).toEqual([
      ['continuous', 0],
      ['category', 0],
      ['continuous', ROWS / 5],
    ]);
  });

  it('says nothing about a pipeline without a champion', async () => {
    await batchReady(1);
    await service.drain();
    expect(drifts()).toEqual([]);
    expect(performances()).toEqual([]);
  });

  it('finds the same rows clear and shifted rows detected after two batches of three', async () => {
    await promote(1);
    await service.drain();
    for (const [week, shift] of [0, 0.5, 0.5].entries()) {
      await batchReady(week, await rowsFile(shift));
      await service.drain();
    }
    expect(drifts().map(({ state }) => state)).toEqual([DriftState.CLEAR, DriftState.SUSPECTED, DriftState.DETECTED]);
    const last = drifts()[2]!;
    expect(last).toMatchObject({ batchId: 'week-2', featuresDetected: 1, rows: BigInt(ROWS), model: model(1) });
    expect(last.features.map(({ feature, state }) => [feature, state])).toEqual([
      ['x', DriftState.DETECTED],
      ['dow', DriftState.CLEAR],
      ['gaps', DriftState.CLEAR],
    ]);
    expect(last.features[0]!.distance).toMatchObject({ name: 'ks', value: expect.closeTo(0.5, 2) });
    expect(last.features[0]!.currentShares).toHaveLength(last.features[0]!.binEdges.length + 1);
    expect(last.importanceWeighted!.lower).toBeGreaterThan(0.1);
  });

  it('compares a batch that came while the profile was being made, and each batch once', async () => {
    await promote(1);
    await batchReady(1, undefined, 'a');
    await batchReady(1, undefined, 'b');
    await service.drain();
    await batchReady(1, undefined, 'c');
    await service.drain();
    expect(drifts().map(({ batchId }) => batchId)).toEqual(['week-1']);
  });

  it('counts a feature that the batch lacks as missing in every row', async () => {
    await promote(1);
    await batchReady(1, await rowsFile(0, ROWS, 'x, dow'));
    await service.drain();
    const [, dow, gone] = drifts()[0]!.features;
    expect(gone).toMatchObject({ state: DriftState.DETECTED, nullRateCurrent: 1 });
    expect(gone!.nullRateCurrentEstimate).toMatchObject({ value: 1, upper: 1, n: BigInt(ROWS) });
    expect(gone!.currentShareBounds).toBeUndefined();
    const { currentShares: shares, currentShareBounds: bounds } = dow!;
    expect(bounds).toMatchObject({ confidence: 0.95, n: BigInt(ROWS) });
    expect(shares.every((share, bin) => bounds!.lower[bin]! <= share && share < bounds!.upper[bin]!)).toBe(true);
  });

  it('does not judge a batch of few rows', async () => {
    await promote(1);
    await batchReady(1, await rowsFile(0.5, 500));
    await batchReady(2, await rowsFile(0.5, 0));
    await service.drain();
    expect(drifts().map(({ state }) => state)).toEqual([DriftState.INSUFFICIENT, DriftState.INSUFFICIENT]);
  });

  it('measures against the newest champion, from a fresh start', async () => {
    await promote(1);
    await service.drain();
    await batchReady(1, await rowsFile(0.5));
    await service.drain();
    await promote(2);
    await service.drain();
    await batchReady(1, await rowsFile(0.5), 'again');
    await service.drain();
    expect(drifts().map(({ model: of, state }) => [of!.version, state])).toEqual([
      [1, DriftState.SUSPECTED],
      [2, DriftState.SUSPECTED],
    ]);
    expect(new Set(drifts().map(({ evaluationId }) => evaluationId)).size).toBe(2);
  });

  it('takes what comes back every four weeks for the season, whoever is champion, and nothing else', async () => {
    const season = 'persistence: { breaches: 1, outOf: 1 }\n      season: { period: 28d, within: 1d, minWindows: 2 }';
    await applyPolicy((document) => document.replace('persistence: { breaches: 2, outOf: 3 }', season), 2n);
    const evaluated = async (week: number, shift: number) => {
      await batchReady(week, await rowsFile(shift), undefined, 2n);
      await service.drain();
      return drifts().at(-1)!;
    };
    await promote(1);
    await service.drain();
    for (let week = 0; week < 8; week++) await evaluated(week, week % 4 === 1 ? 0.5 : 0);
    expect(drifts().map(({ state }) => state === DriftState.DETECTED)).toEqual(
      [1, 2].flatMap(() => [false, true, false, false]),
    );
    await promote(2);
    await service.drain();
    expect((await evaluated(8, 0)).state).toBe(DriftState.CLEAR);
    const third = await evaluated(9, 0.5);
    expect(third).toMatchObject({ state: DriftState.SEASONAL, featuresDetected: 0, model: model(2) });
    expect(third.importanceWeighted!.value).toBe(0);
    expect(third.features[0]).toMatchObject({
      state: DriftState.SEASONAL,
      season: { unusual: false, windows: 2, rows: BigInt(2 * ROWS), effect: { name: 'seasonalPsi', value: 0 } },
    });
    const shifted = await evaluated(13, -0.3);
    expect(shifted.state).toBe(DriftState.DETECTED);
    expect(shifted.features[0]!.season).toMatchObject({ unusual: true, windows: 3 });
    const kept = await platform.journal.list(SEASON_WINDOW, { where: { pipeline } });
    expect(kept.items).toHaveLength(11);
  });

  it('lists evaluations, newest first', async () => {
    await promote(1);
    for (const week of [0, 1, 2]) await batchReady(week);
    await service.drain();
    const rpc = service.rpc(DriftService);
    const all = await rpc.listDriftEvaluations(listRequest(), rpcContext());
    expect(all.evaluations?.map(({ batchId }) => batchId)).toEqual(['week-2', 'week-1', 'week-0']);
    const performance = await rpc.listPerformanceEvaluations(listRequest(2), rpcContext());
    expect(performance.evaluations).toHaveLength(2);
  });
});

describe('performance', () => {
  beforeEach(async () => {
    await promote(1);
    await service.drain();
  });

  it('measures the window of a batch on its labelled predictions', async () => {
    for (const hour of [1, 2]) await label(`r${hour}`, await serve(`r${hour}`, hour));
    await serve('other-week', 200);
    await serve('other-model', 3, 7);
    await service.drain();
    await batchReady(0);
    await service.drain();
    const [evaluation] = performances();
    expect(evaluation).toMatchObject({ estimated: false, labelCoverage: 1, state: 'sufficient', rows: 1400n });
    const coverage = evaluation!.labelCoverageEstimate!;
    expect(coverage).toMatchObject({ value: 1, upper: 1, confidence: 0.95, n: 1400n });
    // Two requests, each labelled as a whole: little is known of the next one.
    expect(coverage.method).toBe('Wilson, over 2 requests whose labels come together');
    expect(coverage.lower).toBeLessThan(0.1);
    const logLoss = metric(evaluation!, 'logLoss')!;
    // Scores uniform on (0, 1) and calibrated: the expected log loss is 1/2.
    expect(Math.abs(logLoss.value - 0.5)).toBeLessThan(0.05);
    expect(logLoss.lower).toBeLessThan(logLoss.value);
    expect(evaluation!.referenceMetrics).toMatchObject([{ name: 'logLoss', value: 0.5 }]);
    expect(evaluation!.logLossExcess).toBeCloseTo(logLoss.value - 0.5, 10);
    const excess = evaluation!.logLossExcessEstimate!;
    expect(excess).toMatchObject({
      name: 'logLossExcess',
      value: evaluation!.logLossExcess,
      n: 1400n,
      confidence: 0.95,
    });
    expect(excess.upper! - excess.lower!).toBeGreaterThan(0);
  });

  it('is told after the comparison of the batch, whichever of the two takes longer', async () => {
    let letGo = (): void => undefined;
    const comparing = new Promise<void>((resolve) => (letGo = resolve));
    const asked: string[] = [];
    const calculate: Calculate = async <K extends Calculation['kind']>(
      calculation: Extract<Calculation, { kind: K }>,
    ) => {
      asked.push(calculation.kind);
      if (calculation.kind === 'compare') await comparing;
      return calculated(calculation) as CalculationResults[K];
    };
    await service.close();
    service = await testService(
      platform,
      DriftMonitorModule.forRoot({ config: { driftKeepDays: 60 }, engine, calculate }),
    );
    for (const hour of [1, 2]) await label(`r${hour}`, await serve(`r${hour}`, hour));
    await service.drain();
    await batchReady(0);
    await eventually(() => asked.includes('compare'));
    await platform.bus.idle();
    expect(asked).not.toContain('measure');
    letGo();
    await service.drain();
    const judging = asked.filter((kind) => kind !== 'forecast');
    expect(judging.slice(-4)).toEqual(['compare', 'compare', 'compare', 'measure']);
    expect([drifts().length, performances().length]).toEqual([1, 1]);
  });

  it('estimates from the scores while labels are missing, and restates the window when they come', async () => {
    const labels = [await serve('r1', 1), await serve('r2', 2)];
    await service.drain();
    await batchReady(0);
    await service.drain();
    expect(performances()).toMatchObject([{ estimated: true, labelCoverage: 0, rows: 1400n, logLossExcess: 0 }]);
    expect(metric(performances()[0]!, 'logLoss')!.value).toBeCloseTo(0.5, 1);
    await label('r1', labels[0]!);
    await label('r2', labels[1]!);
    await service.drain();
    const [first, ...restated] = performances();
    expect(restated.at(-1)).toMatchObject({ estimated: false, labelCoverage: 1, rows: 1400n, window: first!.window });
    expect(new Set(performances().map(({ evaluationId }) => evaluationId)).size).toBe(performances().length);
  });

  it('leaves an evaluation alone when only a few labels come later', async () => {
    for (const hour of [1, 2]) await label(`r${hour}`, (await serve(`r${hour}`, hour)).subarray(0, 690));
    await service.drain();
    await batchReady(0);
    await service.drain();
    await label('r1', new Uint8Array(10), [690, 691, 692, 693, 694, 695, 696, 697, 698, 699]);
    await service.drain();
    expect(performances()).toHaveLength(1);
  });

  it('says when there is too little to judge', async () => {
    await serve('r1', 1);
    await batchReady(0);
    await service.drain();
    expect(performances()).toMatchObject([{ state: 'insufficient', rows: 0n, rowsNeeded: 1000n, metrics: [] }]);
    expect(performances()[0]!.logLossExcessEstimate).toBeUndefined();
  });

  it('takes the first outcome of a row and ignores repeated, contradicting and unknown ones', async () => {
    const labels = await serve('r1', 1, 1, 1200);
    await label('r1', labels);
    await label('r1', labels);
    await label(
      'r1',
      labels.map((value) => 1 - value),
    );
    await label('r1', Uint8Array.of(1, 7), [5000, 3]);
    await label('nobody', labels);
    await serve('r1', 1, 1, 1200);
    await service.drain();
    await batchReady(0);
    await service.drain();
    expect(performances()).toMatchObject([{ labelCoverage: 1, rows: 1200n }]);
    expect(platform.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(5);
  });

  it('measures many rows in a thread of its own with the same result', async () => {
    const labels = await serve('r1', 1, 1, 6000);
    await label('r1', labels);
    await service.drain();
    await batchReady(0);
    await service.drain();
    expect(performances()).toMatchObject([{ rows: 6000n, state: 'sufficient' }]);
    expect(metric(performances()[0]!, 'logLoss')!.value).toBeCloseTo(0.5, 1);
    expect(metric(performances()[0]!, 'rocAuc')!.value).toBeCloseTo(5 / 6, 1);
  });

  it('adds up the excess over windows and forgets predictions that no window needs', async () => {
    for (const week of [0, 1, 2]) {
      const hour = week * 168 + 1;
      await label(`w${week}`, await serve(`w${week}`, hour, 1, 1100));
      await service.drain();
      await batchReady(week);
      await service.drain();
    }
    const losses = performances().map((evaluation) => metric(evaluation, 'logLoss')!.value);
    const mean = losses.reduce((sum, loss) => sum + loss - 0.5, 0) / 3;
    expect(performances()[2]!.logLossExcess).toBeCloseTo(mean, 10);
    const [first, , last] = performances();
    expect(first!.attribution).toBeUndefined();
    const { change, mix, rate, segments } = last!.attribution!;
    expect(change).toMatchObject({ name: 'logLossChange', n: 1100n });
    expect(change!.value).toBeCloseTo(losses[2]! - (losses[0]! + losses[1]!) / 2, 6);
    expect(mix!.value + rate!.value).toBeCloseTo(change!.value, 10);
    expect(segments.map(({ rows }) => Number(rows)).reduce((sum, rows) => sum + rows, 0)).toBe(1100);
    expect(segments.map(({ referenceRows }) => Number(referenceRows)).reduce((sum, rows) => sum + rows, 0)).toBe(2200);
    const kept = await platform.journal.list<ServedRequest>(SERVED_REQUEST);
    expect(kept.items.map(({ state }) => state.requestId).sort()).toEqual(['w1', 'w2']);
  });

  it('names the segments of features in which the champion got worse, where callers send the keys of the batch', async () => {
    const rows = 'flight_id, x, dow, gaps';
    for (const week of [0, 1, 2]) {
      const keyOf = (row: number): string => (week === 1 ? '' : 'row-') + row;
      const labels = await serve(`w${week}`, week * 168 + 1, 1, ROWS, keyOf);
      // In the last week every other outcome on day 3 is turned around.
      const seen = labels.map((value, row) => (week === 2 && row % 14 === 3 ? 1 - value : value));
      await label(`w${week}`, seen);
      await service.drain();
      await batchReady(week, await rowsFile(0, ROWS, rows));
      await service.drain();
    }
    const [, unjoined, last] = performances();
    expect(unjoined!.attribution).toBeDefined();
    expect(unjoined!.attribution!.features).toBeUndefined();
    const { segments, tested, rows: joined } = last!.attribution!.features!;
    expect(segments.map(({ feature, segment }) => [feature, segment])).toEqual([['dow', 'dow=3']]);
    // Ten parts of x and of gaps and the rows without gaps, seven days.
    expect([tested, joined]).toEqual([28, BigInt(ROWS)]);
    const [worst] = segments;
    expect(worst!.excess).toMatchObject({ name: 'logLossSegmentExcess', slice: 'dow=3', n: worst!.rows });
    // A turned outcome costs 1 more on average where scores are uniform and calibrated; a fourteenth of the rows is turned.
    expect(Math.abs(worst!.excess!.value - 1 / 14)).toBeLessThan(0.015);
    expect(worst!.excess!.lower).toBeGreaterThan(0);
    expect(Number(worst!.rows + worst!.referenceRows)).toBe(Math.ceil((ROWS - 3) / 7) * 2);
  });

  it('forgets old predictions even when no batch comes', async () => {
    await serve('old', 1);
    await serve('new', 61 * 24 + 1);
    await service.drain();
    const kept = await platform.journal.list<ServedRequest>(SERVED_REQUEST);
    expect(kept.items.map(({ state }) => state.requestId)).toEqual(['new']);
  });
});
