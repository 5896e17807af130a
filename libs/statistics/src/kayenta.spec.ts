import { describe, expect, it } from '@jest/globals';
import { kayentaJudge, type KayentaMetric } from './index.js';

/** What Kayenta's judge says of small samples; their intervals and effects are among the reference cases. */
describe("Kayenta's judge on small samples", () => {
  const around = { tolerance: 0.1, confidence: 0.95 };
  const tenfold = { baseline: [1, 2.2, 1.1, 2.5, 3], canary: [20, 22, 21, 25, 30], ...around };
  const tenth = { baseline: [10, 20.2, 10.1, 20.5, 30], canary: [2, 2, 2, 2, 3], ...around };
  const overlapping = { baseline: [20, 22, 21, 25, 30], canary: [10, 12.2, 10.1, 12.5, 23], ...around };
  const ones = [1, 1, 1, 1, 1];
  const aboveZero = [54.9, 54.5, 55.1, 55.6, 57.4];
  const zeros = [0, 0, 0, 0, 0];
  const verdicts: readonly [string, KayentaMetric, string, boolean?][] = [
    ['twelve times as much', tenfold, 'High'],
    ['the same where only a decrease is bad', { ...tenfold, direction: 'decrease' }, 'Pass'],
    ['an effect up to what is allowed', { ...tenfold, allowedIncrease: 13 }, 'Pass'],
    ['an effect beyond it', { ...tenfold, allowedIncrease: 1.2 }, 'High'],
    ['a critical metric', { ...tenfold, critical: true }, 'High', true],
    [
      'a critical metric, effect beyond what is critical',
      { ...tenfold, critical: true, criticalIncrease: 1.2 },
      'High',
      true,
    ],
    ['a critical metric, effect below it', { ...tenfold, critical: true, criticalIncrease: 13 }, 'High', false],
    ['an eighth', tenth, 'Low'],
    ['the same where only an increase is bad', { ...tenth, direction: 'increase' }, 'Pass'],
    ['an eighth of a critical metric', { ...tenth, critical: true, criticalDecrease: 1.2 }, 'Low', true],
    ['arms that overlap in one value', overlapping, 'Pass'],
    ['one value more among ties', { baseline: ones, canary: [1, 1, 1, 1, 10], ...around }, 'Pass'],
    ['one value less among ties', { baseline: ones, canary: [0, 1, 1, 1, 1], ...around }, 'Pass'],
    ['a baseline of zeros, which has no ratio', { baseline: zeros, canary: aboveZero, ...around }, 'High'],
    ['a canary of zeros', { baseline: aboveZero, canary: zeros, ...around }, 'Low'],
    ['constant arms apart', { baseline: ones, canary: [10, 10, 10, 10, 10], ...around }, 'High'],
  ];

  it.each(verdicts)('%s', (_, metric, classification, critical = false) => {
    expect(kayentaJudge(metric)).toMatchObject({ classification, critical });
  });
});
