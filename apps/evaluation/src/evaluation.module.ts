import { Module, type DynamicModule } from '@nestjs/common';
import type { Engine } from '@rondo/datasets';
import type { Scorer } from '@rondo/models';
import { DURABLE_JOBS, PLATFORM, PolicyGenerations, type DurableJobs, type Platform } from '@rondo/service';
import { calculateInThread } from './adapters/calculation-thread.js';
import type { EvaluationConfig } from './config.js';
import type { EvaluationJobInput } from './domain/evaluation-job.js';
import { EVALUATE_JOB, EvaluationCommands } from './handlers/evaluation.commands.js';
import type { Calculate } from './ports/calculator.js';
import { EvaluateCandidateJob } from './use-cases/evaluate-candidate.js';

/** What the evaluation service needs from whoever starts it. */
export interface EvaluationOptions {
  readonly config: EvaluationConfig;
  readonly engine: Engine;
  /** May be shared: models that were loaded before stay loaded. */
  readonly scorer: Scorer;
  /** Where heavy arithmetic is done, by default in a worker thread. */
  readonly calculate?: Calculate;
}

/** Judges challengers on the sealed test part. */
@Module({})
export class EvaluationModule {
  static forRoot({ config, engine, scorer, calculate = calculateInThread }: EvaluationOptions): DynamicModule {
    return {
      module: EvaluationModule,
      controllers: [EvaluationCommands],
      providers: [
        {
          provide: PolicyGenerations,
          inject: [PLATFORM],
          useFactory: (platform: Platform) => new PolicyGenerations(platform),
        },
        {
          provide: EvaluateCandidateJob,
          inject: [PLATFORM, PolicyGenerations, DURABLE_JOBS],
          useFactory: (platform: Platform, policies: PolicyGenerations, jobs: DurableJobs) => {
            const job = new EvaluateCandidateJob(platform, policies, engine, scorer, calculate, config);
            jobs.define<EvaluationJobInput>({
              kind: EVALUATE_JOB,
              concurrency: config.evaluationParallelism,
              run: (input, run) => job.run(input, run),
              failed: (unit, input, failure) => job.failed(unit, input, failure),
            });
            return job;
          },
        },
      ],
    };
  }
}
