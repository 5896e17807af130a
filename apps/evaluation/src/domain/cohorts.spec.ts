import { describe, expect, it } from '@jest/globals';
import { cohortsOf, compareCohorts } from './cohorts.js';

describe('cohorts of a feature', () => {
  it('are its values when there are few, in their order, missing ones last', () => {
    const { names, of } = cohortsOf('dow', Float32Array.of(2, NaN, 1, 2, 0.1));
    expect(names).toEqual(['dow=0.1', 'dow=1', 'dow=2', 'dow=missing']);
    expect([...of]).toEqual([2, 3, 1, 2, 0]);
  });

  it('are quartiles when there are many', () => {
    const values = Float32Array.from({ length: 101 }, (_, i) => (i === 100 ? NaN : i));
    const { names, of } = cohortsOf('x', values);
    expect(names).toEqual(['x <= 24.75', '24.75 < x <= 49.5', '49.5 < x <= 74.25', 'x > 74.25', 'x=missing']);
    expect(Array.from({ length: 5 }, (_, index) => of.filter((cohort) => cohort === index).length)).toEqual([
      25, 25, 25, 25, 1,
    ]);
  });
});

describe('differences per cohort', () => {
  const values = Float32Array.from({ length: 300 }, (_, i) => (i < 290 ? i % 2 : 7));
  const perRow = Float64Array.from({ length: 300 }, (_, i) => (i % 2) * 0.5 + (i % 5) * 0.01);

  it('put the most harmed cohort first and leave small ones unjudged', () => {
    const { cohorts, smallCohorts } = compareCohorts([{ by: 'g', minRows: 50, values }], perRow, 0.95);
    expect(cohorts.map(({ cohort, n }) => [cohort, n])).toEqual([
      ['g=1', 145],
      ['g=0', 145],
    ]);
    expect(smallCohorts).toEqual([{ cohort: 'g=7', n: 10 }]);
  });

  it('widen with the number of cohorts looked at', () => {
    const request = { by: 'g', minRows: 50, values };
    const alone = compareCohorts([request], perRow, 0.95).cohorts[0]!.difference;
    const amongMany = compareCohorts(
      Array.from({ length: 5 }, () => request),
      perRow,
      0.95,
    ).cohorts[0]!.difference;
    expect(amongMany.upper - amongMany.lower).toBeGreaterThan((alone.upper - alone.lower) * 1.1);
  });

  it('are not computed without a champion', () => {
    expect(compareCohorts([{ by: 'g', minRows: 1, values }], null, 0.95)).toEqual({ cohorts: [], smallCohorts: [] });
  });
});
