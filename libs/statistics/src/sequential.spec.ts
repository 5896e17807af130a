import { seededRandom, type Random } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  expectedPairsToDetectLoss,
  expectedRowsToDetectRatio,
  readCountEProcess,
  readPairedEProcess,
  readSampleRatioEProcess,
  startCountEProcess,
  startPairedEProcess,
  startSampleRatioEProcess,
  updateCountEProcess,
  updatePairedEProcess,
  updateSampleRatioEProcess,
} from './index.js';

const RUNS = 500;
/** Two and a half standard errors of a share of 5 % over the runs. */
const SLACK = 0.025;

function binomial(random: Random, trials: number, chance: number): number {
  let hits = 0;
  for (let i = 0; i < trials; i++) if (random.next() < chance) hits++;
  return hits;
}

function minuteOf(random: Random, rates: readonly [number, number], requests: readonly [number, number]) {
  return {
    canaryEvents: binomial(random, requests[0], rates[0]),
    canaryExposure: requests[0],
    baselineEvents: binomial(random, requests[1], rates[1]),
    baselineExposure: requests[1],
  };
}

/** The minute in which harm is seen, or null. */
function minutesToAlarm(
  seed: number,
  rates: readonly [number, number],
  split: readonly [number, number],
  limit: number,
) {
  const random = seededRandom(seed);
  let state = startCountEProcess();
  for (let minute = 1; minute <= limit; minute++) {
    state = updateCountEProcess(state, minuteOf(random, rates, split));
    if (readCountEProcess(state, 0.05).rejected) return minute;
  }
  return null;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

describe('the count test of a canary', () => {
  it('raises a false alarm in at most alpha of the canaries, looked at every minute', () => {
    let alarms = 0;
    for (let run = 0; run < RUNS; run++) if (minutesToAlarm(run, [0.05, 0.05], [10, 10], 120) !== null) alarms++;
    expect(alarms / RUNS).toBeLessThan(0.05 + SLACK);
  });

  it('finds five times as many errors within minutes', () => {
    const minutes = Array.from({ length: 200 }, (_, run) => minutesToAlarm(run, [0.05, 0.01], [20, 20], 240));
    expect(minutes.every((minute) => minute !== null)).toBe(true);
    const plan = expectedRowsToDetectRatio({ baselineRate: 0.01, rateRatio: 5, canaryShare: 0.5, alpha: 0.05 })!;
    expect(Math.abs(median(minutes as number[]) * 40 - plan.rows) / plan.rows).toBeLessThan(0.15);
  });

  it('stays valid while the split is ramped up', () => {
    let alarms = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = seededRandom(50_000 + run);
      let state = startCountEProcess();
      for (const canary of [1, 2, 5, 10, 15]) {
        for (let minute = 0; minute < 20; minute++) {
          state = updateCountEProcess(state, minuteOf(random, [0.05, 0.05], [canary, 20 - canary]));
        }
      }
      if (readCountEProcess(state, 0.05).rejected) alarms++;
    }
    expect(alarms / RUNS).toBeLessThan(0.05 + SLACK);
  });

  it('learns nothing while only one arm has traffic', () => {
    const state = updateCountEProcess(startCountEProcess(), {
      canaryEvents: 0,
      canaryExposure: 0,
      baselineEvents: 40,
      baselineExposure: 100,
    });
    expect(readCountEProcess(state, 0.05)).toEqual({ logEValue: 0, pValue: 1, rejected: false });
  });

  it('can be turned round to show that harm stays below a margin', () => {
    const random = seededRandom(3);
    let state = startCountEProcess({ nullRatio: 1.5, ratios: [0.8, 1, 1.2] });
    for (let minute = 0; minute < 400; minute++) {
      state = updateCountEProcess(state, minuteOf(random, [0.05, 0.05], [20, 20]));
    }
    expect(readCountEProcess(state, 0.05).rejected).toBe(true);
  });
});

describe('the paired test of a shadow', () => {
  const runPairs = (seed: number, loss: number, limit: number) => {
    const random = seededRandom(seed);
    let state = startPairedEProcess();
    for (let pair = 1; pair <= limit; pair++) {
      const lost = random.next() < loss;
      state = updatePairedEProcess(state, { losses: lost ? 1 : 0, wins: lost ? 0 : 1 });
      const { harm, benefit } = readPairedEProcess(state, 0.05);
      if (harm.rejected) return { pair, side: 'harm' };
      if (benefit.rejected) return { pair, side: 'benefit' };
    }
    return null;
  };

  it('raises a false alarm in at most alpha of equal models in each direction', () => {
    const ends = Array.from({ length: RUNS }, (_, run) => runPairs(run, 0.5, 300)?.side);
    expect(ends.filter((side) => side === 'harm').length / RUNS).toBeLessThan(0.05 + SLACK);
    expect(ends.filter((side) => side === 'benefit').length / RUNS).toBeLessThan(0.05 + SLACK);
  });

  it('needs about as many rows as planned to see a loss of two points of accuracy', () => {
    const plan = expectedPairsToDetectLoss({
      championAccuracy: 0.9,
      candidateAccuracy: 0.88,
      agreement: 0.95,
      alpha: 0.05,
    })!;
    const pairs = Array.from({ length: 300 }, (_, run) => runPairs(run, 0.7, 2_000)!);
    expect(pairs.every(({ side }) => side === 'harm')).toBe(true);
    expect(Math.abs(median(pairs.map(({ pair }) => pair)) - plan.events) / plan.events).toBeLessThan(0.15);
    expect(plan.rows).toBeGreaterThan(650);
    expect(plan.rows).toBeLessThan(800);
  });

  it('has no plan for a candidate that is not worse', () => {
    expect(
      expectedPairsToDetectLoss({ championAccuracy: 0.9, candidateAccuracy: 0.9, agreement: 0.97, alpha: 0.05 }),
    ).toBeNull();
    expect(expectedRowsToDetectRatio({ baselineRate: 0.01, rateRatio: 1, canaryShare: 0.5, alpha: 0.05 })).toBeNull();
  });
});

describe('the test of the traffic split', () => {
  const runSplit = (seed: number, actual: number) => {
    const random = seededRandom(seed);
    let state = startSampleRatioEProcess([0.1, 0.9]);
    for (const share of [0.1, 0.25, 0.5]) {
      for (let look = 0; look < 20; look++) {
        const canary = binomial(random, 200, share * actual);
        state = updateSampleRatioEProcess(state, [canary, 200 - canary], [share, 1 - share]);
      }
    }
    return readSampleRatioEProcess(state, 0.05).rejected;
  };

  it('accepts a correct split through changes of the split', () => {
    let alarms = 0;
    for (let run = 0; run < 300; run++) if (runSplit(run, 1)) alarms++;
    expect(alarms / 300).toBeLessThan(0.05 + SLACK);
  });

  it('finds a canary that gets a fifth less than configured', () => {
    let found = 0;
    for (let run = 0; run < 100; run++) if (runSplit(run, 0.8)) found++;
    expect(found).toBeGreaterThan(95);
  });
});
