import { Module, type DynamicModule } from '@nestjs/common';
import type { Engine } from '@rondo/datasets';
import type { Scorer } from '@rondo/models';
import { DURABLE_JOBS, PLATFORM, PolicyGenerations, type DurableJobs, type Platform } from '@rondo/service';
import { BuiltinTrainer } from './adapters/builtin-trainer.js';
import { CommandTrainer } from './adapters/command-trainer.js';
import { MeasuringThread } from './adapters/measuring-thread.js';
import type { TrainingConfig } from './config.js';
import { TRAIN_JOB, TrainingCommands } from './handlers/training.commands.js';
import type { TrainingJobInput } from './domain/training-job.js';
import type { Measure } from './ports/measure.js';
import type { Trainer } from './ports/trainer.js';
import { TrainCandidateJob } from './use-cases/train-candidate.js';

/** What the training service needs from whoever starts it. */
export interface TrainingOptions {
  readonly config: TrainingConfig;
  readonly engine: Engine;
  /** May be shared: models that were loaded before stay loaded. */
  readonly scorer: Scorer;
  /** PATH that trainer programs are found on. */
  readonly path: string;
  /** Trains the built-in recipes, by default in a worker thread. */
  readonly builtin?: Trainer;
  /** Measures candidates, by default in a worker thread. */
  readonly measure?: Measure;
}

/** Trains candidates. */
@Module({})
export class TrainingModule {
  static forRoot(options: TrainingOptions): DynamicModule {
    const { config, engine, scorer } = options;
    const trainers = {
      builtin: options.builtin ?? new BuiltinTrainer(engine),
      command: new CommandTrainer({
        allowedPrograms: config.trainerPrograms,
        workingFolder: config.trainerFolder,
        cpus: config.trainerCpus,
        modelBytesMax: config.modelBytes,
        path: options.path,
      }),
    };
    return {
      module: TrainingModule,
      controllers: [TrainingCommands],
      providers: [
        MeasuringThread,
        {
          provide: PolicyGenerations,
          inject: [PLATFORM],
          useFactory: (platform: Platform) => new PolicyGenerations(platform),
        },
        {
          provide: TrainCandidateJob,
          inject: [PLATFORM, PolicyGenerations, DURABLE_JOBS, MeasuringThread],
          useFactory: (platform: Platform, policies: PolicyGenerations, jobs: DurableJobs, thread: MeasuringThread) => {
            const measure = options.measure ?? thread.measure.bind(thread);
            const { modelBytes } = config;
            const job = new TrainCandidateJob(platform, policies, engine, scorer, trainers, measure, modelBytes);
            jobs.define<TrainingJobInput>({
              kind: TRAIN_JOB,
              concurrency: config.trainerParallelism,
              run: (input, run) => job.run(input, run),
              failed: (unit, input, failure, { jobId }) => job.failed(unit, input, failure, jobId),
            });
            return job;
          },
        },
      ],
    };
  }
}
