import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@rondo/testing';
import { CommandTrainer, type CommandTrainerOptions } from './command-trainer.js';
import { TrainerFailure, type TrainerJob, type TrainerProgress } from '../ports/trainer.js';

// Each spec starts processes; a busy machine needs its time.
const script = fileURLToPath(new URL('../../testing/trainer.mjs', import.meta.url));
const MODEL = 'bytes of a model';

let folder: string;
let said: TrainerProgress[];
let controller: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-training-'));
  said = [];
  controller = new AbortController();
  await writeFile(join(folder, 'train.parquet'), 'rows', { mode: 0o400 });
  await writeFile(join(folder, 'validation.parquet'), 'rows', { mode: 0o400 });
  await writeFile(join(folder, 'good.onnx'), MODEL);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const marker = (): string => join(folder, 'marker');

function job(params: Record<string, string | number>): TrainerJob {
  return {
    jobId: 'job-1',
    attempt: 2,
    seed: 7,
    recipe: {
      name: 'own',
      trainer: 'command',
      command: [process.execPath, script],
      params: { model: join(folder, 'good.onnx'), marker: marker(), ...params },
    },
    features: ['a', 'b'],
    target: 'y',
    trainPath: join(folder, 'train.parquet'),
    validationPath: join(folder, 'validation.parquet'),
  };
}

function train(params: Record<string, string | number>, options: Partial<CommandTrainerOptions> = {}) {
  const allowed = {
    allowedPrograms: [process.execPath],
    workingFolder: folder,
    cpus: 1,
    modelBytesMax: 1_000_000,
    path: '/usr/bin',
    killAfterMs: 50,
  };
  return new CommandTrainer({ ...allowed, ...options }).train(job(params), {
    signal: controller.signal,
    report: (progress) => said.push(progress),
  });
}

