import { spawn, type ChildProcess } from 'node:child_process';
import { link, mkdir, mkdtemp, copyFile, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TrainerFailure, type TrainedModel, type Trainer, type TrainerJob, type TrainerProgress } from '../ports/trainer.js';

const KILL_AFTER_MS = 5_000;
const LOG_TAIL_CHARACTERS = 8_192;
const LINE_CHARACTERS_MAX = 65_536;
const METRICS_BYTES_MAX = 1_048_576;

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
}

/**
 * Runs any program that keeps the contract `rondo.trainer/v1`: the last argument is the path of a job file; the program
 * writes model.onnx and metrics.json into the job's output folder, says progress as JSON lines, and exits 0 (done), 64 or 65
 * (contract or data wrong, never retried), 75 (try again) or anything else (failed). It gets a scratch folder as home and an
 * environment of six variables, and its whole process group is ended at the deadline.
 */
export class CommandTrainer implements Trainer {
  constructor(private readonly options: CommandTrainerOptions) {}

  async train(job: TrainerJob, run: { readonly signal: AbortSignal; report(progress: TrainerProgress): void }): Promise<TrainedModel> {
    const { recipe } = job;
    if (recipe.trainer !== 'command') throw new TrainerFailure('BadData', 'only command recipes name a program', { retryable: false });
    const program = recipe.command[0] ?? '';
    if (!this.options.allowedPrograms.includes(program)) {
      const allowed = this.options.allowedPrograms.join(', ') || 'none';
      throw new TrainerFailure('NotAllowed', `program "${program}" is not allowed to train (RONDO_TRAINER_PROGRAMS: ${allowed})`, { retryable: false });
    }
    const scratch = await mkdtemp(join(tmpdir(), 'rondo-trainer-'));
    try {
      const jobPath = await this.prepare(job, scratch);
      const logTail = await this.execute(recipe.command, jobPath, scratch, run);
      return await this.collect(join(scratch, 'output'), logTail);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  private async prepare(job: TrainerJob, scratch: string): Promise<string> {
    const files = { train: join(scratch, 'train.parquet'), validation: join(scratch, 'validation.parquet') };
    await placeReadable(job.trainPath, files.train);
    await placeReadable(job.validationPath, files.validation);
    await mkdir(join(scratch, 'output'));
    const jobPath = join(scratch, 'job.json');
    const document = {
      contract: 'rondo.trainer/v1',
      jobId: job.jobId,
      attempt: job.attempt,
      seed: job.seed,
      task: 'BinaryClassification',
      data: { ...files, format: 'parquet' },
      schema: { features: job.features.map((name) => ({ name, type: 'float32' })), target: { name: job.target, values: [0, 1] } },
      params: job.recipe.params,
      resources: { cpus: this.options.cpus },
      model: { format: 'onnx', input: 'X', outputs: ['label', 'probabilities'] },
      outputDir: join(scratch, 'output'),
    };
    await writeFile(jobPath, JSON.stringify(document, null, 2));
    return jobPath;
  }

  private async execute(
    command: readonly string[],
    jobPath: string,
    scratch: string,
    run: { readonly signal: AbortSignal; report(progress: TrainerProgress): void },
  ): Promise<string> {
    const [program, ...args] = command;
    const child = spawn(program as string, [...args, jobPath], {
      cwd: this.options.workingFolder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: this.options.path, HOME: scratch, TMPDIR: scratch, LANG: 'C.UTF-8', OMP_NUM_THREADS: String(this.options.cpus), RONDO_JOB: jobPath },
    });
    let logTail = '';
    child.stderr.on('data', (chunk: Buffer) => (logTail = (logTail + chunk.toString('utf8')).slice(-LOG_TAIL_CHARACTERS)));
    createInterface({ input: child.stdout }).on('line', (line) => reportLine(line, run.report));
    const onAbort = (): void => endGroup(child);
    run.signal.addEventListener('abort', onAbort);
    try {
      const { code, error } = await exitOf(child);
      if (run.signal.aborted) throw new TrainerFailure('Deadline', 'the trainer was stopped before it was done', { retryable: true, logTail });
      if (error) throw new TrainerFailure('TrainerExit', `${program ?? ''} could not be started: ${error.message}`, { retryable: false, logTail });
      if (code !== 0) throw exitFailure(code, logTail);
      return logTail;
    } finally {
      run.signal.removeEventListener('abort', onAbort);
      endGroup(child);
    }
  }

  private async collect(output: string, logTail: string): Promise<TrainedModel> {
    const modelPath = join(output, 'model.onnx');
    const size = await stat(modelPath).then((info) => (info.isFile() ? info.size : -1), () => -1);
    if (size <= 0) throw new TrainerFailure('NoModel', 'the trainer exited 0 but wrote no model.onnx', { retryable: false, logTail });
    if (size > this.options.modelBytesMax) {
      throw new TrainerFailure('ModelRefused', `model.onnx has ${size} bytes; ${this.options.modelBytesMax} are allowed`, { retryable: false, logTail });
    }
    return { onnx: await readFile(modelPath), featureImportance: [], claimedMetrics: await claims(join(output, 'metrics.json')) };
  }
}

/** A hard link costs nothing, but not every folder lies on the same disk. The trainer cannot change the stored bytes: they are read-only. */
async function placeReadable(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

function reportLine(line: string, report: (progress: TrainerProgress) => void): void {
  if (line.length > LINE_CHARACTERS_MAX) return;
  try {
    const said: unknown = JSON.parse(line);
    if (said === null || typeof said !== 'object' || (said as { type?: unknown }).type !== 'progress') return;
    const { stage, progress } = said as { stage?: unknown; progress?: unknown };
    const share = typeof progress === 'number' && progress >= 0 && progress <= 1 ? progress : 0;
    report({ stage: typeof stage === 'string' ? stage.slice(0, 100) : 'running', progress: share });
  } catch {
    // Anything else a program prints is its own business.
  }
}

function exitOf(child: ChildProcess): Promise<{ code: number; error?: Error }> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: -1, error }));
    child.on('close', (code) => resolve({ code: code ?? -1 }));
  });
}

function exitFailure(code: number, logTail: string): TrainerFailure {
  const last = logTail.trim().split('\n').at(-1) ?? '';
  if (code === 64 || code === 65) return new TrainerFailure('BadData', `the trainer refused the job (exit ${code}): ${last}`, { retryable: false, logTail });
  return new TrainerFailure('TrainerExit', `the trainer exited ${code}: ${last}`, { retryable: true, logTail });
}

/** Ends the whole group, politely first. Already gone is fine. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const group = -child.pid;
  const send = (signal: NodeJS.Signals): boolean => {
    try {
      return process.kill(group, signal);
    } catch {
      return false;
    }
  };
  if (!send('SIGTERM')) return;
  const timer = setTimeout(() => send('SIGKILL'), KILL_AFTER_MS);
  timer.unref();
  child.once('close', () => {
    clearTimeout(timer);
    send('SIGKILL');
  });
}

/** Numbers from metrics.json, or none: a claim is never worth a failure. */
async function claims(path: string): Promise<Record<string, number>> {
  try {
    const file = await open(path);
    try {
      if ((await file.stat()).size > METRICS_BYTES_MAX) return {};
      const parsed = JSON.parse(await file.readFile('utf8')) as { metrics?: Record<string, unknown> };
      return Object.fromEntries(Object.entries(parsed.metrics ?? {}).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
    } finally {
      await file.close();
    }
  } catch {
    return {};
  }
}
