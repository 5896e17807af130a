import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CandidateFailedSchema, CandidateTrainedSchema, Severity, TrainingProgressedSchema } from '@rondo/contracts';
import type { Engine } from '@rondo/datasets';
import type { Unit } from '@rondo/journal';
import { elapsedMs, idFrom, PermanentError } from '@rondo/kernel';
import { admitOnnx, featureProblem, ModelLeases, type Scorer } from '@rondo/models';
import type { PipelineSpec } from '@rondo/policy';
import type { JobFailure, JobResult, JobRun, Platform, PolicyGenerations } from '@rondo/service';
import type { MetricEstimate } from '@rondo/statistics';
import { failureCodeOf, progressFilter, type TrainingJobInput } from '../domain/training-job.js';
import type { Measure } from '../ports/measure.js';
import {
  TrainerFailure,
  type CandidateRecipe,
  type TrainedModel,
  type Trainer,
  type TrainerProgress,
} from '../ports/trainer.js';
import { featureReliance } from './feature-reliance.js';

const SCORE_BUDGET_MS = 60_000;
const SIGNATURE_CODES: ReadonlySet<string> = new Set([
  'wrong-inputs',
  'wrong-outputs',
  'wrong-type',
  'wrong-shape',
  'feature-count',
  'feature-names',
]);

/** An estimate as messages carry it. */
const estimateTo = (estimate: MetricEstimate) => ({ ...estimate, n: BigInt(estimate.n) });

/** What an attempt led to. */
interface Trained {
  readonly trained: TrainedModel;
  readonly recipe: CandidateRecipe;
  readonly model: { readonly digest: string; readonly sizeBytes: number };
  readonly validation: readonly MetricEstimate[];
  readonly reliance: readonly MetricEstimate[];
  readonly attempt: number;
  readonly durationMs: number;
}

/** Trains one candidate, checks the file it gets, scores it on the validation rows and announces the outcome. */
export class TrainCandidateJob {
  private readonly leases: ModelLeases;
  /** Last words of trainers that were stopped; the runner of jobs knows only that they were. */
  private readonly logTails = new Map<string, string>();

  constructor(
    private readonly platform: Platform,
    private readonly policies: PolicyGenerations,
    private readonly engine: Engine,
    private readonly scorer: Scorer,
    private readonly trainers: { readonly builtin: Trainer; readonly command: Trainer },
    private readonly measure: Measure,
    private readonly modelBytesMax: number,
  ) {
    this.leases = new ModelLeases(scorer, platform.artifacts, modelBytesMax);
  }

  async run(input: TrainingJobInput, run: JobRun): Promise<JobResult> {
    const startedMs = this.platform.clock.now();
    const spec = await this.policies.spec(this.platform.journal, input.pipeline, input.generation);
    const recipe = spec.training.candidates.find((candidate) => candidate.name === input.candidate);
    try {
      if (!recipe)
        throw new TrainerFailure('BadData', `generation ${input.generation} has no candidate ${input.candidate}`, {
          retryable: false,
        });
      const trained = await this.train(input, run, spec, recipe);
      const model = await this.admit(trained, spec);
      const measured = await this.validate(model.digest, trained, input, { spec, signal: run.signal });
      const durationMs = elapsedMs(startedMs, this.platform.clock.now());
      return (unit) =>
        this.announce(unit, input, { trained, recipe, model, ...measured, attempt: run.attempt, durationMs });
    } catch (error) {
      if (!(error instanceof TrainerFailure)) throw error;
      if (run.signal.aborted) this.logTails.set(run.jobId, error.options.logTail ?? '');
      if (error.options.retryable) throw new Error(error.message, { cause: error });
      throw new PermanentError('failed-precondition', error.message, { cause: error, reason: error.code });
    }
  }

  /** The final answer when no attempt led to a model. */
  failed(unit: Unit, input: TrainingJobInput, failure: JobFailure, jobId: string): void {
    const cause = failure.error instanceof Error ? failure.error.cause : undefined;
    const known = cause instanceof TrainerFailure ? cause : undefined;
    const code = known?.code ?? failureCodeOf(failure.code);
    const logTail = known?.options.logTail ?? this.logTails.get(jobId) ?? '';
    this.logTails.delete(jobId);
    const { pipeline, cycleId, candidate } = input;
    const findings = (known?.options.findings ?? []).map((finding) => ({
      ...finding,
      severity: Severity.BLOCKING,
      count: 1n,
    }));
    const message = create(CandidateFailedSchema, {
      pipeline,
      cycleId,
      candidate,
      code,
      message: failure.message,
      attempts: failure.attempts,
      logTail,
      findings,
    });
    unit.save({
      kind: 'training-run',
      id: `${cycleId}/${candidate}`,
      state: { outcome: 'failed', code, message: failure.message },
      index: { pipeline, cycleId },
      outgoing: [{ schema: CandidateFailedSchema, key: pipeline, headers: { cycleid: cycleId }, message }],
    });
  }

  private async train(
    input: TrainingJobInput,
    run: JobRun,
    spec: PipelineSpec,
    recipe: CandidateRecipe,
  ): Promise<TrainedModel> {
    const trainer = recipe.trainer === 'command' ? this.trainers.command : this.trainers.builtin;
    const { artifacts } = this.platform;
    const { seed } = input;
    const features = spec.data.features.columns;
    const target = spec.model.target.column;
    const job = { jobId: run.jobId, attempt: run.attempt, seed, recipe, features, target };
    const report = this.reporter(input, run);
    return artifacts.withFile(input.trainDigest, (trainPath) =>
      artifacts.withFile(input.validationDigest, async (validationPath) => {
        for (const path of [trainPath, validationPath]) await this.checkColumns(path, [...features, target]);
        return trainer.train({ ...job, trainPath, validationPath }, { signal: run.signal, report });
      }),
    );
  }

