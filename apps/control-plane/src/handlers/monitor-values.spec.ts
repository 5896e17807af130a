import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { DriftEvaluatedSchema, DriftState, PerformanceEvaluatedSchema } from '@rondo/contracts';
import { expressionContexts } from '@rondo/policy';
import { driftValues, performanceValues } from './monitor-values.js';

const estimate = (name: string, value: number, n = 400n) => ({
  name,
  value,
  lower: value - 0.1,
  upper: value + 0.1,
  n,
});

describe('what triggers read', () => {
  it('is every variable of drift, with the bounds that are known', () => {
    const told = { state: DriftState.DETECTED, rows: 9n, importanceWeighted: estimate('importanceWeightedPsi', 0.3) };
    const values = driftValues(create(DriftEvaluatedSchema, told));
    expect(Object.keys(values).sort()).toEqual(Object.keys(expressionContexts['trigger.drift'].drift).sort());
    expect(values).toMatchObject({ state: 'detected', rows: 9, importanceWeighted: 0.3, importanceWeightedUpper: 0.4 });
    const bare = driftValues(create(DriftEvaluatedSchema, {}));
    expect(bare).toMatchObject({ importanceWeighted: 0, state: 'insufficient' });
  });

  it('is every variable of performance, with the bounds that are known', () => {
    const values = performanceValues(
      create(PerformanceEvaluatedSchema, {
        metrics: ['logLoss', 'rocAuc', 'brier', 'ece'].map((name, i) => estimate(name, 0.2 + i / 10)),
        referenceMetrics: ['logLoss', 'rocAuc'].map((name, i) => estimate(name, 0.6 + i / 10)),
        logLossExcess: 0.05,
        logLossExcessEstimate: estimate('logLossExcess', 0.05, 300n),
        labelCoverage: 0.8,
        labelCoverageEstimate: estimate('labelCoverage', 0.8, 500n),
      }),
    );
    expect(Object.keys(values).sort()).toEqual(Object.keys(expressionContexts['trigger.performance'].perf).sort());
    expect(Object.values(values)).not.toContain(undefined);
    expect(values).toMatchObject({ logLossExcess: 0.05, logLossExcessN: 300, labelCoverage: 0.8, labelCoverageN: 500 });
    expect(values).toMatchObject({ eceUpper: expect.closeTo(0.6, 9), referenceRocAucLower: expect.closeTo(0.6, 9) });
    const bare = performanceValues(create(PerformanceEvaluatedSchema, { labelCoverage: 1 }));
    expect(bare).toMatchObject({
      labelCoverage: 1,
      labelCoverageN: 0,
      logLossExcess: 0,
      labelCoverageLower: undefined,
    });
  });
});
