import { describe, expect, it } from '@jest/globals';
import { brierScoreLoss, classificationEstimates, logLoss, rocAuc } from './index.js';

const labels = Uint8Array.from([0, 1, 1, 0, 1, 0, 0, 1]);
const probabilities = Float64Array.from([0.2, 0.7, 0.6, 0.4, 0.3, 0.1, 0.65, 0.9]);

describe('classificationEstimates', () => {
  it('reports the metrics with intervals that hold them, and their n', () => {
    const report = new Map(
      classificationEstimates(labels, probabilities, { slice: 'dow=1' }).map((item) => [item.name, item]),
    );
    expect(report.get('logLoss')?.value).toBeCloseTo(logLoss(labels, probabilities), 12);
    expect(report.get('brier')?.value).toBeCloseTo(brierScoreLoss(labels, probabilities), 12);
    expect(report.get('rocAuc')?.value).toBeCloseTo(rocAuc(labels, probabilities), 12);
    expect(report.get('positiveRate')?.value).toBe(0.5);
    for (const name of ['logLoss', 'brier', 'rocAuc', 'positiveRate', 'meanScore']) {
      const { value, lower, upper, n, slice } = report.get(name)!;
      expect(lower).toBeLessThanOrEqual(value);
      expect(upper).toBeGreaterThanOrEqual(value);
      expect([n, slice]).toEqual([8, 'dow=1']);
    }
  });

  it('leaves the AUC out when only one class is there', () => {
    const names = classificationEstimates([1, 1, 1], [0.4, 0.5, 0.9]).map((item) => item.name);
    expect(names).not.toContain('rocAuc');
    expect(names).toContain('logLoss');
  });
});
