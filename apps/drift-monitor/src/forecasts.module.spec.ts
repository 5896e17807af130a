import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  BatchReadySchema,
  ChampionChangedSchema,
  DriftEvaluatedSchema,
  DriftService,
  ForecastIssuedSchema,
  ListForecastsRequestSchema,
  PipelineAppliedSchema,
  type ListForecastsResponse,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { admitPipeline } from '@rondo/policy';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { DriftMonitorModule } from './drift-monitor.module.js';

const WEEK = 604_800_000;
const ROWS = 1000;
const pipeline = 'flight-delay';
const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const FORECAST =
  'forecast: { horizon: 7d, series: [{ name: drift.importanceWeighted, limit: 2 }, { name: perf.logLoss, limit: 0.6 }] }';

let engine: Engine;
let files: string;
let platform: TestPlatform;
let service: TestService;
let generation = 0n;

beforeAll(async () => {
  engine = new Engine({ threads: 1 });
  files = await mkdtemp(join(tmpdir(), 'rondo-forecasts-'));
});

afterAll(async () => {
  await engine.close();
  await rm(files, { recursive: true, force: true });
});

beforeEach(async () => {
  generation = 0n;
  platform = testPlatform('drift-monitor');
  service = await testService(platform, DriftMonitorModule.forRoot({ config: { driftKeepDays: 60 }, engine }));
});

afterEach(async () => {
  await service.close();
  await platform.close();
});

const publish = <D extends DescMessage>(schema: D, message: MessageInitShape<D>): Promise<string> =>
  platform.publish(schema, message, { key: pipeline });

async function artifact(bytes: Uint8Array) {
  const { digest, sizeBytes } = await platform.artifacts.put(bytes);
  return { digest, mediaType: 'application/octet-stream', sizeBytes: BigInt(sizeBytes) };
}

async function applyPolicy(monitoring = ''): Promise<void> {
  const admission = admitPipeline({
    document: readFileSync(new URL('pipeline.yaml', folder), 'utf8').replace(
      /^ {4}forecast: .*$/m,
      `    ${monitoring}`,
    ),
    files: {
      'contract.odcs.yaml': new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder))),
      'features.sql': new TextEncoder().encode('SELECT 1'),
    },
  });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  generation++;
  const document = await artifact(new TextEncoder().encode(admission.bundle));
  await publish(PipelineAppliedSchema, { pipeline, generation, document, endpoint: pipeline });
  await service.drain();
}

/** One feature, even on (0, 1), moved by a shift. */
async function rowsFile(shift: number) {
  const outPath = join(files, `rows-${shift.toFixed(4)}.parquet`);
  await engine.writeParquet({ select: `SELECT i / ${ROWS} + ${shift} AS x FROM range(${ROWS}) AS r (i)`, outPath });
  return artifact(await readFile(outPath));
}

async function promote(version: number): Promise<void> {
  await publish(ChampionChangedSchema, {
    pipeline,
    cycleId: `cycle-${version}`,
    to: { name: 'late', version, digest: `sha256:${String(version).repeat(64)}` },
    snapshotDigest: `sha256:${'5'.repeat(64)}`,
    referenceRows: await rowsFile(0),
    featureNames: ['x'],
    featureImportance: [1],
  });
  await service.drain();
}

/** Batches whose feature moves a little further each week. */
async function weeks(from: number, to: number): Promise<void> {
  for (let week = from; week <= to; week++) {
    const dataInterval = { start: timestampFromMs(week * WEEK), end: timestampFromMs((week + 1) * WEEK) };
    const featuresArtifact = await rowsFile(0.02 * week);
    await publish(BatchReadySchema, {
      pipeline,
      batchId: `week-${week}`,
      eventId: `week-${week}`,
      dataInterval,
      rowsArtifact: featuresArtifact,
      featuresArtifact,
      policyGeneration: generation,
    });
    await service.drain();
  }
}

const issued = () => platform.recorded(ForecastIssuedSchema).map(({ message }) => message);
const drifts = () => platform.recorded(DriftEvaluatedSchema).map(({ message }) => message);
const listed = (series = ''): Promise<ListForecastsResponse> =>
  service
    .rpc(DriftService)
    .listForecasts(
      create(ListForecastsRequestSchema, { pipeline, series }),
      rpcContext(),
    ) as Promise<ListForecastsResponse>;

