import { Module, type DynamicModule } from '@nestjs/common';
import type { Engine } from '@rondo/datasets';
import type { Json } from '@rondo/kernel';
import {
  DURABLE_JOBS,
  PLATFORM,
  PolicyGenerations,
  type DurableJobs,
  type JobDefinition,
  type Platform,
} from '@rondo/service';
import { CalculationThreads } from './adapters/calculation-threads.js';
import type { DriftMonitorConfig } from './config.js';
import { DriftRpc } from './handlers/drift.rpc.js';
import { MonitorEvents } from './handlers/monitor.events.js';
import type { Calculate } from './ports/calculator.js';
import { DRIFT_JOB, EvaluateDrift } from './use-cases/evaluate-drift.js';
import { EvaluatePerformance, PERFORMANCE_JOB } from './use-cases/evaluate-performance.js';
import { FORGET_JOB, ForgetServed } from './use-cases/forget-served.js';
import { FORECAST_JOB, IssueForecasts } from './use-cases/issue-forecasts.js';
import { ObserveServing } from './use-cases/observe-serving.js';
import { PROFILE_JOB, ProfileReference } from './use-cases/profile-reference.js';
import { SeasonWindows } from './use-cases/season-windows.js';
import { SumFeatureLosses } from './use-cases/sum-feature-losses.js';

/** What the drift monitor needs from whoever starts it. */
export interface DriftMonitorOptions {
  readonly config: DriftMonitorConfig;
  readonly engine: Engine;
  /** Where arithmetic over many rows is done, by default in a worker thread. */
  readonly calculate?: Calculate;
}

/** The arithmetic, for those who need it. */
const CALCULATE = Symbol('Calculate');

/** What both judgements of a batch need. */
type JudgementParts = [Platform, PolicyGenerations, DurableJobs, Calculate, IssueForecasts];

/** The policy of a batch may be announced on another topic a moment later. */
const MAX_ATTEMPTS = 6;

/** Watches data and champion between cycles. */
@Module({})
export class DriftMonitorModule {
  /** Everything else comes from the platform of the service that boots it. */
  static forRoot({ config, engine, calculate }: DriftMonitorOptions): DynamicModule {
    const inject = [PLATFORM, PolicyGenerations, DURABLE_JOBS, CALCULATE, IssueForecasts];
    return {
      module: DriftMonitorModule,
      controllers: [MonitorEvents],
      providers: [
        DriftRpc,
        CalculationThreads,
        {
          provide: CALCULATE,
          inject: [CalculationThreads],
          useFactory: (threads: CalculationThreads): Calculate => calculate ?? threads.calculate.bind(threads),
        },
        {
          provide: PolicyGenerations,
          inject: [PLATFORM],
          useFactory: (platform: Platform) => new PolicyGenerations(platform),
        },
        {
          provide: ProfileReference,
          inject: [PLATFORM, DURABLE_JOBS, CALCULATE],
          useFactory: (platform: Platform, jobs: DurableJobs, arithmetic: Calculate) =>
            defined(jobs, PROFILE_JOB, new ProfileReference(platform, engine, jobs, arithmetic)),
        },
        {
          provide: IssueForecasts,
          inject: [PLATFORM, DURABLE_JOBS, CALCULATE],
          useFactory: (platform: Platform, jobs: DurableJobs, arithmetic: Calculate) =>
            defined(jobs, FORECAST_JOB, new IssueForecasts(platform, jobs, arithmetic)),
        },
        {
          provide: EvaluateDrift,
          inject,
          useFactory: (...[platform, policies, jobs, arithmetic, forecasts]: JudgementParts) => {
            const seasons = new SeasonWindows(platform);
            const drift = new EvaluateDrift(platform, engine, policies, jobs, arithmetic, seasons, forecasts);
            return defined(jobs, DRIFT_JOB, drift, JUDGEMENTS);
          },
        },
        {
          provide: EvaluatePerformance,
          inject,
          useFactory: (...[platform, policies, jobs, arithmetic, forecasts]: JudgementParts) => {
            const losses = new SumFeatureLosses(platform, engine, arithmetic);
            const performance = new EvaluatePerformance(platform, policies, jobs, arithmetic, losses, forecasts);
            return defined(jobs, PERFORMANCE_JOB, performance, JUDGEMENTS);
          },
        },
        {
          provide: ObserveServing,
          inject: [PLATFORM, DURABLE_JOBS],
          useFactory: (platform: Platform, jobs: DurableJobs) => {
            defined(jobs, FORGET_JOB, new ForgetServed(platform));
            return new ObserveServing(platform, jobs, config.driftKeepDays);
          },
        },
      ],
    };
  }
}

/**
 * A batch is compared and the window that it closes is measured in one lane: batches are judged in the order they came, and where
 * both would start a cycle, it is always the same one of them that does.
 */
const JUDGEMENTS = 'judgements';

/** One job of a kind at a time. */
function defined<I extends Json, U>(
  jobs: DurableJobs,
  kind: string,
  work: U & Pick<JobDefinition<I>, 'run' | 'failed'>,
  lane: string = kind,
): U {
  jobs.define<I>({
    kind,
    concurrency: 1,
    lane,
    maxAttempts: MAX_ATTEMPTS,
    run: (input, run) => work.run(input, run),
    failed: (unit, input, failure, job) => work.failed(unit, input, failure, job),
  });
  return work;
}
