import { Inject } from '@nestjs/common';
import {
  AnnounceArrivalSchema,
  PipelineAppliedSchema,
  PrepareSnapshotSchema,
  type AnnounceArrival as AnnounceCommand,
  type PipelineApplied,
  type PrepareSnapshot as PrepareCommand,
} from '@rondo/contracts';
import {
  BusController,
  causeOf,
  HandleEvent,
  PLATFORM,
  PolicyGenerations,
  type Delivery,
  type Platform,
} from '@rondo/service';
import { announcementFrom, msOf } from '../contract-map.js';
import { AnnounceArrival } from '../use-cases/announce-arrival.js';
import { QueueSnapshot } from '../use-cases/queue-snapshot.js';
import { untilKnown } from './until-known.js';

/** Commands and policies from the bus. */
@BusController()
export class DataCommands {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(PolicyGenerations) private readonly policies: PolicyGenerations,
    @Inject(AnnounceArrival) private readonly announce: AnnounceArrival,
    @Inject(QueueSnapshot) private readonly queue: QueueSnapshot,
  ) {}

  @HandleEvent(PipelineAppliedSchema)
  async onPipelineApplied(event: PipelineApplied, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) => this.policies.keep(unit, event));
  }

  @HandleEvent(AnnounceArrivalSchema)
  async onAnnounceArrival(command: AnnounceCommand, delivery: Delivery): Promise<void> {
    await untilKnown(delivery, () => this.announce.execute(announcementFrom(command), causeOf(delivery)));
  }

  @HandleEvent(PrepareSnapshotSchema)
  async onPrepareSnapshot(command: PrepareCommand, delivery: Delivery): Promise<void> {
    const { pipeline, cycleId, idempotencyKey, policyGeneration, asOf, deadline, labelSet, verify } = command;
    const input = {
      pipeline,
      cycleId,
      idempotencyKey,
      policyGeneration: Number(policyGeneration),
      asOfMs: msOf(asOf),
      labelSetDigest: labelSet?.digest ?? '',
      verify,
    };
    await this.queue.execute({ input, ...(deadline && { deadlineAtMs: msOf(deadline) }) }, causeOf(delivery));
  }
}
