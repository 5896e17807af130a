import { describe, expect, it } from '@jest/globals';
import { select, type SelectableCandidate } from './selection.js';

const candidate = (
  name: string,
  complexity: number,
  value: number,
  metric = 'logLoss',
  half = 0.0098,
): SelectableCandidate => ({
  name,
  complexity,
  validation: [
    {
      name: metric,
      value,
      lower: value - half,
      upper: value + half,
      confidence: 0.95,
      n: 1000,
      slice: 'all',
      method: 'mean, normal',
    },
  ],
});

describe('selection', () => {
  it('takes the best when asked for the best', () => {
    const chosen = select([candidate('a', 1, 0.41), candidate('b', 9, 0.4)], {
      metric: 'logLoss',
      oneStandardError: false,
    });
    expect(chosen?.candidate).toBe('b');
  });

  it('takes the simplest within one standard error of the best', () => {
    // Half-width .0098 at 95 % is a standard error of .005.
    const chosen = select([candidate('simple', 1, 0.4049), candidate('best', 9, 0.4)], {
      metric: 'logLoss',
      oneStandardError: true,
    });
    expect(chosen).toMatchObject({ candidate: 'simple' });
    expect(chosen?.explanation).toBe(
      'simple, 0.4049 (0.3951 to 0.4147, n=1,000), is the simplest within one standard error of best, 0.4000 (0.3902 to 0.4098, n=1,000): up to 0.4050',
    );
  });

  it('keeps the best when the simpler one is further away than one standard error', () => {
    const chosen = select([candidate('simple', 1, 0.4051), candidate('best', 9, 0.4)], {
      metric: 'logLoss',
      oneStandardError: true,
    });
    expect(chosen?.candidate).toBe('best');
  });

  it('knows that a higher AUC is better', () => {
    const chosen = select([candidate('a', 1, 0.7, 'rocAuc'), candidate('b', 1, 0.8, 'rocAuc')], {
      metric: 'rocAuc',
      oneStandardError: true,
    });
    expect(chosen?.candidate).toBe('b');
  });

  it('does not depend on the order of candidates', () => {
    const tied = [candidate('b', 1, 0.4), candidate('a', 1, 0.4)];
    const rule = { metric: 'logLoss', oneStandardError: true };
    expect(select(tied, rule)?.candidate).toBe(select([...tied].reverse(), rule)?.candidate);
  });

  it('selects nothing when no candidate has the metric', () => {
    expect(select([candidate('a', 1, 0.4)], { metric: 'brier', oneStandardError: false })).toBeUndefined();
    expect(select([], { metric: 'logLoss', oneStandardError: false })).toBeUndefined();
  });
});
