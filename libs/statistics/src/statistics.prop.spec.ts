import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  benjaminiHochberg,
  binCounts,
  bootstrapAucDifference,
  bootstrapMeanDifference,
  brierScoreLoss,
  chiSquaredTwoSample,
  cohenKappa,
  delongPaired,
  expectedCalibrationError,
  gTwoSample,
  holm,
  jensenShannonDistance,
  krippendorffAlpha,
  ksTwoSample,
  logLoss,
  pairedMeanDifference,
  prAuc,
  psi,
  quantileEdges,
  readCountEProcess,
  readPairedEProcess,
  readSampleRatioEProcess,
  rocAuc,
  startBreachTracker,
  startCountEProcess,
  startPairedEProcess,
  startSampleRatioEProcess,
  updateBreachTracker,
  updateCountEProcess,
  updatePairedEProcess,
  updateSampleRatioEProcess,
  wasserstein1,
} from './index.js';

const score = fc.integer({ min: 0, max: 64 }).map((n) => n / 64);
const rows = fc
  .array(fc.record({ label: fc.integer({ min: 0, max: 1 }), a: score, b: score }), { minLength: 0, maxLength: 40 })
  .map((some) => [
    { label: 0, a: 0.2, b: 0.4 },
    { label: 1, a: 0.6, b: 0.3 },
    { label: 0, a: 0.7, b: 0.5 },
    { label: 1, a: 0.6, b: 0.9 },
    ...some,
  ]);
const sample = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 30 });
const counts = fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 })), {
  minLength: 2,
  maxLength: 12,
});

const columns = (data: readonly { label: number; a: number; b: number }[]) => ({
  labels: data.map(({ label }) => label),
  a: data.map(({ a }) => a),
  b: data.map(({ b }) => b),
});
const close = (actual: number, expected: number): void =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
const restored = <State>(state: State): State => JSON.parse(JSON.stringify(state)) as State;

describe('every function of rows', () => {
  it('leaves its input untouched', () => {
    fc.assert(
      fc.property(rows, sample, sample, (data, x, y) => {
        const { labels, a, b } = columns(data);
        const inputs = [labels, a, b, x, y].map((values) => Object.freeze(values));
        const before = JSON.stringify(inputs);
        rocAuc(labels, a);
        prAuc(labels, a);
        logLoss(labels, a);
        delongPaired(labels, a, b);
        expectedCalibrationError(labels, a);
        bootstrapAucDifference(labels, a, b, { seed: 1, replicates: 100 });
        pairedMeanDifference(a);
        ksTwoSample(x, y);
        wasserstein1(x, y);
        binCounts(y, quantileEdges(x, 5));
        benjaminiHochberg(a);
        holm(a);
        krippendorffAlpha(a, b, 'ordinal');
        cohenKappa(a, b);
        expect(JSON.stringify(inputs)).toBe(before);
      }),
      { numRuns: 50 },
    );
  });

  it('does not depend on the order of rows', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const forward = columns(data);
        const backward = columns([...data].reverse());
        for (const metric of [rocAuc, prAuc, logLoss, brierScoreLoss]) {
          close(metric(backward.labels, backward.a), metric(forward.labels, forward.a));
        }
        close(
          expectedCalibrationError(backward.labels, backward.a).error,
          expectedCalibrationError(forward.labels, forward.a).error,
        );
        const one = delongPaired(forward.labels, forward.a, forward.b);
        const other = delongPaired(backward.labels, backward.a, backward.b);
        close(other.variance, one.variance);
      }),
    );
  });
});

describe('areas under the ROC curve', () => {
  it('depend on the ranks of scores only', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const { labels, a } = columns(data);
        const stretched = a.map((value) => Math.exp(5 * value) - 100);
        close(rocAuc(labels, stretched), rocAuc(labels, a));
      }),
    );
  });

  it('mirror at 1/2 when the labels are swapped', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const { labels, a, b } = columns(data);
        const swapped = labels.map((label) => 1 - label);
        close(rocAuc(swapped, a), 1 - rocAuc(labels, a));
        close(delongPaired(swapped, a, b).variance, delongPaired(labels, a, b).variance);
        close(delongPaired(swapped, a, b).difference, -delongPaired(labels, a, b).difference);
      }),
    );
  });

  it('differ by the opposite when the models change places', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const { labels, a, b } = columns(data);
        const forward = delongPaired(labels, a, b);
        const backward = delongPaired(labels, b, a);
        close(backward.difference, -forward.difference);
        close(backward.pValue, forward.pValue);
      }),
    );
  });
});

describe('resampling', () => {
  it('repeats itself under one seed and brackets the estimate', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (data, seed) => {
        const differences = columns(data).a;
        const first = bootstrapMeanDifference(differences, { seed, replicates: 200 });
        expect(bootstrapMeanDifference(differences, { seed, replicates: 200 })).toEqual(first);
        expect(first.percentile.lower).toBeLessThanOrEqual(first.percentile.upper);
        expect(first.bca.lower).toBeLessThanOrEqual(first.bca.upper);
      }),
      { numRuns: 30 },
    );
  });
});

