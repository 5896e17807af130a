import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTelemetry, type RunningTelemetry } from '@rondo/telemetry';
import type { Estimate } from '../domain/reading.js';
import type { Change } from '../domain/rollout-state.js';
import { RolloutMetrics } from './rollout-metrics.js';

describe('the gauges of a canary', () => {
  let telemetry: RunningTelemetry;
  beforeEach(() => {
    telemetry = createTelemetry({ service: 'rollout', version: '1' });
  });
  afterEach(() => telemetry.close());

  const estimate = (value: number, more: Partial<Estimate> = {}): Estimate => ({
    ...{ name: 'logLoss', value, confidence: 0.95, n: 400, method: 'm' },
    ...more,
  });

  it('show each value with its interval and what it rests on, and bounds that are gone as gone', async () => {
    const metrics = new RolloutMetrics(telemetry);
    const look = (candidate: Estimate) => {
      const results = [{ analysis: 'quality', verdict: 'Inconclusive', candidate }];
      const facts = [{ kind: 'AnalysisMeasured', measured: { results } }];
      metrics.record({ rollout: { pipeline: 'p' }, routing: { weightPercent: 10 }, facts } as unknown as Change, 0);
    };
    const linesOf = async (name: string): Promise<string[]> =>
      (await telemetry.metricsText()).body.split('\n').filter((line) => line.startsWith(`${name}{`));
    const labels = 'pipeline="p",arm="candidate",metric="quality"';
    look(estimate(0.4, { lower: 0.3, upper: 0.5 }));
    expect(await linesOf('rondo_canary_value')).toEqual([`rondo_canary_value{${labels}} 0.4`]);
    expect(await linesOf('rondo_canary_value_bound')).toEqual([
      `rondo_canary_value_bound{${labels},bound="lower"} 0.3`,
      `rondo_canary_value_bound{${labels},bound="upper"} 0.5`,
    ]);
    expect(await linesOf('rondo_canary_value_rows')).toEqual([`rondo_canary_value_rows{${labels}} 400`]);
    look(estimate(0.4));
    expect((await linesOf('rondo_canary_value_bound')).map((line) => line.split(' ')[1]).map(Number)).toEqual([
      NaN,
      NaN,
    ]);
  });
});
