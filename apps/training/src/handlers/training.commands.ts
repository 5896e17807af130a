import { Inject } from '@nestjs/common';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  CancelTrainingSchema,
  PipelineAppliedSchema,
  TrainCandidateSchema,
  type CancelTraining,
  type PipelineApplied,
  type TrainCandidate,
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
import { jobIdOf, type TrainingJobInput } from '../domain/training-job.js';

export const TRAIN_JOB = 'train-candidate';

/** Commands to train and to stop training. */
@BusController()
export class TrainingCommands {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(DURABLE_JOBS) private readonly jobs: DurableJobs,
    @Inject(PolicyGenerations) private readonly policies: PolicyGenerations,
  ) {}

  @HandleEvent(PipelineAppliedSchema)
  async onApplied(event: PipelineApplied, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) => this.policies.keep(unit, event));
  }

  @HandleEvent(TrainCandidateSchema)
  async onTrain(command: TrainCandidate, delivery: Delivery): Promise<void> {
    const digestOf = (name: string): string =>
      command.splits.find((split) => split.name === name)?.artifact?.digest ?? '';
    const input: TrainingJobInput = {
      cycleId: command.cycleId,
      pipeline: command.pipeline,
      generation: Number(command.policyGeneration),
      candidate: command.candidate,
      snapshotDigest: command.snapshotDigest,
      seed: Number(command.seed),
      trainDigest: digestOf('train'),
      validationDigest: digestOf('validation'),
    };
    const id = jobIdOf(command.cycleId, command.candidate, command.idempotencyKey);
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      await this.jobs.enqueue(unit, {
        kind: TRAIN_JOB,
        id,
        pipeline: command.pipeline,
        input,
        ...(command.deadline && { deadlineAtMs: timestampMs(command.deadline) }),
      });
      unit.save({ kind: 'cycle-job', id, state: {}, index: { cycleId: command.cycleId } });
    });
  }

  @HandleEvent(CancelTrainingSchema)
  async onCancel(command: CancelTraining, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const jobs = await unit.list('cycle-job', { where: { cycleId: command.cycleId }, limit: 1000 });
      for (const job of jobs.items) await this.jobs.cancel(unit, job.id);
    });
  }
}
