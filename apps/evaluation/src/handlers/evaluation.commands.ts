import { Inject } from '@nestjs/common';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  EvaluateCandidateSchema,
  PipelineAppliedSchema,
  type EvaluateCandidate,
  type PipelineApplied,
} from '@rondo/contracts';
import {
  BusController,
  causeOf,
  DURABLE_JOBS,
  HandleEvent,
  PLATFORM,
  PolicyGenerations,
  type Delivery,
  type DurableJobs,
  type Platform,
} from '@rondo/service';
import { jobInputFrom } from '../contract-map.js';
import { jobIdOf } from '../domain/evaluation-job.js';

/** Kind of the jobs that evaluate. */
export const EVALUATE_JOB = 'evaluate-candidate';

/** Commands to evaluate, and the policies to evaluate by. */
@BusController()
export class EvaluationCommands {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(DURABLE_JOBS) private readonly jobs: DurableJobs,
    @Inject(PolicyGenerations) private readonly policies: PolicyGenerations,
  ) {}

  @HandleEvent(PipelineAppliedSchema)
  async onApplied(event: PipelineApplied, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) => this.policies.keep(unit, event));
  }

  @HandleEvent(EvaluateCandidateSchema)
  async onEvaluate(command: EvaluateCandidate, delivery: Delivery): Promise<void> {
    const { pipeline, cycleId, candidate, idempotencyKey, deadline } = command;
    const job = {
      kind: EVALUATE_JOB,
      id: jobIdOf(cycleId, candidate, idempotencyKey),
      pipeline,
      input: jobInputFrom(command),
    };
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      this.jobs.enqueue(unit, { ...job, ...(deadline && { deadlineAtMs: timestampMs(deadline) }) }),
    );
  }
}
