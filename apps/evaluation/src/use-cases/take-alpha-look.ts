import { assert } from '@rondo/kernel';
import type { Platform } from '@rondo/service';
import type { EvaluationJobInput } from '../domain/evaluation-job.js';
import { takeLook, type AlphaLook, type PromotionLedger } from '../domain/promotion-ledger.js';

/** Kind of the one document per pipeline that says what it may still spend on false promotions. */
export const PROMOTION_LEDGER = 'promotion-ledger';

/** Kind of the documents that say what a cycle has taken of it. */
export const ALPHA_LOOK = 'alpha-look';

/**
 * Takes the look of a cycle, before the level is used for anything. A cycle has one look however often it is evaluated: a
 * repetition judges the same model on the same rows at the same level.
 */
export async function takeAlphaLook(
  { journal }: Pick<Platform, 'journal'>,
  { pipeline, cycleId }: EvaluationJobInput,
  run: { readonly jobId: string; readonly attempt: number; readonly lifetimeAlpha: number },
): Promise<AlphaLook> {
  await journal.once({ consumer: 'alpha-look', messageId: `${run.jobId}/${run.attempt}` }, async (unit) => {
    if (await unit.load<AlphaLook>(ALPHA_LOOK, cycleId)) return;
    const stored = await unit.load<PromotionLedger>(PROMOTION_LEDGER, pipeline);
    const { ledger, look } = takeLook(stored?.state, run.lifetimeAlpha);
    unit.save<PromotionLedger>({ kind: PROMOTION_LEDGER, id: pipeline, state: ledger });
    unit.save<AlphaLook>({ kind: ALPHA_LOOK, id: cycleId, state: look, index: { pipeline, look: look.look } });
  });
  const taken = await journal.load<AlphaLook>(ALPHA_LOOK, cycleId);
  assert(taken, `the look of cycle ${cycleId} was not kept`);
  return taken.state;
}
