import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openScratch } from '@rondo/artifacts';
import { readLines } from './bounded-lines.js';
import { TrainerFailure, type TrainedModel, type Trainer, type TrainerJob, type TrainerRun } from '../ports/trainer.js';

const KILL_AFTER_MS = 5_000;
/** A process that ended may leave its pipes to one that left its group; nobody waits for that one. */
const DRAIN_MS = 1_000;
const LOG_TAIL_CHARACTERS = 8_192;
const LINE_CHARACTERS_MAX = 65_536;
const METRICS_BYTES_MAX = 1_048_576;
const CLAIMS_MAX = 100;
const CLAIM_NAME = /^[A-Za-z][A-Za-z0-9_.@-]{0,63}$/;
const EXIT_CONTRACT = 64;
const EXIT_DATA = 65;

/** What the command trainer may do. */
export interface CommandTrainerOptions {
  /** Programs that documents may name as `command[0]`; all others are refused. */
  readonly allowedPrograms: readonly string[];
  /** Folder in which the programs run, so that relative arguments find their files. */
  readonly workingFolder: string;
  /** Processors a trainer may use, told to it. */
  readonly cpus: number;
  readonly modelBytesMax: number;
  /** PATH of the process that runs Rondo. */
  readonly path: string;
  /** Time between the polite and the final signal, default 5 s. */
  readonly killAfterMs?: number;
}

/**
 * Runs any program that keeps the contract `rondo.trainer/v1`: the last argument is the path of a job file; the program
 * writes model.onnx and metrics.json into the job's output folder, says progress as JSON lines, and exits 0 (done), 64 or 65
 * (contract or data wrong, never retried), 75 (try again) or anything else (failed). It gets a scratch folder as home, copies
 * of the data, an environment of six variables, and its whole process group is ended at the deadline and when it exits.
 */
export class CommandTrainer implements Trainer {
  constructor(private readonly options: CommandTrainerOptions) {}

  async train(job: TrainerJob, run: TrainerRun): Promise<TrainedModel> {
    const { recipe } = job;
    if (recipe.trainer !== 'command')
      throw new TrainerFailure('BadData', 'only command recipes name a program', { retryable: false });
    const program = recipe.command[0] ?? '';
    if (!this.options.allowedPrograms.includes(program)) {
      const allowed = this.options.allowedPrograms.join(', ') || 'none';
      throw new TrainerFailure(
        'NotAllowed',
        `program "${program}" is not allowed to train (RONDO_TRAINER_PROGRAMS: ${allowed})`,
        { retryable: false },
      );
    }
    const { path: scratch, remove } = await openScratch('trainer');
    try {
      const jobPath = await this.prepare(job, scratch);
      const logTail = await this.execute(program, [...recipe.command.slice(1), jobPath], { scratch, jobPath }, run);
      return await this.collect(join(scratch, 'output'), logTail);
    } finally {
      // What a trainer made undeletable is the temporary folder's business and no reason to lose its model.
      await remove().catch(() => undefined);
    }
  }

  /** The trainer gets copies: through a link it could write into the artifact store. */
  private async prepare(job: TrainerJob, scratch: string): Promise<string> {
    const files = { train: join(scratch, 'train.parquet'), validation: join(scratch, 'validation.parquet') };
    await copyFile(job.trainPath, files.train, constants.COPYFILE_FICLONE);
    await copyFile(job.validationPath, files.validation, constants.COPYFILE_FICLONE);
    const outputDir = join(scratch, 'output');
    await mkdir(outputDir);
    const jobPath = join(scratch, 'job.json');
    const document = {
      contract: 'rondo.trainer/v1',
      jobId: job.jobId,
      attempt: job.attempt,
      seed: job.seed,
      task: 'BinaryClassification',
      data: { ...files, format: 'parquet' },
      schema: {
        features: job.features.map((name) => ({ name, type: 'float32' })),
        target: { name: job.target, values: [0, 1] },
      },
      params: job.recipe.params,
      resources: { cpus: this.options.cpus },
      model: { format: 'onnx', input: 'X', outputs: ['label', 'probabilities'] },
      outputDir,
    };
    await writeFile(jobPath, JSON.stringify(document, null, 2));
    return jobPath;
  }

