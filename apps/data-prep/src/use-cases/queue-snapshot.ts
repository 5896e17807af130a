import type { Cause } from '@rondo/journal';
import { idFrom } from '@rondo/kernel';
import { PREPARE_SNAPSHOT, type PrepareSnapshotInput } from './prepare-snapshot.js';
import type { Tools } from './tools.js';

/** Takes the command to build a snapshot; the same idempotency key is carried out once. */
export class QueueSnapshot {
  constructor(private readonly tools: Pick<Tools, 'journal' | 'jobs'>) {}

  async execute(
    command: { readonly input: PrepareSnapshotInput; readonly deadlineAtMs?: number },
    cause: Cause,
  ): Promise<void> {
    const { input, deadlineAtMs } = command;
    await this.tools.journal.once(cause, (unit) =>
      this.tools.jobs.enqueue(unit, {
        kind: PREPARE_SNAPSHOT,
        id: idFrom('job', PREPARE_SNAPSHOT, input.idempotencyKey),
        pipeline: input.pipeline,
        input: { ...input },
        ...(deadlineAtMs !== undefined && { deadlineAtMs }),
      }),
    );
  }
}
