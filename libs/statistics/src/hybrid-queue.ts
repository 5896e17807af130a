import { checkCount, checkFinite, checkProbabilities, checkSameLength, invalid, type Numbers } from './checks.js';
import { kCenterGreedy } from './active-learning.js';
import { ascendingOrder } from './order.js';

/** Why a row was chosen. */
export type QueueArm = 'uncertain' | 'diverse' | 'control';

/** One row of the queue. */
export interface QueuedRow {
  readonly row: number;
  readonly arm: QueueArm;
}

/** Rows to choose from, and in which proportion by which reason. */
export interface QueuePool {
  /** Higher is asked first; one per row. */
  readonly uncertainty: Numbers;
  /** A number in [0, 1] per row that has nothing to do with the row's content: a seeded draw or a hash of its key. */
  readonly draws: Numbers;
  /** Scaled features, row i at `i * dimensions`, for the diverse arm. */
  readonly points?: Numbers;
  readonly dimensions?: number;
}

/** Candidates of the diverse arm: this many times as many rows as it will choose, the most uncertain ones. */
const DIVERSE_CANDIDATES = 5;

/**
 * Rows to label next: a control arm drawn at random from the whole pool, a diverse arm (k-centre among the next most
 * uncertain rows), and the most uncertain of the rest. The control arm is what the queue has to beat
 * ({@link judgeGuidedQueue}) and the only part that estimates a rate without bias. The arms are interleaved, so a queue that is
 * cut off keeps its proportions. Shares are rounded to rows; the control arm gets at least one when its share is above 0.
 * Source: Settles (2009), Active Learning Literature Survey, ch. 3; Lowell, Lipton & Wallace (2019), EMNLP, on why a control is needed.
 * @example hybridQueue({ uncertainty: [0.1, 0.9, 0.8, 0.2], draws: [0.9, 0.5, 0.7, 0.1] }, { count: 3, controlShare: 0.3 }) // => [{ row: 1, arm: 'uncertain' }, { row: 3, arm: 'control' }, { row: 2, arm: 'uncertain' }]
 */
export function hybridQueue(
  pool: QueuePool,
  options: { readonly count: number; readonly controlShare: number; readonly diverseShare?: number },
): QueuedRow[] {
  const { count, controlShare, diverseShare = 0 } = options;
  checkPool(pool);
  checkCount('count', count);
  if (count > pool.uncertainty.length)
    throw invalid('count', count, `must not exceed the rows (${pool.uncertainty.length})`);
  checkProbabilities('controlShare', [controlShare]);
  checkProbabilities('diverseShare', [diverseShare]);
  if (controlShare + diverseShare > 1)
    throw invalid('diverseShare', diverseShare, 'must leave the shares at 1 or below');
  if (diverseShare > 0 && pool.points === undefined) throw invalid('points', undefined, 'are needed for a diverse arm');
  const { uncertainty, draws } = pool;
  const wanted = controlShare === 0 ? 0 : Math.max(1, Math.round(count * controlShare));
  const controls = Math.min(count, wanted);
  const diverse = Math.min(count - controls, Math.round(count * diverseShare));
  const byDraw = ascendingOrder(draws);
  const control = Array.from(byDraw.subarray(0, controls));
  const others = byDraw.subarray(controls);
  const certainty = new Float64Array(others.length);
  for (let i = 0; i < others.length; i++) certainty[i] = -uncertainty[others[i]!]!;
  // Equal ones stay in the order of their draws.
  const ranked = ascendingOrder(certainty);
  const wantedRows = count - controls - diverse;
  const between = (from: number, to: number): number[] => Array.from(ranked.subarray(from, to), (i) => others[i]!);
  const uncertain = between(0, wantedRows);
  const rest = between(wantedRows, wantedRows + DIVERSE_CANDIDATES * diverse);
  return interleave([
    ['uncertain', uncertain],
    ['control', control],
    ['diverse', spread(pool, uncertain, rest, diverse)],
  ]);
}

function checkPool({ uncertainty, draws, points, dimensions }: QueuePool): void {
  checkFinite('uncertainty', uncertainty, 0);
  checkSameLength('draws', draws, 'uncertainty', uncertainty);
  checkProbabilities('draws', draws);
  if (points === undefined) return;
  checkCount('dimensions', dimensions ?? 0, 1);
  if (points.length !== uncertainty.length * dimensions!) {
    throw invalid('points', points.length, `must have rows · dimensions (${uncertainty.length * dimensions!}) values`);
  }
}

/** Candidates far from each other and from the rows that are asked about anyway. */
function spread(pool: QueuePool, chosen: readonly number[], candidates: readonly number[], count: number): number[] {
  if (count === 0) return [];
  const dimensions = pool.dimensions!;
  const rows = [...chosen, ...candidates];
  const points = new Float64Array(rows.length * dimensions);
  rows.forEach((row, i) => {
    for (let d = 0; d < dimensions; d++) points[i * dimensions + d] = pool.points![row * dimensions + d]!;
  });
  const labelled = chosen.map((_, i) => i);
  return Array.from(kCenterGreedy({ points, dimensions }, count, { labelled }), (i) => rows[i]!);
}

/** At every length each arm holds its share, give or take one row. */
function interleave(arms: readonly (readonly [QueueArm, readonly number[]])[]): QueuedRow[] {
  return arms
    .flatMap(([arm, rows], order) => rows.map((row, i) => ({ row, arm, order, at: (i + 0.5) / rows.length })))
    .sort((a, b) => a.at - b.at || a.order - b.order)
    .map(({ row, arm }) => ({ row, arm }));
}
