import { describe, expect, it } from '@jest/globals';
import { compareCohorts } from './cohorts.js';

describe('differences per cohort', () => {
  const values = Float32Array.from({ length: 300 }, (_, i) => (i < 290 ? i % 2 : 7));
  const perRow = Float64Array.from({ length: 300 }, (_, i) => (i % 2) * 0.5 + (i % 5) * 0.01);

  it('put the most harmed cohort first and leave small ones unjudged', () => {
    const { cohorts, smallCohorts } = compareCohorts([{ by: 'g', minRows: 50, values }], perRow, {
      confidence: 0.95,
      clusters: null,
    });
    expect(cohorts.map(({ cohort, n }) => [cohort, n])).toEqual([
      ['g=1', 145],
      ['g=0', 145],
    ]);
    expect(smallCohorts).toEqual([{ cohort: 'g=7', n: 10, minRows: 50 }]);
  });

  it('widen with the number of cohorts looked at', () => {
    const request = { by: 'g', minRows: 50, values };
    const alone = compareCohorts([request], perRow, { confidence: 0.95, clusters: null }).cohorts[0]!.difference;
    const amongMany = compareCohorts(
      Array.from({ length: 5 }, () => request),
      perRow,
      { confidence: 0.95, clusters: null },
    ).cohorts[0]!.difference;
    expect(amongMany.upper - amongMany.lower).toBeGreaterThan((alone.upper - alone.lower) * 1.1);
  });

  it('judge a cohort only where its rows come from clusters enough, and by them', () => {
    const request = { by: 'g', minRows: 50, values };
    const days = (count: number) => Float64Array.from(perRow, (_, row) => Math.floor((row * count) / 300));
    const few = compareCohorts([request], perRow, { confidence: 0.95, clusters: days(6) });
    expect(few.cohorts).toEqual([]);
    expect(few.smallCohorts).toHaveLength(3);
    expect(few.smallCohorts[0]).toMatchObject({ cohort: 'g=0', n: 145, clusters: expect.closeTo(6, 0) });
    const [plain, clustered] = [null, days(20)].map(
      (clusters) => compareCohorts([request], perRow, { confidence: 0.95, clusters }).cohorts[0]!.difference,
    );
    expect(clustered!.value).toBe(plain!.value);
    expect(clustered!.upper).not.toBe(plain!.upper);
  });

  it('are not computed without a champion', () => {
    expect(compareCohorts([{ by: 'g', minRows: 1, values }], null, { confidence: 0.95, clusters: null })).toEqual({
      cohorts: [],
      smallCohorts: [],
    });
  });
});
