import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CandidateFailedSchema, CandidateTrainedSchema, Severity, TrainingProgressedSchema } from '@rondo/contracts';
import type { Engine } from '@rondo/datasets';
import type { Unit } from '@rondo/journal';
import { assert, idFrom, PermanentError, TransientError } from '@rondo/kernel';
import { admitOnnx, type Scorer } from '@rondo/models';
import type { PipelineSpec } from '@rondo/policy';
import type { JobFailure, JobResult, JobRun, Platform, PolicyGenerations } from '@rondo/service';
import { classificationEstimates, type MetricEstimate } from '@rondo/statistics';
import type { TrainingJobInput } from '../domain/training-job.js';
import { TrainerFailure, type CandidateRecipe, type TrainedModel, type Trainer } from '../ports/trainer.js';

const SCORE_BUDGET_MS = 60_000;
const PROGRESS_STEP = 0.1;
const SIGNATURE_CODES: ReadonlySet<string> = new Set(['wrong-inputs', 'wrong-outputs', 'wrong-type', 'wrong-shape', 'feature-count', 'feature-names']);

/** Why a run failed for good, kept for the final answer. */
function asFailure(error: unknown): TrainerFailure | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof TrainerFailure ? cause : undefined;
}

/** Trains one candidate, checks the file it gets, scores it on the validation rows and announces the outcome. */
export class TrainCandidateJob {
  constructor(
    private readonly platform: Platform,
    private readonly policies: PolicyGenerations,
    private readonly engine: Engine,
    private readonly scorer: Scorer,
    private readonly trainers: { readonly builtin: Trainer; readonly command: Trainer },
    private readonly modelBytesMax: number,
  ) {}

  async run(input: TrainingJobInput, run: JobRun): Promise<JobResult> {
    const startedMs = this.platform.clock.now();
    const spec = await this.policies.spec(this.platform.journal, input.pipeline, input.generation);
    const recipe = spec.training.candidates.find((candidate) => candidate.name === input.candidate);
    if (!recipe) throw permanent(new TrainerFailure('BadData', `generation ${input.generation} has no candidate ${input.candidate}`, { retryable: false }));
    try {
      const trained = await this.train(input, run, spec, recipe);
      const { model, validation } = await this.judge(trained, input, spec);
      return (unit) => this.announce(unit, input, { trained, recipe, model, validation, attempt: run.attempt, durationMs: this.platform.clock.now() - startedMs });
    } catch (error) {
      if (error instanceof TrainerFailure) throw error.options.retryable ? new TransientError(error.message, { cause: error }) : permanent(error);
      throw error;
    }
  }

  /** The final answer when no attempt led to a model. */
  failed(unit: Unit, input: TrainingJobInput, failure: JobFailure): void {
    const known = asFailure(failure.error);
    const code = known?.code ?? (failure.code === 'deadline-exceeded' ? 'Deadline' : 'TrainerExit');
    unit.save({
      kind: 'training-run',
      id: `${input.cycleId}/${input.candidate}`,
      state: { outcome: 'failed', code, message: failure.message },
      index: { pipeline: input.pipeline },
      outgoing: [
        {
          schema: CandidateFailedSchema,
          key: input.pipeline,
          headers: { cycleid: input.cycleId },
          message: create(CandidateFailedSchema, {
            pipeline: input.pipeline,
            cycleId: input.cycleId,
            candidate: input.candidate,
            code,
            message: known?.message ?? failure.message,
            attempts: failure.attempts,
            logTail: known?.options.logTail ?? '',
          }),
        },
      ],
    });
  }

  private async train(input: TrainingJobInput, run: JobRun, spec: PipelineSpec, recipe: CandidateRecipe): Promise<TrainedModel> {
    const trainer = recipe.trainer === 'command' ? this.trainers.command : this.trainers.builtin;
    const { artifacts } = this.platform;
    const report = this.reporter(input, run);
    return artifacts.withFile(input.trainDigest, (trainPath) =>
      artifacts.withFile(input.validationDigest, (validationPath) =>
        trainer.train(
          {
            jobId: run.jobId,
            attempt: run.attempt,
            seed: input.seed,
            recipe,
            features: spec.data.features.columns,
            target: spec.model.target.column,
            trainPath,
            validationPath,
          },
          { signal: run.signal, report },
        ),
      ),
    );
  }

