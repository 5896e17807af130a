import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Engine } from '@rondo/datasets';
import { TransientError } from '@rondo/kernel';
import { testPlatform, type TestPlatform } from '@rondo/service/testing';
import { calculated, type Calculation, type CalculationResults } from '../domain/calculation.js';
import { profileOf, sortedFeature } from '../domain/reference-profile.js';
import type { Reference } from '../domain/reference.js';
import { rowKey } from '../domain/row-key.js';
import { SumFeatureLosses, type WindowBatch } from './sum-feature-losses.js';

const ROWS = 40;
let engine: Engine;
let folder: string;
let platform: TestPlatform;
let sums: SumFeatureLosses;
let batch: WindowBatch & { readonly reference: Reference };

beforeAll(async () => {
  engine = new Engine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'rondo-losses-'));
  platform = testPlatform('drift-monitor');
  const calculate = <K extends Calculation['kind']>(calculation: Extract<Calculation, { kind: K }>) =>
    Promise.resolve(calculated(calculation) as CalculationResults[K]);
  sums = new SumFeatureLosses(platform, engine, calculate);
  const outPath = join(folder, 'batch.parquet');
  const select = `SELECT i AS id, i % 2 AS odd, i % 3 AS third FROM range(${ROWS}) AS r (i)`;
  await engine.writeParquet({ select, outPath });
  const { digest: featuresDigest } = await platform.artifacts.put(await readFile(outPath));
  const column = (by: number) => Float32Array.from({ length: ROWS }, (_, i) => i % by);
  const features = [profileOf(sortedFeature('odd', column(2))), profileOf(sortedFeature('third', column(3)))];
  const profile = await platform.artifacts.put(new TextEncoder().encode(JSON.stringify({ features })));
  const reference = {
    pipeline: 'p',
    importance: [0.3, 0.7],
    status: 'ready',
    profileDigest: profile.digest,
  } as unknown as Reference;
  batch = { reference, keyColumn: 'id', featuresDigest };
});

afterAll(async () => {
  await platform.close();
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const first = { signal: new AbortController().signal, attempt: 1 };
/** Rows that all have the score 1/2, so that each loses log 2. */
const rowsOf = (keys: readonly string[]) => ({
  scores: new Float32Array(keys.length).fill(0.5),
  labelledScores: new Float32Array(keys.length).fill(0.5),
  labels: new Uint8Array(keys.length),
  labelledKeys: Uint32Array.from(keys, rowKey),
  perRequest: { scored: Float64Array.of(keys.length), labelled: Float64Array.of(keys.length) },
});
const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));

describe('losses by feature', () => {
  it('are of the rows that the keys name, the most important feature first', async () => {
    const found = await sums.of(batch, rowsOf(['elsewhere', ...ids(0, 9)]), first);
    const counts = found!.map(({ feature, segments }) => [feature, segments.map(({ n }) => n)]);
    expect(counts).toEqual([
      ['third', [3, 3, 3, 0, 0]],
      ['odd', [5, 4, 0, 0]],
    ]);
    expect(found![0]!.segments[0]!.sum).toBeCloseTo(3 * Math.LN2, 6);
  });

  it('are not known when the keys are others, the batch has none, or its file was not kept', async () => {
    expect(await sums.of(batch, rowsOf([...ids(0, 8), 'a', 'b']), first)).toBeUndefined();
    expect(await sums.of(batch, rowsOf(['', '']), first)).toBeUndefined();
    expect(await sums.of({ ...batch, keyColumn: 'flight_id' }, rowsOf(ids(0, 9)), first)).toBeUndefined();
    expect(await sums.of({ ...batch, featuresDigest: undefined }, rowsOf(ids(0, 9)), first)).toBeUndefined();
  });

  it('wait for the profile that segments are taken from, but not for ever', async () => {
    const early = { ...batch, reference: { ...batch.reference, status: 'profiling' as const } };
    await expect(sums.of(early, rowsOf(ids(0, 9)), first)).rejects.toBeInstanceOf(TransientError);
    expect(await sums.of(early, rowsOf(ids(0, 9)), { ...first, attempt: 4 })).toBeUndefined();
    const failed = { ...batch, reference: { ...batch.reference, status: 'failed' as const } };
    expect(await sums.of(failed, rowsOf(ids(0, 9)), first)).toBeUndefined();
  });
});
