import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { digestOf } from '@rondo/artifacts';
import { Engine } from '@rondo/datasets';
import { admitOnnx, createScorer } from '@rondo/models';
import { classificationEstimates } from '@rondo/statistics';
import { CommandTrainer } from './command-trainer.js';
import { TrainerFailure, type TrainedModel, type TrainerProgress } from '../ports/trainer.js';

jest.setTimeout(180_000);

const example = fileURLToPath(new URL('../../../../examples/trainers/sklearn/', import.meta.url));
const python = process.env['RONDO_TEST_PYTHON'] ?? 'python3';
const found = spawnSync(python, ['-c', 'import sklearn, skl2onnx, pyarrow'], { stdio: 'ignore' }).status === 0;
const FEATURES = ['a', 'b'];

if (!found) {
  it.skip('skipped: scikit-learn trainer (python3 with scikit-learn and skl2onnx not found)', () => undefined);
} else {
  describe('the scikit-learn example', () => {
    let folder: string;
    let engine: Engine;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rondo-sklearn-'));
      engine = new Engine();
      for (const [name, from, until] of [
        ['train', 0, 4000],
        ['validation', 4000, 5000],
      ] as const) {
        const rows = `SELECT i, (i * 37 % 101) / 101.0 AS a, (i * 61 % 97) / 97.0 AS b FROM range(${from}, ${until}) t(i)`;
        const select = `SELECT a::FLOAT AS a, b::FLOAT AS b, (a + b + (i * 13 % 29) / 29.0 > 1.5)::INT::FLOAT AS y FROM (${rows}) ORDER BY i`;
        await engine.writeParquet({ select, outPath: join(folder, `${name}.parquet`) });
      }
    });

    afterAll(async () => {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    });

    const train = (
      params: Record<string, number>,
      report: (progress: TrainerProgress) => void = () => undefined,
    ): Promise<TrainedModel> =>
      new CommandTrainer({
        allowedPrograms: [python],
        workingFolder: example,
        cpus: 1,
        modelBytesMax: 10_000_000,
        path: process.env['PATH'] ?? '',
      }).train(
        {
          jobId: 'job-1',
          attempt: 1,
          seed: 7,
          recipe: { name: 'sklearn', trainer: 'command', command: [python, 'trainer.py'], params },
          features: FEATURES,
          target: 'y',
          trainPath: join(folder, 'train.parquet'),
          validationPath: join(folder, 'validation.parquet'),
        },
        { signal: new AbortController().signal, report },
      );

    it('gives the same admissible model twice, as good as it claims', async () => {
      const said: TrainerProgress[] = [];
      const trained = await train({ rounds: 30 }, (progress) => said.push(progress));
      expect(said.map(({ stage }) => stage)).toEqual(['import', 'load', 'fit', 'convert', 'done']);
      expect(admitOnnx(trained.onnx, { features: FEATURES.length })).toMatchObject({ admitted: true });
      const digest = digestOf(trained.onnx);
      expect(digestOf((await train({ rounds: 30 })).onnx)).toBe(digest);

      const scorer = createScorer();
      try {
        await scorer.load(digest, trained.onnx);
        const path = join(folder, 'validation.parquet');
        const { n, values } = await engine.readMatrix(path, FEATURES);
        const { columns } = await engine.readColumns(path, ['y']);
        const estimates = classificationEstimates(columns[0]!, await scorer.score(digest, values, n));
        const measured = (name: string): number => estimates.find((estimate) => estimate.name === name)!.value;
        expect(measured('rocAuc')).toBeCloseTo(trained.claimedMetrics['rocAuc']!, 5);
        expect(measured('logLoss')).toBeCloseTo(trained.claimedMetrics['logLoss']!, 5);
      } finally {
        await scorer.close();
      }
    });

    it('refuses parameters it does not know, for good', async () => {
      const error = await train({ depth: 3 }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TrainerFailure);
      expect(error).toMatchObject({ code: 'BadData', options: { retryable: false } });
      expect((error as TrainerFailure).message).toContain('unknown parameters depth');
    });
  });
}