async function failureOf(
  params: Record<string, string | number>,
  options: Partial<CommandTrainerOptions> = {},
): Promise<TrainerFailure> {
  const error = await train(params, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TrainerFailure);
  return error as TrainerFailure;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a trainer program', () => {
  it('that keeps the contract gives its model, its progress and its claims', async () => {
    const trained = await train({ mode: 'good' });
    expect(Buffer.from(trained.onnx).toString('utf8')).toBe(MODEL);
    expect(said).toEqual([{ stage: 'fit', progress: 0.5 }]);
    expect(trained.claimedMetrics).toEqual({ logLoss: 0.3 });
  });

  it('sees its job, a home of its own and six variables, and cannot touch the stored data', async () => {
    await train({ mode: 'look-around' });
    const seen = JSON.parse(await readFile(marker(), 'utf8')) as {
      env: string[];
      cwd: string;
      home: string;
      job: Record<string, unknown>;
    };
    expect(seen.env.filter((name) => !name.startsWith('__'))).toEqual([
      'HOME',
      'LANG',
      'OMP_NUM_THREADS',
      'PATH',
      'RONDO_JOB',
      'TMPDIR',
    ]);
    expect(seen.cwd).toBe(folder);
    expect(existsSync(seen.home)).toBe(false);
    expect(seen.job).toMatchObject({
      contract: 'rondo.trainer/v1',
      attempt: 2,
      seed: 7,
      schema: {
        features: [
          { name: 'a', type: 'float32' },
          { name: 'b', type: 'float32' },
        ],
        target: { name: 'y', values: [0, 1] },
      },
      model: { format: 'onnx', input: 'X', outputs: ['label', 'probabilities'] },
    });
    expect(await readFile(join(folder, 'train.parquet'), 'utf8')).toBe('rows');
  });

  it.each([64, 65])('that exits %d is not run again', async (code) => {
    const failure = await failureOf({ mode: 'exit', code });
    expect(failure).toMatchObject({ code: 'BadData', options: { retryable: false } });
    expect(failure.options.logTail).toBe('exit as told (attempt 2)\n');
  });

  it.each([1, 75])('that exits %d may be run again', async (code) => {
    const failure = await failureOf({ mode: 'exit', code });
    expect(failure).toMatchObject({
      code: 'TrainerExit',
      message: `the trainer exited ${code}: exit as told (attempt 2)`,
      options: { retryable: true },
    });
  });

  it('that crashes may be run again, and its last words are kept', async () => {
    const failure = await failureOf({ mode: 'crash' });
    expect(failure).toMatchObject({ code: 'TrainerExit', options: { retryable: true, logTail: 'about to crash\n' } });
    expect(failure.message).toContain('was ended by SIGSEGV');
  });

  it('that the system ends for want of memory may be run again, and the failure says so', async () => {
    const failure = await failureOf({ mode: 'out-of-memory' });
    expect(failure).toMatchObject({ code: 'TrainerExit', options: { retryable: true } });
    expect(failure.message).toContain('was ended by SIGKILL, as the system does when memory runs out');
  });

  it('that hangs is ended with its children, though both ignore the polite signal', async () => {
    const failing = failureOf({ mode: 'hang' });
    await eventually(async () => existsSync(marker()) && (await readFile(marker(), 'utf8')).includes(' '), 30_000);
    const pids = (await readFile(marker(), 'utf8')).split(' ').map(Number);
    expect(pids.every(isAlive)).toBe(true);
    controller.abort(new Error('deadline'));
    expect(await failing).toMatchObject({ code: 'Deadline', options: { retryable: true, logTail: 'hanging\n' } });
    await eventually(() => !pids.some(isAlive), 30_000);
  });

  it('that leaves a child behind has it ended', async () => {
    await train({ mode: 'orphan' });
    const pid = Number(await readFile(marker(), 'utf8'));
    await eventually(() => !isAlive(pid), 30_000);
  });

  it('may print what it likes', async () => {
    const trained = await train({ mode: 'rubbish' });
    expect(said).toEqual([
      { stage: 'running', progress: 0 },
      { stage: 'running', progress: 0 },
      { stage: 'fit', progress: 0.5 },
    ]);
    expect(trained.logTail).toBe('y'.repeat(8192));
  });

  it.each(['no-model', 'linked-model'])('without a model file of its own (%s) fails', async (mode) => {
    expect(await failureOf({ mode })).toMatchObject({ code: 'NoModel', options: { retryable: false } });
  });

  it('with a huge model is refused before the file is read', async () => {
    const failure = await failureOf({ mode: 'huge', bytes: 5_000_000_000 });
    expect(failure).toMatchObject({
      code: 'ModelRefused',
      message: 'model.onnx has 5000000000 bytes; 1000000 are allowed',
    });
  });

  it('that is not allowed is never started', async () => {
    const failure = await failureOf({ mode: 'look-around' }, { allowedPrograms: ['python3'] });
    expect(failure).toMatchObject({ code: 'NotAllowed', options: { retryable: false } });
    expect(failure.message).toContain('RONDO_TRAINER_PROGRAMS: python3');
    expect(existsSync(marker())).toBe(false);
  });

  it('that does not exist fails for good', async () => {
    const program = join(folder, 'absent');
    const trainer = new CommandTrainer({
      allowedPrograms: [program],
      workingFolder: folder,
      cpus: 1,
      modelBytesMax: 1,
      path: '',
    });
    const { recipe, ...rest } = job({});
    const running = trainer.train(
      { ...rest, recipe: { ...recipe, trainer: 'command', command: [program], params: {} } },
      { signal: controller.signal, report: () => undefined },
    );
    await expect(running).rejects.toMatchObject({ code: 'TrainerExit', options: { retryable: false } });
  });

  it('is not started any more when it was told to stop before', async () => {
    controller.abort(new Error('cancelled'));
    expect(await failureOf({ mode: 'look-around' })).toMatchObject({ code: 'Deadline' });
    expect(existsSync(marker())).toBe(false);
  });
});