describe('forecasts', () => {
  it('are made of the series that the policy watches, once per evaluation, from the twelfth on', async () => {
    await applyPolicy(FORECAST);
    await promote(1);
    await weeks(1, 11);
    expect(issued()).toEqual([]);
    expect((await listed()).series).toMatchObject([{ series: 'drift.importanceWeighted', pointsMissing: 1, limit: 2 }]);
    await weeks(12, 13);
    const [twelfth, thirteenth] = issued();
    expect(issued()).toHaveLength(2);
    expect(twelfth).toMatchObject({
      series: 'drift.importanceWeighted',
      evaluationId: drifts()[11]!.evaluationId,
      n: 12,
      limit: 2,
      breachSide: 'above',
      skillAgainst: 'naive',
    });
    const { value, lower, upper } = drifts()[11]!.importanceWeighted!;
    expect(twelfth!.lastValue).toBe(value);
    expect(twelfth!.lastValueEstimate).toMatchObject({ name: 'drift.importanceWeighted', value, lower, upper });
    expect(twelfth!.skillEstimate).toMatchObject({ name: 'skill', value: twelfth!.skill, confidence: 0.8 });
    expect(twelfth!.points.map(({ at }) => timestampMs(at!) / WEEK)).toEqual([14]);
    expect(twelfth!.points[0]!.lower).toBeLessThanOrEqual(twelfth!.points[0]!.value);
    expect(twelfth!.breachProbability).toMatchObject({ name: 'breachProbability', confidence: 0.8 });
    expect(thirteenth!.forecastId).not.toBe(twelfth!.forecastId);
  });

  it('are listed with what came, and with the error they turned out to have', async () => {
    await applyPolicy(FORECAST);
    await promote(1);
    await weeks(1, 13);
    const { forecasts, series } = await listed('drift.importanceWeighted');
    expect(forecasts.map(({ outcomes }) => outcomes.length)).toEqual([0, 1]);
    const [outcome] = forecasts[1]!.outcomes;
    expect(outcome!.actual).toBe(drifts()[12]!.importanceWeighted!.value);
    expect(series).toMatchObject([{ outcomes: 1, meanAbsoluteError: Math.abs(outcome!.actual - outcome!.forecast) }]);
    expect(series[0]).toMatchObject({ errorEstimate: { n: 1n }, intervalCoverageEstimate: { n: 1n, confidence: 0.8 } });
    expect(series[0]!.points).toHaveLength(13);
    const { value, lower, upper, n } = drifts()[12]!.importanceWeighted!;
    expect(series[0]!.points[12]!.estimate).toMatchObject({ value, lower, upper, n });
    expect((await listed('perf.logLoss')).forecasts).toEqual([]);
  });

  it('find what was measured before the policy asked for them', async () => {
    await applyPolicy();
    await promote(1);
    await weeks(1, 11);
    await applyPolicy(FORECAST);
    await weeks(12, 12);
    expect(issued()).toMatchObject([{ n: 12 }]);
    expect((await listed()).series[0]!.points.map(({ value }) => value)).toEqual(
      drifts().map(({ importanceWeighted }) => importanceWeighted!.value),
    );
  });

  it('begin anew with a champion, whose drift is measured against other rows', async () => {
    await applyPolicy(FORECAST);
    await promote(1);
    await weeks(1, 12);
    await promote(2);
    await weeks(13, 13);
    expect(issued()).toHaveLength(1);
    const { series, forecasts } = await listed();
    expect(series).toMatchObject([{ points: [{ value: drifts()[12]!.importanceWeighted!.value }] }]);
    expect(forecasts[0]!.outcomes).toEqual([]);
  });

  it('are not made without a word of them in the policy', async () => {
    await applyPolicy();
    await promote(1);
    await weeks(1, 12);
    expect(drifts()).toHaveLength(12);
    expect(issued()).toEqual([]);
    expect((await listed()).series).toEqual([]);
  });
});
