import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { addedBands, attributeLoss, bandSums, earlierBands } from './loss-attribution.js';
import {
  noPerformance,
  withChampion,
  withEvaluatedWindow,
  withOpenedWindow,
  type PerformanceRecord,
} from './performance.js';

/** Rows whose scores `draw` gives, with outcomes as likely as `truth` says of the score. */
function rowsOf(
  seed: number,
  n: number,
  draw: (uniform: number) => number = (uniform) => uniform,
  truth: (score: number) => number = (score) => score,
) {
  const random = seededRandom(seed);
  const scores = Float32Array.from({ length: n }, () => draw(random.next()));
  return { scores, labels: Uint8Array.from(scores, (score) => (random.next() < truth(score) ? 1 : 0)) };
}
const bandsOf = ({ scores, labels }: ReturnType<typeof rowsOf>) => bandSums(scores, labels);

describe('a change of the log loss', () => {
  const before = bandsOf(rowsOf(1, 8000));

  it('is of the inputs when other rows come and outcomes follow their scores', () => {
    // More rows that the champion cannot tell apart.
    const { change, mix, rate } = attributeLoss(before, bandsOf(rowsOf(2, 4000, (u) => 0.3 + 0.4 * u)));
    expect(change.lower).toBeGreaterThan(0);
    expect(mix.lower).toBeGreaterThan(0);
    expect(rate.lower! <= 0 && rate.upper! >= 0).toBe(true);
    expect(mix.value + rate.value).toBeCloseTo(change.value, 10);
    expect(change).toMatchObject({ name: 'logLossChange', n: 4000, confidence: 0.95, slice: 'all' });
  });

  it('is of the outcomes when like rows end otherwise, and names the scores where they do', () => {
    const now = rowsOf(3, 4000, undefined, (score) => (score >= 0.7 && score < 0.8 ? 0.2 : score));
    const { rate, mix, segments } = attributeLoss(before, bandsOf(now));
    expect(rate.lower).toBeGreaterThan(0);
    expect(Math.abs(mix.value)).toBeLessThan(rate.value / 5);
    expect(segments[0]).toMatchObject({ segment: 'score 0.7 to 0.8', rate: { slice: 'score 0.7 to 0.8' } });
    expect(segments[0]!.rate.lower).toBeGreaterThan(0);
    expect(segments[0]!.adjustedLog10PValue).toBeLessThan(-10);
    expect(segments[0]!.rows + segments[0]!.referenceRows).toBeGreaterThan(1000);
    expect(segments.filter(({ adjustedLog10PValue }) => adjustedLog10PValue < -3)).toHaveLength(1);
  });

  it('leaves out scores that nobody got', () => {
    const few = bandSums(Float32Array.of(0.05, 0.95, 1), Uint8Array.of(0, 1, 1));
    expect(
      attributeLoss(few, few)
        .segments.map(({ segment }) => segment)
        .sort(),
    ).toEqual(['score 0 to 0.1', 'score 0.9 to 1']);
  });
});

describe('what earlier windows came to', () => {
  const week = (n: number) => ({ startMs: n * 100, endMs: n * 100 + 100 });
  const bands = (n: number) => bandsOf(rowsOf(n + 10, 100 * (n + 1)));
  const rows = (sums: ReturnType<typeof bands> | undefined) => sums?.reduce((total, { n }) => total + n, 0);
  const evaluated = (record: PerformanceRecord, n: number): PerformanceRecord => {
    const opened = withOpenedWindow(record, week(n))!;
    const window = opened.windows.find(({ startMs }) => startMs === week(n).startMs)!;
    const found = { predictions: 1, labelled: 1, excess: 0, excessRows: 1, bands: bands(n) };
    return withEvaluatedWindow(opened, window, found).record;
  };
  const champion = withChampion(noPerformance, 'a');
  const four = [0, 1, 2, 3].reduce(evaluated, champion);

  it('holds windows that are no longer listed, and none that are later', () => {
    expect(four.windows).toHaveLength(2);
    expect(rows(earlierBands(four, week(3)))).toBe(100 + 200 + 300);
    expect(rows(earlierBands(four, week(2)))).toBe(100 + 200);
    expect(earlierBands(evaluated(champion, 0), week(0))).toBeUndefined();
  });

  it('is another for another champion', () => {
    expect(earlierBands(evaluated(withChampion(four, 'b'), 4), week(4))).toBeUndefined();
  });

  it('adds up, and nothing to something is that', () => {
    expect(rows(addedBands(bands(0), bands(1)))).toBe(300);
    expect(addedBands(undefined, bands(0))).toEqual(bands(0));
    expect(addedBands(undefined, undefined)).toBeUndefined();
  });
});
