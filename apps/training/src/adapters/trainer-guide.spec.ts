import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TrainerProgress } from '../ports/trainer.js';
import { CommandTrainer } from './command-trainer.js';

const GUIDE = fileURLToPath(new URL('../../../../docs/guides/your-own-trainer.md', import.meta.url));

/** Hands its own job file back as the model, says progress and claims as the guide does. */
const ECHO = `
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
const [, , progress, metrics] = process.argv;
const job = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'));
console.log(progress);
writeFileSync(job.outputDir + '/metrics.json', metrics);
copyFileSync(process.env.RONDO_JOB, job.outputDir + '/model.onnx');
console.error(Object.keys(process.env).sort().join(' '));
`;

describe('docs/guides/your-own-trainer.md', () => {
  let folder: string;
  let guide: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rondo-trainer-guide-'));
    guide = await readFile(GUIDE, 'utf8');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('shows the job, the progress and the metrics as programs meet them', async () => {
    const [job, metrics, progress] = [...guide.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(
      ([, text = '']) => JSON.parse(text) as Record<string, unknown>,
    );
    const script = join(folder, 'echo.mjs');
    await writeFile(script, ECHO);
    await writeFile(join(folder, 'part.parquet'), 'rows');
    const { seed, params, schema } = job as { seed: number; params: object; schema: { features: { name: string }[] } };
    const said: TrainerProgress[] = [];
    const trainer = new CommandTrainer({
      allowedPrograms: [process.execPath],
      workingFolder: folder,
      cpus: 1,
      modelBytesMax: 10_000,
      path: process.env['PATH'] ?? '',
    });
    const command = [process.execPath, script, JSON.stringify(progress), JSON.stringify(metrics)];
    const trained = await trainer.train(
      {
        jobId: String(job?.['jobId']),
        attempt: 1,
        seed,
        recipe: { name: 'mine', trainer: 'command', command, params } as never,
        features: schema.features.map(({ name }) => name),
        target: 'cancelled',
        trainPath: join(folder, 'part.parquet'),
        validationPath: join(folder, 'part.parquet'),
      },
      { signal: new AbortController().signal, report: (item) => said.push(item) },
    );
    const given = JSON.parse(Buffer.from(trained.onnx).toString()) as Record<string, unknown>;
    const { data, outputDir, ...same } = given;
    expect({ ...same }).toEqual({ ...job, data: undefined, outputDir: undefined });
    expect(Object.keys(data as object)).toEqual(Object.keys(job?.['data'] as object));
    expect(typeof outputDir).toBe('string');
    expect(said).toEqual([{ stage: 'fit', progress: 0.3 }]);
    expect(trained.claimedMetrics).toEqual((metrics as { metrics: unknown }).metrics);
    for (const name of trained.logTail
      .trim()
      .split(' ')
      .filter((item) => !item.startsWith('__'))) {
      expect(guide).toContain(`\`${name}\``);
    }
  });
});
