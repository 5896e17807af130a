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
    ? marginUncertaintyScore({ probabilities: ofBothClasses(probabilities), classes: 2 })
    : rowKeys.map(() => 1);
  const draws = rowKeys.map((rowKey) => hashShare(options.salt, 'order', rowKey));
  const count = Math.min(options.maxItems, rowKeys.length);
  return hybridQueue({ uncertainty, draws }, { count, controlShare: options.controlShare }).map(({ row, arm }) => ({
    position: row,
    uncertainty: uncertainty[row]!,
    arm,
  }));
}

function ofBothClasses(positive: ArrayLike<number>): Float64Array {
  const both = new Float64Array(2 * positive.length);
  for (let row = 0; row < positive.length; row++) {
    both[2 * row] = positive[row]!;
    both[2 * row + 1] = 1 - positive[row]!;
  }
  return both;
}

/**
 * Rows to ask about when some have a known answer: at most `share` of `maxItems` are gold, chosen by the same rule as the others and
 * placed among them by a hash, so that nothing but the answer tells them apart. Without other rows there is nothing to ask.
 */
export function chooseWithGold(
  rows: { readonly rowKeys: readonly string[]; readonly knownAnswers: readonly (string | null)[] },
  probabilities: ArrayLike<number> | undefined,
  options: { readonly maxItems: number; readonly controlShare: number; readonly salt: string; readonly share: number },
): ChosenRow[] {
  const { maxItems, salt, share } = options;
  const choose = (isGold: boolean, most: number): ChosenRow[] => {
    const positions = rows.rowKeys.flatMap((_, at) => ((rows.knownAnswers[at] !== null) === isGold ? [at] : []));
    const scores = probabilities && positions.map((at) => probabilities[at]!);
    const keys = positions.map((at) => rows.rowKeys[at]!);
    return chooseRows(keys, scores, { ...options, maxItems: most }).map((row) => ({
      ...row,
      position: positions[row.position]!,
    }));
  };
  const gold = choose(true, Math.floor(share * maxItems));
  const asked = choose(false, maxItems - gold.length);
  if (asked.length === 0) return [];
  const placed = gold.map((row) => ({
    row,
    place: hashShare(salt, 'place', rows.rowKeys[row.position]!) * asked.length,
  }));
  return [...asked.map((row, place) => ({ row, place })), ...placed]
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row);
}

/**
 * The tasks an annotator gets next: at each place in the series of their tasks a hash decides whether it is a gold one, so that
 * `share` of what they are given is gold whenever they come. Gold tasks are given along with others only.
 */
export function nextTasks<T>(
  open: { readonly asked: readonly T[]; readonly gold: readonly T[] },
  series: { readonly salt: string; readonly annotator: string; readonly from: number; readonly share: number },
  count: number,
): T[] {
  const tasks: T[] = [];
  let gold = 0;
  while (tasks.length < count && tasks.length - gold < open.asked.length) {
    const place = String(series.from + tasks.length);
    const isGold = gold < open.gold.length && hashShare(series.salt, 'gold', series.annotator, place) < series.share;
    tasks.push(isGold ? open.gold[gold]! : open.asked[tasks.length - gold]!);
    if (isGold) gold++;
  }
  return tasks;
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
    readonly gold: string | null;
  },
): TaskState {
  const { pipeline, campaignId, rank, uncertainty, arm, probability, blindShare, gold } = about;
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
    ...(gold !== null && { gold }),
    answers: [],
  };
}
