import fc from 'fast-check';
import { forecast } from '../../src/forecast.js';
import type { Checked, Invariance } from './checked.js';

const value = fc.integer({ min: -50_000, max: 50_000 }).map((drawn) => drawn / 1_000);
const share = fc.integer({ min: 0, max: 64 }).map((drawn) => drawn / 64);
const classification = fc.constantFrom('Pass', 'High', 'Low', 'Nodata');
const metric = fc.record({ classification, critical: fc.boolean(), muted: fc.boolean() });

const anyUnit: Invariance = {
  name: 'the unit of the errors',
  // Powers of two scale exactly.
  changed: ([errors]) => [(errors as number[]).map((error) => error * 2 ** -20)],
};
const anyGroupOrder: Invariance = {
  name: 'the order of metrics within a group',
  changed: ([groups, thresholds]) => [
    (groups as { metrics: unknown[] }[]).map(({ metrics, ...rest }) => ({ ...rest, metrics: [...metrics].reverse() })),
    thresholds,
  ],
};

/** What turns evidence into a decision: forecasts against limits, queues of labels, canaries. */
export const decisionChecks: Checked = {
  estimators: [
    {
      name: 'breachOutlook',
      args: fc
        .array(value, { minLength: 40, maxLength: 60 })
        .map((series) => forecast(series, { horizon: 3 }))
        .filter((made) => made.kind === 'forecast')
        .chain((made) =>
          fc.record({ threshold: value, side: fc.constantFrom('above', 'below') }).map((limit) => [made, limit]),
        ),
      runs: 15,
    },
    {
      name: 'lastChangePoint',
      args: fc.array(value, { maxLength: 40 }).map((errors) => [errors]),
      invariances: [anyUnit],
    },
    {
      name: 'hybridQueue',
      args: fc.array(fc.tuple(share, share, value), { minLength: 1, maxLength: 30 }).map((rows) => [
        {
          uncertainty: rows.map(([uncertainty]) => uncertainty),
          draws: rows.map(([, draw]) => draw),
          points: rows.map(([, , point]) => point),
          dimensions: 1,
        },
        { count: Math.ceil(rows.length / 2), controlShare: 0.25, diverseShare: 0.25 },
      ]),
    },
    {
      name: 'judgeGuidedQueue',
      args: fc.array(value, { maxLength: 40 }).map((differences) => [
        {
          n: differences.length,
          sum: differences.reduce((sum, difference) => sum + difference, 0),
          sumSquares: differences.reduce((sum, difference) => sum + difference ** 2, 0),
        },
        { minRows: 10 },
      ]),
    },
    {
      name: 'sequentialVerdict',
      args: fc
        .record({
          samples: fc.nat(1_000),
          minSamples: fc.integer({ min: 1, max: 800 }),
          lower: value,
          width: share,
          margin: share,
          labelsMature: fc.boolean(),
        })
        .map(({ lower, width, ...look }) => [{ ...look, harm: { lower, upper: lower + width } }]),
    },
    {
      name: 'kayentaScore',
      args: fc
        .array(fc.record({ metrics: fc.array(metric, { maxLength: 5 }) }), { minLength: 1, maxLength: 4 })
        .map((groups) => [groups, { pass: 95, marginal: 75 }]),
      invariances: [anyGroupOrder],
    },
  ],
  machines: [],
  detectors: [],
};