describe('distances of samples', () => {
  it('are zero on equal samples, symmetric, and follow the unit as they should', () => {
    fc.assert(
      fc.property(sample, sample, fc.integer({ min: 1, max: 1000 }), (x, y, factor) => {
        const scale = (values: number[]) => values.map((value) => value * factor);
        expect(ksTwoSample(x, x)).toMatchObject({ statistic: 0, pValue: 1 });
        expect(wasserstein1(x, x)).toBe(0);
        close(ksTwoSample(y, x).statistic, ksTwoSample(x, y).statistic);
        close(ksTwoSample(y, x).pValue, ksTwoSample(x, y).pValue);
        close(wasserstein1(y, x), wasserstein1(x, y));
        expect(ksTwoSample(scale(x), scale(y))).toEqual(ksTwoSample(x, y));
        close(wasserstein1(scale(x), scale(y)), factor * wasserstein1(x, y));
      }),
    );
  });

  it('bin every value exactly once', () => {
    fc.assert(
      fc.property(sample, sample, fc.integer({ min: 2, max: 12 }), (x, y, bins) => {
        const binned = binCounts(y, quantileEdges(x, bins));
        expect(binned.reduce((sum, count) => sum + count, 0)).toBe(y.length);
        const reference = binCounts(x, quantileEdges(x, bins));
        expect(reference[0]).toBeGreaterThan(0);
        expect(reference.at(-1)).toBeGreaterThan(0);
      }),
    );
  });

  it('of counts do not depend on the order of bins and stay in range', () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const p = pairs.map(([a]) => a);
        const q = pairs.map(([, b]) => b);
        const back = [[...p].reverse(), [...q].reverse()] as const;
        const result = psi(p, q);
        expect(result.value).toBeGreaterThanOrEqual(0);
        expect(result.significant && result.value <= result.floor).toBe(false);
        close(psi(...back).value, result.value);
        close(psi(q, p).value, result.value);
        const distance = jensenShannonDistance(p, q);
        expect(distance >= 0 && distance <= 1).toBe(true);
        close(jensenShannonDistance(q, p), distance);
        for (const test of [chiSquaredTwoSample, gTwoSample]) {
          const forward = test(p, q);
          for (const other of [test(q, p), test(...back)]) {
            expect(other.kind).toBe(forward.kind);
            if (forward.kind === 'tested' && other.kind === 'tested') close(other.statistic, forward.statistic);
          }
        }
      }),
      {
        // Two categories with equally many rows, one of which takes in the rare ones.
        examples: [
          [
            [
              [6, 103],
              [58, 51],
              [1, 1],
              [1, 1],
            ],
          ],
          [
            [
              [30, 50],
              [40, 40],
              [40, 20],
              [1, 1],
            ],
          ],
          [
            [
              [20, 50],
              [50, 20],
              [30, 30],
              [1, 2],
              [2, 1],
            ],
          ],
          [
            [
              [20, 50],
              [50, 20],
              [31, 30],
              [1, 2],
            ],
          ],
        ],
      },
    );
  });
});

describe('adjusted p-values', () => {
  it('are never below the p-value nor above 1, and keep the order', () => {
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 20 }), (pValues) => {
        for (const adjust of [benjaminiHochberg, holm]) {
          const adjusted = adjust(pValues);
          pValues.forEach((p, i) => {
            expect(adjusted[i]!).toBeGreaterThanOrEqual(p);
            expect(adjusted[i]!).toBeLessThanOrEqual(1);
            pValues.forEach((q, j) => {
              if (p < q) expect(adjusted[i]!).toBeLessThanOrEqual(adjusted[j]!);
            });
          });
        }
      }),
    );
  });
});

describe('sequential states', () => {
  const arm = fc.record({ events: fc.integer({ min: 0, max: 9 }), exposure: fc.integer({ min: 10, max: 500 }) });

  it('continue the same after being written and read as JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(arm, arm), { minLength: 1, maxLength: 12 }), (intervals) => {
        let [kept, revived] = [startCountEProcess(), startCountEProcess()];
        let [pairs, revivedPairs] = [startPairedEProcess(), startPairedEProcess()];
        let [split, revivedSplit] = [startSampleRatioEProcess([1, 1]), startSampleRatioEProcess([1, 1])];
        let [tracker, revivedTracker] = [
          startBreachTracker({ needed: 2, window: 3 }),
          startBreachTracker({ needed: 2, window: 3 }),
        ];
        for (const [canary, baseline] of intervals) {
          const interval = {
            canaryEvents: canary.events,
            canaryExposure: canary.exposure,
            baselineEvents: baseline.events,
            baselineExposure: baseline.exposure,
          };
          kept = updateCountEProcess(kept, interval);
          revived = updateCountEProcess(restored(revived), interval);
          const discordant = { losses: canary.events, wins: baseline.events };
          pairs = updatePairedEProcess(pairs, discordant);
          revivedPairs = updatePairedEProcess(restored(revivedPairs), discordant);
          const requests = [canary.exposure, baseline.exposure];
          split = updateSampleRatioEProcess(split, requests, [1, 1]);
          revivedSplit = updateSampleRatioEProcess(restored(revivedSplit), requests, [1, 1]);
          tracker = updateBreachTracker(tracker, canary.events > 5);
          revivedTracker = updateBreachTracker(restored(revivedTracker), canary.events > 5);
        }
        expect(readCountEProcess(revived, 0.05)).toEqual(readCountEProcess(kept, 0.05));
        expect(readPairedEProcess(revivedPairs, 0.05)).toEqual(readPairedEProcess(pairs, 0.05));
        expect(readSampleRatioEProcess(revivedSplit, 0.05)).toEqual(readSampleRatioEProcess(split, 0.05));
        expect(revivedTracker).toEqual(tracker);
      }),
    );
  });

  it('of counts do not depend on the unit of exposure', () => {
    fc.assert(
      fc.property(fc.tuple(arm, arm), fc.integer({ min: 1, max: 1000 }), ([canary, baseline], unit) => {
        const after = (factor: number) =>
          updateCountEProcess(startCountEProcess(), {
            canaryEvents: canary.events,
            canaryExposure: canary.exposure * factor,
            baselineEvents: baseline.events,
            baselineExposure: baseline.exposure * factor,
          });
        close(after(unit).maxLogE, after(1).maxLogE);
      }),
    );
  });
});
