import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  AdwinDetector,
  DdmDetector,
  EddmDetector,
  HddmADetector,
  HddmWDetector,
  KswinDetector,
  ksTwoSample,
  PageHinkleyDetector,
  type StreamStatus,
} from './index.js';

/** Settings under which each finds a jump from 10 % to 40 % errors and leaves a steady stream alone. */
const detectors = {
  adwin: () => new AdwinDetector(),
  ddm: () => new DdmDetector({ warmUp: 200, driftAt: 4 }),
  eddm: () => new EddmDetector({ warmUp: 100, warningBelow: 0.7, driftBelow: 0.6 }),
  'hddm-a': () => new HddmADetector({ driftLevel: 1e-5 }),
  'hddm-w': () => new HddmWDetector({ driftLevel: 1e-5, lambda: 0.02 }),
  kswin: () => new KswinDetector({ level: 1e-5, window: 600, recent: 150 }),
  'page-hinkley': () => new PageHinkleyDetector({ tolerance: 0.1, threshold: 15 }),
};
const named = Object.entries(detectors);

function fed(detector: { update(value: number): StreamStatus }, seed: number, rates: readonly number[], each = 2_000) {
  const random = seededRandom(seed);
  const alarms: number[] = [];
  rates.forEach((rate, part) => {
    for (let i = 0; i < each; i++)
      if (detector.update(random.next() < rate ? 1 : 0) === 'drift') alarms.push(part * each + i);
  });
  return alarms;
}

describe.each(named)('%s', (name, start) => {
  it('is quiet while the error rate is steady', () => {
    const quiet = Array.from({ length: 8 }, (_, seed) => fed(start(), seed, [0.1])).filter((a) => a.length === 0);
    expect(quiet.length).toBeGreaterThanOrEqual(7);
  });

  it('finds a rise soon', () => {
    const alarms = fed(start(), 6, [0.1, 0.4]);
    const first = alarms.find((at) => at >= 2_000);
    expect(first).toBeDefined();
    // EDDM judges at errors only and wants to see its mean distance fall by 40 %.
    expect(first!).toBeLessThan(name === 'eddm' ? 3_000 : 2_400);
  });

  it('never takes an improvement for drift', () => {
    for (let seed = 0; seed < 10; seed++)
      expect(fed(start(), seed, [0.4, 0.05]).filter((at) => at >= 2_000)).toEqual([]);
  });

  it('keeps a bounded state', () => {
    const detector = start();
    fed(detector, 3, [0.2], 2_000);
    const early = JSON.stringify(detector.state()).length;
    fed(detector, 4, [0.2], 10_000);
    expect(JSON.stringify(detector.state()).length).toBeLessThan(early + 1_500);
  });

  it('is left as it was by a value it refuses', () => {
    const detector = start();
    fed(detector, 1, [0.2], 100);
    const before = detector.state();
    for (const value of [NaN, Infinity, -Infinity]) expect(() => detector.update(value)).toThrow('value');
    expect(detector.state()).toEqual(before);
  });
});

describe('ADWIN', () => {
  it('forgets what was before a change and knows the mean since', () => {
    const detector = new AdwinDetector();
    fed(detector, 3, [0.2, 0.6], 1_000);
    const window = detector.window();
    if (window.kind !== 'measured') throw new Error('empty');
    expect(window.rows).toBeLessThan(1_300);
    expect(Math.abs(window.mean - 0.6)).toBeLessThan(0.06);
  });

  it('forgets the old part after an improvement as well, without alarm', () => {
    const detector = new AdwinDetector();
    expect(fed(detector, 3, [0.6, 0.2], 1_000)).toEqual([]);
    const window = detector.window();
    if (window.kind !== 'measured') throw new Error('empty');
    expect(window.rows).toBeLessThan(1_300);
  });
});

describe('KSWIN', () => {
  it('sees a wider spread when any change is asked for', () => {
    const detector = new KswinDetector({ level: 1e-6, window: 400, recent: 150, alarmOn: 'change' });
    const random = seededRandom(2);
    const alarms: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      const spread = i < 1_000 ? 1 : 10;
      if (detector.update((random.next() - 0.5) * spread) === 'drift') alarms.push(i);
    }
    expect(alarms[0]).toBeGreaterThanOrEqual(1_000);
    expect(alarms[0]).toBeLessThan(1_250);
  });

  it('alarms as often as its level says when nothing changes', () => {
    const random = seededRandom(3);
    const runs = 1_000;
    let alarms = 0;
    for (let run = 0; run < runs; run++) {
      const detector = new KswinDetector({ level: 0.2, seed: run, alarmOn: 'change' });
      for (let i = 1; i < 100; i++) detector.update(random.next());
      if (detector.update(random.next()) === 'drift') alarms++;
    }
    // Nine steps of thirty are the least that are significant.
    const ascending = Array.from({ length: 30 }, (_, i) => i);
    const nineApart = ascending.map((value) => value + 8.5);
    const { pValue } = ksTwoSample(ascending, nineApart);
    expect(pValue).toBeLessThan(0.2);
    expect(Math.abs(alarms / runs - pValue)).toBeLessThan(4 * Math.sqrt((pValue * (1 - pValue)) / runs));
  });

  it.each(['change', 'rise'] as const)('answers %s as one that is restored before every value', (alarmOn) => {
    const random = seededRandom(4);
    const detector = new KswinDetector({ level: 0.01, window: 30, recent: 10, alarmOn });
    let drifts = 0;
    for (let i = 0; i < 1_500; i++) {
      const value = (i % 200 < 100 ? random.int(4) : random.next()) + Math.floor(i / 50);
      const restored = KswinDetector.from(detector.state()).update(value);
      expect(detector.update(value)).toBe(restored);
      if (restored === 'drift') drifts++;
    }
    expect(drifts).toBeGreaterThan(1);
  });
});
