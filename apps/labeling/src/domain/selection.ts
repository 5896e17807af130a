import { idFrom, type Json } from '@rondo/kernel';
import { marginUncertaintyScore } from '@rondo/statistics';
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

/**
 * Positions of the rows to ask about: the most uncertain first, at most `maxItems`; equal ones (all of them without scores)
 * in the order of a hash of their key, so that the choice is arbitrary and yet the same every time.
 * @param probabilities the champion's probability of the positive class per row; absent before the first champion
 */
export function chooseRows(
  rowKeys: readonly string[],
  probabilities: ArrayLike<number> | undefined,
  options: { readonly maxItems: number; readonly salt: string },
): { readonly position: number; readonly uncertainty: number }[] {
  const uncertainty = probabilities
    ? marginUncertaintyScore({ probabilities: Array.from(probabilities).flatMap((p) => [p, 1 - p]), classes: 2 })
    : rowKeys.map(() => 1);
  return rowKeys
    .map((rowKey, position) => ({
      position,
      uncertainty: uncertainty[position] ?? 1,
      tie: hashShare(options.salt, 'order', rowKey),
    }))
    .sort((a, b) => b.uncertainty - a.uncertainty || a.tie - b.tie || a.position - b.position)
    .slice(0, options.maxItems)
    .map(({ position, uncertainty: value }) => ({ position, uncertainty: value }));
}

/** Makes the task of one chosen row. */
export function taskFor(
  row: DoubtfulRow,
  about: {
    readonly pipeline: string;
    readonly campaignId: string;
    readonly rank: number;
    readonly uncertainty: number;
    readonly probability: number | undefined;
    readonly blindShare: number;
  },
): TaskState {
  const { pipeline, campaignId, rank, uncertainty, probability, blindShare } = about;
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
    ...(suggestion && { suggestion }),
    blind: suggestion !== undefined && hashShare(campaignId, 'blind', row.rowKey) < blindShare,
    answers: [],
  };
}
