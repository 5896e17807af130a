import { PermanentError } from '@rondo/kernel';
import type { Platform } from '@rondo/service';
import { mayReopen, type EvaluationJobInput, type SealedTestOpening } from '../domain/evaluation-job.js';

/** Kind of the documents that say who looked at a cycle's sealed test part. */
export const SEALED_TEST_OPENED = 'sealed-test-opened';

/**
 * Records that the cycle's sealed test part is opened for this model, before anything of it is read.
 * @throws PermanentError `failed-precondition` (SEALED_TEST_OPENED) when it was opened for another model of the cycle
 */
export async function openSealedTest(
  { journal, clock }: Pick<Platform, 'journal' | 'clock'>,
  input: EvaluationJobInput,
  run: { readonly jobId: string; readonly attempt: number; readonly testDigest: string },
): Promise<void> {
  const opening: SealedTestOpening = {
    pipeline: input.pipeline,
    candidate: input.candidate,
    modelDigest: input.model.digest,
    testDigest: run.testDigest,
    jobId: run.jobId,
    openedAtMs: clock.now(),
  };
  await journal.once({ consumer: 'sealed-test', messageId: `${run.jobId}/${run.attempt}` }, async (unit) => {
    if (await unit.load<SealedTestOpening>(SEALED_TEST_OPENED, input.cycleId)) return;
    unit.save({
      kind: SEALED_TEST_OPENED,
      id: input.cycleId,
      state: opening,
      index: { pipeline: input.pipeline, testDigest: run.testDigest },
    });
  });
  const stored = await journal.load<SealedTestOpening>(SEALED_TEST_OPENED, input.cycleId);
  if (!stored || mayReopen(stored.state, opening)) return;
  const { candidate, modelDigest } = stored.state;
  throw new PermanentError(
    'failed-precondition',
    `the sealed test of cycle ${input.cycleId} was opened for candidate ${candidate} (${modelDigest}); a second model must not be judged on it`,
    {
      field: 'candidate',
      value: input.candidate,
      rule: 'one model per cycle is judged on the sealed test',
      reason: 'SEALED_TEST_OPENED',
    },
  );
}
