import { Inject } from '@nestjs/common';
import { RunJobSchema, type RunJob } from '@rondo/contracts';
import { BusController, HandleEvent, type Delivery } from '@rondo/messaging';
import { DURABLE_JOBS } from '../ports.js';
import type { JobRunner } from './job-runner.js';

/** Hands the wake-ups of a service's own jobs to its runner. */
@BusController()
export class JobWakeUps {
  constructor(@Inject(DURABLE_JOBS) private readonly jobs: JobRunner) {}

  @HandleEvent(RunJobSchema)
  async onRunJob(message: RunJob, delivery: Delivery): Promise<void> {
    await this.jobs.wake(message.jobId, message.attempt, delivery.headers['traceparent']);
  }
}
