import { seededRandom, type Random } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  AdwinDetector,
  HddmADetector,
  HddmWDetector,
  binCounts,
  chiSquaredTwoSample,
  hellingerDistance,
  jensenShannonDistance,
  ksTwoSample,
  psi,
  quantileEdges,
} from './index.js';

/** Faults that were measured in other tools for drift; each must stay out of here. */
describe('a fault seen elsewhere', () => {
  const counted = (random: Random, rows: number, categories: number) => {
    const counts = new Float64Array(categories);
    for (let i = 0; i < rows; i++) counts[random.int(categories)]!++;
    return counts;
  };
  const normal = (random: Random) =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

  it.each([100, 200, 500, 1_000])('chi-squared against shares taken as known: 20 categories, %i rows', (rows) => {
    const random = seededRandom(rows);
    let rightly = 0;
    let wrongly = 0;
    for (let run = 0; run < 300; run++) {
      const [before, now] = [counted(random, rows, 20), counted(random, rows, 20)];
      const test = chiSquaredTwoSample(before, now);
      if (test.kind === 'tested' && test.pValue < 0.05) rightly++;
      // The fault: the reference's shares as expectation. Its statistic is about twice what it should be.
      const oneSided = before.reduce((sum, count, i) => sum + (now[i]! - count) ** 2 / Math.max(1, count), 0);
      if (oneSided > 30.14) wrongly++;
    }
    expect(rightly / 300).toBeLessThan(0.09);
    expect(wrongly / 300).toBeGreaterThan(0.4);
  });

  it('PSI above 0.1 taken for drift on 100 rows', () => {
    const random = seededRandom(3);
    let fixed = 0;
    let significant = 0;
    for (let run = 0; run < 300; run++) {
      const draw = () => Float64Array.from({ length: 100 }, () => normal(random));
      const before = draw();
      const edges = quantileEdges(before, 10);
      const result = psi(binCounts(before, edges), binCounts(draw(), edges));
      if (result.value > 0.1) fixed++;
      if (result.significant) significant++;
    }
    expect(fixed / 300).toBeGreaterThan(0.6);
    expect(significant / 300).toBeLessThan(0.12);
  });

  it('equal-width bins that one outlier stretches until a halved column looks the same', () => {
    const random = seededRandom(5);
    const before = Float64Array.from({ length: 4_000 }, (_, i) => (i === 0 ? 1e6 : 100 * random.next()));
    const now = before.map((value, i) => (i === 0 ? 1e6 : value / 2));
    const equalWidth = Array.from({ length: 9 }, (_, i) => ((i + 1) * 1e6) / 10);
    const wide = [binCounts(before, equalWidth), binCounts(now, equalWidth)] as const;
    expect(psi(...wide).value).toBe(0);
    expect(jensenShannonDistance(...wide)).toBe(0);
    const edges = quantileEdges(before, 10);
    const right = [binCounts(before, edges), binCounts(now, edges)] as const;
    expect(psi(...right).value).toBeGreaterThan(1);
    expect(hellingerDistance(...right)).toBeGreaterThan(0.3);
    expect(ksTwoSample(before, now).statistic).toBeGreaterThan(0.45);
  });

  it('p-values that underflow to 0 and can be ranked no more', () => {
    const less = psi([1e6, 1e6], [1.5e6, 0.5e6]);
    const more = psi([1e6, 1e6], [1.9e6, 0.1e6]);
    expect([less.pValue, more.pValue]).toEqual([0, 0]);
    expect(more.log10PValue).toBeLessThan(less.log10PValue);
    expect(Number.isFinite(more.log10PValue)).toBe(true);
  });

  it('a detector that takes an improvement for drift', () => {
    for (const make of [
      (alarmOn?: 'change') => new AdwinDetector(alarmOn ? { alarmOn } : {}),
      (alarmOn?: 'change') => new HddmADetector(alarmOn ? { alarmOn } : {}),
      (alarmOn?: 'change') => new HddmWDetector(alarmOn ? { alarmOn } : {}),
    ]) {
      const alarms = (alarmOn?: 'change') => {
        const random = seededRandom(8);
        const detector = make(alarmOn);
        let count = 0;
        for (let i = 0; i < 2_000; i++)
          if (detector.update(random.next() < (i < 1_000 ? 0.5 : 0.05) ? 1 : 0) === 'drift') count++;
        return count;
      };
      expect(alarms('change')).toBeGreaterThan(0);
      expect(alarms()).toBe(0);
    }
  });
});
