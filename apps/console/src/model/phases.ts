/** One phase as the timeline draws it. */
export interface PhaseBar {
  readonly phase: string;
  /** What the time was spent on: `human`, `queue`, `compute` or `traffic`. */
  readonly kind: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly running: boolean;
}

/** A bar with its place on the folded scale, 0..1. */
export interface FoldedBar extends PhaseBar {
  readonly left: number;
  readonly width: number;
  /** Drawn shorter than it was, with a zigzag. */
  readonly folded: boolean;
}

/** A wait may take at most this share of the picture, so that a day of waiting does not flatten the rest. */
const LARGEST_WAIT = 0.28;
const SMALLEST = 0.012;

/** Lays phases one after the other; waits longer than their allowance are folded, computing keeps its proportions. */
export function foldWaits(bars: readonly PhaseBar[]): FoldedBar[] {
  if (bars.length === 0) return [];
  const lengths = bars.map((bar) => Math.max(0, bar.endMs - bar.startMs));
  const total = lengths.reduce((sum, length) => sum + length, 0) || 1;
  const isWait = (index: number): boolean => bars[index]!.kind !== 'compute';
  const kept = lengths.reduce(
    (sum, length, index) => sum + (isWait(index) && length / total > LARGEST_WAIT ? 0 : length),
    0,
  );
  const cap = Math.max(kept, total * 0.02) * LARGEST_WAIT * 1.4;
  const shown = lengths.map((length, index) => {
    const folded = isWait(index) && length / total > LARGEST_WAIT && length > cap;
    return { folded, size: folded ? cap : length };
  });
  const raw = shown.reduce((sum, { size }) => sum + size, 0) || 1;
  const padded = shown.map(({ size }) => Math.max(SMALLEST, size / raw));
  const sum = padded.reduce((all, width) => all + width, 0);
  let left = 0;
  return bars.map((bar, index) => {
    const width = padded[index]! / sum;
    const placed = { ...bar, left, width, folded: shown[index]!.folded };
    left += width;
    return placed;
  });
}

/** Milliseconds per kind of time, longest first. */
export function timeByKind(bars: readonly PhaseBar[]): { kind: string; durationMs: number }[] {
  const sums = new Map<string, number>();
  for (const bar of bars) sums.set(bar.kind, (sums.get(bar.kind) ?? 0) + Math.max(0, bar.endMs - bar.startMs));
  return [...sums].map(([kind, durationMs]) => ({ kind, durationMs })).sort((a, b) => b.durationMs - a.durationMs);
}
