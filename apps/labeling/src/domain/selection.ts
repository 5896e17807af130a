import { idFrom, type Json } from '@rondo/kernel';
import { hybridQueue, marginUncertaintyScore, type QueueArm } from '@rondo/statistics';
import type { TaskState } from './task.js';

/** A row that the feature view gave a reason to look at. */
export interface DoubtfulRow {
  readonly rowKey: string;
  readonly reviewReason: string;
  /** What people see. */
  readonly row: Json;
}

/** A share in [0, 1) that depends on the parts alone. */
export function hashShare(...parts: readonly string[]): number {
  return Number.parseInt(idFrom(...parts).slice(0, 8), 16) / 0x1_0000_0000;
}

/** A row that was chosen, how uncertain the champion is of it, and whether it was drawn at random. */
export interface ChosenRow {
  readonly position: number;
  readonly uncertainty: number;
  readonly arm: QueueArm;
}

/**
 * Rows to ask about, at most `maxItems`: the most uncertain first, and among them a control arm of `controlShare` drawn by a hash
 * of the row's key; equal ones (all of them without scores) in the order of that hash, so that the choice is arbitrary and yet the
 * same every time.
 * @param probabilities the champion's probability of the positive class per row; absent before the first champion
 */
export function chooseRows(
  rowKeys: readonly string[],
  probabilities: ArrayLike<number> | undefined,
  options: { readonly maxItems: number; readonly controlShare: number; readonly salt: string },
): ChosenRow[] {
  const uncertainty = probabilities
    ? marginUncertaintyScore({ probabilities: Array.from(probabilities).flatMap((p) => [p, 1 - p]), classes: 2 })
    : rowKeys.map(() => 1);
  const draws = rowKeys.map((rowKey) => hashShare(options.salt, 'order', rowKey));
  const count = Math.min(options.maxItems, rowKeys.length);
  return hybridQueue({ uncertainty, draws }, { count, controlShare: options.controlShare }).map(({ row, arm }) => ({
    position: row,
    uncertainty: uncertainty[row]!,
    arm,
  }));
}

/** Makes the task of one chosen row. */
export function taskFor(
  row: DoubtfulRow,
  about: {
    readonly pipeline: string;
    readonly campaignId: string;
    readonly rank: number;
    readonly uncertainty: number;
    readonly arm: QueueArm;
    readonly probability: number | undefined;
    readonly blindShare: number;
  },
): TaskState {
  const { pipeline, campaignId, rank, uncertainty, arm, probability, blindShare } = about;
  const suggestion =
    probability === undefined
      ? undefined
      : { answer: probability >= 0.5 ? '1' : '0', confidence: Math.max(probability, 1 - probability) };
  return {
    pipeline,
    campaignId,
    taskId: idFrom(campaignId, 'task', row.rowKey),
    rowKey: row.rowKey,
    row: row.row,
    reviewReason: row.reviewReason,
    rank,
    uncertainty,
    drawn: arm === 'control',
    ...(suggestion && { suggestion }),
    blind: suggestion !== undefined && hashShare(campaignId, 'blind', row.rowKey) < blindShare,
    answers: [],
  };
}