  /** A missing column is the data's fault: it must not look like the trainer's. */
  private async checkColumns(path: string, wanted: readonly string[]): Promise<void> {
    const { columns } = await this.engine.inspect(path);
    const missing = wanted.filter((name) => !columns.some((column) => column.name === name));
    if (missing.length > 0)
      throw new TrainerFailure('BadData', `the snapshot has no column ${missing.join(', ')}`, { retryable: false });
  }

  /** Heartbeats for every word of the trainer; a message on the bus only when there is something new to see. */
  private reporter(input: TrainingJobInput, run: JobRun): (progress: TrainerProgress) => void {
    const worthTelling = progressFilter();
    const { pipeline, cycleId, candidate } = input;
    let told = 0;
    return ({ stage, progress }) => {
      run.heartbeat(progress);
      const atMs = this.platform.clock.now();
      if (run.signal.aborted || !worthTelling({ stage, progress, atMs })) return;
      const message = create(TrainingProgressedSchema, {
        pipeline,
        cycleId,
        candidate,
        stage,
        progress,
        at: timestampFromMs(atMs),
      });
      const messageId = idFrom('progress', run.jobId, String(run.attempt), String(told++));
      const kept = this.platform.journal.once({ consumer: 'training-progress', messageId }, (unit) =>
        unit.save({
          kind: 'training-progress',
          id: `${cycleId}/${candidate}`,
          state: { stage, progress },
          outgoing: [{ schema: TrainingProgressedSchema, message, key: pipeline, headers: { cycleid: cycleId } }],
        }),
      );
      kept.catch((error: unknown) =>
        this.platform.log.warn('training progress was not recorded', { candidate, reason: String(error) }),
      );
    };
  }

  /** Looks at the bytes before anything runs them, and stores them. */
  private async admit(
    { onnx, logTail }: TrainedModel,
    spec: PipelineSpec,
  ): Promise<{ digest: string; sizeBytes: number }> {
    const features = spec.data.features.columns;
    const admission = admitOnnx(onnx, { features: features.length, bytesMax: this.modelBytesMax });
    if (!admission.admitted) {
      const { findings } = admission;
      const code = findings.some((finding) => SIGNATURE_CODES.has(finding.code)) ? 'SignatureMismatch' : 'ModelRefused';
      const text = findings
        .slice(0, 5)
        .map(({ message }) => message)
        .join('; ');
      throw new TrainerFailure(code, `the model file is refused: ${text}`, { retryable: false, logTail, findings });
    }
    const problem = featureProblem(admission.model, features);
    if (problem !== undefined)
      throw new TrainerFailure('SignatureMismatch', `the model ${problem}`, { retryable: false, logTail });
    return this.platform.artifacts.put(onnx);
  }

  /** Measures the model on rows whose answers the trainer was not asked for. */
  private async validate(
    digest: string,
    { logTail }: TrainedModel,
    input: TrainingJobInput,
    { spec, signal }: { readonly spec: PipelineSpec; readonly signal: AbortSignal },
  ): Promise<Pick<Trained, 'validation' | 'reliance'>> {
    const features = spec.data.features.columns;
    const { matrix, labels } = await this.platform.artifacts.withFile(input.validationDigest, async (path) => {
      const { columns } = await this.engine.readColumns(path, [spec.model.target.column]);
      return { matrix: await this.engine.readMatrix(path, features), labels: columns[0]! };
    });
    try {
      return await this.leases.use(digest, async () => {
        const score = (values: Float32Array, rows: number): Promise<Float32Array> => {
          signal.throwIfAborted();
          return this.scorer.score(digest, values, rows, { budgetMs: SCORE_BUDGET_MS });
        };
        const probabilities = await score(matrix.values, matrix.n);
        const scored = { features, values: matrix.values, labels, probabilities };
        const reliance = await featureReliance(scored, input.seed, score);
        return { reliance, validation: await this.measure({ labels, probabilities }, signal) };
      });
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      throw new TrainerFailure('ModelRefused', `the model cannot be scored: ${error.message}`, {
        retryable: false,
        logTail,
      });
    }
  }

  private announce(
    unit: Unit,
    input: TrainingJobInput,
    { trained, recipe, model, validation, reliance, attempt, durationMs }: Trained,
  ): void {
    const { pipeline, cycleId, candidate, snapshotDigest } = input;
    const message = create(CandidateTrainedSchema, {
      pipeline,
      cycleId,
      candidate,
      snapshotDigest,
      model: { digest: model.digest, mediaType: 'application/onnx', sizeBytes: BigInt(model.sizeBytes) },
      trainer: recipe.trainer === 'command' ? recipe.command.join(' ') : recipe.trainer,
      params: Object.fromEntries(Object.entries(recipe.params).map(([name, value]) => [name, String(value)])),
      validation: validation.map(estimateTo),
      featureReliance: reliance.map(estimateTo),
      featureImportance: [...trained.featureImportance],
      durationMs: BigInt(durationMs),
      attempt,
      complexity: BigInt(model.sizeBytes),
      claimedMetrics: { ...trained.claimedMetrics },
    });
    unit.save({
      kind: 'training-run',
      id: `${cycleId}/${candidate}`,
      state: { outcome: 'trained', model: model.digest, durationMs },
      index: { pipeline, cycleId },
      outgoing: [{ schema: CandidateTrainedSchema, message, key: pipeline, headers: { cycleid: cycleId } }],
    });
  }
}