  private async execute(
    program: string,
    args: readonly string[],
    { scratch, jobPath }: { readonly scratch: string; readonly jobPath: string },
    run: TrainerRun,
  ): Promise<string> {
    let logTail = '';
    const failure = (code: 'Deadline' | 'TrainerExit', message: string, retryable: boolean): TrainerFailure =>
      new TrainerFailure(code, message, { retryable, logTail });
    if (run.signal.aborted) throw failure('Deadline', 'the trainer was stopped before it started', true);
    const child = spawn(program, args, {
      cwd: this.options.workingFolder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: this.options.path,
        HOME: scratch,
        TMPDIR: scratch,
        LANG: 'C.UTF-8',
        OMP_NUM_THREADS: String(this.options.cpus),
        RONDO_JOB: jobPath,
      },
    });
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => (logTail = (logTail + text).slice(-LOG_TAIL_CHARACTERS)));
    readLines(child.stdout, LINE_CHARACTERS_MAX, (line) => reportLine(line, run));
    const ended = endOf(child);
    let cancelKill = (): void => undefined;
    const onAbort = (): void => {
      cancelKill = stopGroup(child, this.options.killAfterMs ?? KILL_AFTER_MS);
    };
    run.signal.addEventListener('abort', onAbort);
    try {
      const { code, error } = await ended;
      if (run.signal.aborted) throw failure('Deadline', 'the trainer was stopped before it was done', true);
      if (error) throw failure('TrainerExit', `${program} could not be started: ${error.message}`, false);
      if (code !== 0) throw exitFailure(code, logTail);
      return logTail;
    } finally {
      run.signal.removeEventListener('abort', onAbort);
      cancelKill();
    }
  }

  private async collect(output: string, logTail: string): Promise<TrainedModel> {
    const modelPath = join(output, 'model.onnx');
    const size = await sizeOf(modelPath);
    if (size <= 0)
      throw new TrainerFailure('NoModel', 'the trainer exited 0 but wrote no model.onnx', {
        retryable: false,
        logTail,
      });
    if (size > this.options.modelBytesMax) {
      throw new TrainerFailure(
        'ModelRefused',
        `model.onnx has ${size} bytes; ${this.options.modelBytesMax} are allowed`,
        { retryable: false, logTail },
      );
    }
    return {
      onnx: await readFile(modelPath),
      featureImportance: [],
      claimedMetrics: await claims(join(output, 'metrics.json')),
      logTail,
    };
  }
}

function reportLine(line: string, run: TrainerRun): void {
  try {
    const said = JSON.parse(line) as { type?: unknown; stage?: unknown; progress?: unknown } | null;
    if (said?.type !== 'progress') return;
    const { stage, progress } = said;
    const share = typeof progress === 'number' && progress >= 0 && progress <= 1 ? progress : 0;
    run.report({ stage: typeof stage === 'string' ? stage.slice(0, 100) : 'running', progress: share });
  } catch {
    // Anything else a program prints is its own business.
  }
}

/** Resolves when the process is gone and its output read; what it left behind in its group is ended with it. */
function endOf(child: ChildProcess): Promise<{ code: number | string; error?: Error }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: -1, error }));
    child.once('exit', (code, signal) => {
      signalGroup(child, 'SIGKILL');
      const end = (): void => {
        clearTimeout(timer);
        resolve({ code: code ?? signal ?? -1 });
      };
      const timer = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        end();
      }, DRAIN_MS);
      child.once('close', end);
    });
  });
}

function exitFailure(code: number | string, logTail: string): TrainerFailure {
  const last = logTail.trim().split('\n').at(-1) ?? '';
  if (code === EXIT_CONTRACT || code === EXIT_DATA) {
    return new TrainerFailure('BadData', `the trainer refused the job (exit ${code}): ${last}`, {
      retryable: false,
      logTail,
    });
  }
  // Rondo's own final signal is told as a deadline, so this one came from the system.
  const outOfMemory = code === 'SIGKILL' ? ', as the system does when memory runs out' : '';
  const how = typeof code === 'number' ? `exited ${code}` : `was ended by ${code}${outOfMemory}`;
  return new TrainerFailure('TrainerExit', `the trainer ${how}: ${last}`, { retryable: true, logTail });
}

/** Ends the whole group, politely first; returns how to call off the final signal. */
function stopGroup(child: ChildProcess, killAfterMs: number): () => void {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), killAfterMs);
  return () => clearTimeout(timer);
}

/** Already gone is fine. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Bytes of a regular file, or -1: links and pipes are no output. */
function sizeOf(path: string): Promise<number> {
  return lstat(path).then(
    (info) => (info.isFile() ? info.size : -1),
    () => -1,
  );
}

/** Numbers from metrics.json, or none: a claim is never worth a failure. */
async function claims(path: string): Promise<Record<string, number>> {
  const size = await sizeOf(path);
  if (size <= 0 || size > METRICS_BYTES_MAX) return {};
  try {
    const { metrics } = JSON.parse(await readFile(path, 'utf8')) as { metrics?: Record<string, unknown> };
    const numbers = Object.entries(metrics ?? {}).filter(
      (entry): entry is [string, number] => CLAIM_NAME.test(entry[0]) && Number.isFinite(entry[1]),
    );
    return Object.fromEntries(numbers.slice(0, CLAIMS_MAX));
  } catch {
    return {};
  }
}