  /** Heartbeats for every word of the trainer; a message on the bus only when there is something new to see. */
  private reporter(input: TrainingJobInput, run: JobRun) {
    let told = -1;
    return ({ stage, progress }: { stage: string; progress: number }): void => {
      run.heartbeat(progress);
      if (progress < told + PROGRESS_STEP) return;
      told = progress;
      const message = create(TrainingProgressedSchema, {
        pipeline: input.pipeline,
        cycleId: input.cycleId,
        candidate: input.candidate,
        stage,
        progress,
        at: timestampFromMs(this.platform.clock.now()),
      });
      const id = idFrom('progress', run.jobId, String(run.attempt), String(progress));
      const kept = this.platform.journal.once({ consumer: 'training-progress', messageId: id }, (unit) =>
        unit.save({
          kind: 'training-progress',
          id: `${input.cycleId}/${input.candidate}`,
          state: { stage, progress },
          outgoing: [{ schema: TrainingProgressedSchema, message, key: input.pipeline, headers: { cycleid: input.cycleId } }],
        }),
      );
      kept.catch((error: unknown) => this.platform.log.warn('training progress was not recorded', { candidate: input.candidate, reason: String(error) }));
    };
  }

  /** Admits the file, loads it, and measures it on rows whose answers the trainer was not asked for. */
  private async judge(trained: TrainedModel, input: TrainingJobInput, spec: PipelineSpec) {
    const features = spec.data.features.columns;
    const admission = admitOnnx(trained.onnx, { features: features.length, bytesMax: this.modelBytesMax });
    if (!admission.admitted) {
      const text = admission.findings.map((finding) => `${finding.field}: ${finding.message}`).join('; ');
      const code = admission.findings.some((finding) => SIGNATURE_CODES.has(finding.code)) ? 'SignatureMismatch' : 'ModelRefused';
      throw new TrainerFailure(code, `the model file is refused: ${text}`, { retryable: false });
    }
    const model = await this.platform.artifacts.put(trained.onnx);
    await this.scorer.load(model.digest, trained.onnx);
    try {
      const validation = await this.platform.artifacts.withFile(input.validationDigest, async (path) => {
        const matrix = await this.engine.readMatrix(path, features);
        const target = await this.engine.readColumns(path, [spec.model.target.column]);
        const probabilities = await this.scorer.score(model.digest, matrix.values, matrix.n, { budgetMs: SCORE_BUDGET_MS });
        return classificationEstimates(target.columns[0] ?? new Float32Array(), probabilities);
      });
      return { model, validation };
    } catch (error) {
      if (error instanceof PermanentError) throw new TrainerFailure('ModelRefused', `the model cannot be scored: ${error.message}`, { retryable: false });
      throw error;
    } finally {
      await this.scorer.unload(model.digest);
    }
  }

  private announce(
    unit: Unit,
    input: TrainingJobInput,
    done: {
      readonly trained: TrainedModel;
      readonly recipe: CandidateRecipe;
      readonly model: { readonly digest: string; readonly sizeBytes: number };
      readonly validation: readonly MetricEstimate[];
      readonly attempt: number;
      readonly durationMs: number;
    },
  ): void {
    const { trained, recipe, model, validation, attempt, durationMs } = done;
    assert(model.sizeBytes > 0, 'an admitted model has bytes');
    const params = Object.fromEntries(Object.entries(recipe.params).map(([name, value]) => [name, String(value)]));
    const message = create(CandidateTrainedSchema, {
      pipeline: input.pipeline,
      cycleId: input.cycleId,
      candidate: input.candidate,
      snapshotDigest: input.snapshotDigest,
      model: { digest: model.digest, mediaType: 'application/onnx', sizeBytes: BigInt(model.sizeBytes) },
      trainer: recipe.trainer === 'command' ? recipe.command.join(' ') : recipe.trainer,
      params,
      validation: validation.map((estimate) => ({ ...estimate, n: BigInt(estimate.n) })),
      featureImportance: [...trained.featureImportance],
      durationMs: BigInt(durationMs),
      attempt,
      complexity: BigInt(model.sizeBytes),
      claimedMetrics: { ...trained.claimedMetrics },
    });
    unit.save({
      kind: 'training-run',
      id: `${input.cycleId}/${input.candidate}`,
      state: { outcome: 'trained', model: model.digest, durationMs },
      index: { pipeline: input.pipeline },
      outgoing: [{ schema: CandidateTrainedSchema, message, key: input.pipeline, headers: { cycleid: input.cycleId } }],
    });
  }
}

function permanent(failure: TrainerFailure): PermanentError {
  return new PermanentError('failed-precondition', failure.message, { cause: failure, reason: failure.code });
}
