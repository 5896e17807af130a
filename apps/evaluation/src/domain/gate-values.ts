import type { ReadValue } from '@rondo/policy';
import type { UncertainValue } from './certainty.js';
import { metricOf } from './comparison-gate.js';
import type { Evidence } from './gates.js';
import { knownBounds, type BacktestFold, type Latency, type Measurements } from './measurement.js';

/** Values of `eval`, by name. */
export type GateValues = Readonly<Record<string, ReadValue | undefined>>;

/** The values that expressions may read as `eval.…`; one that could not be measured is absent. */
export function gateValues({ measurements, backtest, latency, modelBytes }: Evidence): GateValues {
  const of = (name: string): number | undefined => metricOf(measurements.challenger.metrics, name)?.value;
  const { cohorts, n } = measurements;
  const harms = cohorts.map(({ difference }) => difference);
  const most = (values: readonly number[]): number | undefined =>
    values.length === 0 ? undefined : Math.max(...values);
  return {
    logLoss: of('logLoss'),
    rocAuc: of('rocAuc'),
    brier: of('brier'),
    ece: of('ece'),
    expectedEce: of('expectedEce'),
    calibrationSlope: of('calibrationSlope'),
    p50Ms: latency.p50Ms,
    p99Ms: latency.p99Ms,
    modelBytes,
    backtestWins: backtest?.filter(({ difference }) => difference.value < 0).length,
    backtestFolds: backtest?.length,
    backtestWorstDifference: most((backtest ?? []).map(({ difference }) => difference.value)),
    worstCohortDifference: most(harms.map(({ value }) => value)),
    // The worst over all cohorts is below the highest of their simultaneous upper bounds.
    worstCohortDifferenceUpper: most(harms.map(({ upper }) => upper)),
    cohortsChecked: cohorts.length,
    ...sliceValues(measurements.slices),
    n,
  };
}

const OF_ROWS =
  /^eval\.(logLoss|rocAuc|brier|ece|expectedEce|calibrationSlope|worstCohortDifference(Upper)?|slicesHarmed|worstSliceDifference(Lower)?)$/;

/** Whether an expression's path reads a value that rests on the rows of the sealed test, and so on their clusters. */
export const restsOnRows = (path: string): boolean => OF_ROWS.test(path);

/** Without a champion nothing is searched for harm: where a model is weak of its own is no reason to stop it. */
function sliceValues(slices: Measurements['slices']): GateValues {
  if (slices === null) return {};
  if (slices.against === 'rest') return { slicesHarmed: 0, slicesChecked: 0 };
  const [worst] = slices.harmed;
  return {
    slicesHarmed: slices.harmed.length,
    slicesChecked: slices.tested,
    worstSliceDifference: worst?.difference,
    worstSliceDifferenceLower: worst?.lower,
  };
}

/** The values with an interval, by what would narrow it: rows of the sealed test, earlier windows, or timed requests. */
export function uncertainValues(
  { measurements, backtest, latency }: Evidence,
  isRead: (name: string) => boolean,
): Readonly<Record<'ofRows' | 'ofFolds' | 'ofRequests', readonly UncertainValue[]>> {
  const read = (values: readonly UncertainValue[]): UncertainValue[] => values.filter(({ name }) => isRead(name));
  return {
    ofRows: read([...measurements.challenger.metrics, ...worstDifferences(measurements)]),
    ofFolds: read(foldValues(backtest ?? [])),
    ofRequests: read(timedValues(latency)),
  };
}

/** The worst of several lies between the highest of their lower and of their upper bounds, where these hold together. */
function worstOf(
  name: string,
  differences: readonly { readonly value: number; readonly lower: number; readonly upper: number }[],
) {
  const most = (of: (one: (typeof differences)[number]) => number): number => Math.max(...differences.map(of));
  return {
    name,
    value: most(({ value }) => value),
    lower: most(({ lower }) => lower),
    upper: most(({ upper }) => upper),
  };
}

function worstDifferences({ cohorts, slices }: Measurements): UncertainValue[] {
  const worst = slices?.against === 'champion' ? slices.harmed[0] : undefined;
  return [
    ...(cohorts.length > 0
      ? [
          worstOf(
            'worstCohortDifference',
            cohorts.map(({ difference }) => difference),
          ),
        ]
      : []),
    ...(worst
      ? [{ name: 'worstSliceDifference', value: worst.difference, lower: worst.lower, upper: worst.upper }]
      : []),
  ];
}

/** A fold whose interval lies below 0 is won for sure, one whose interval reaches below it perhaps. */
function foldValues(folds: readonly BacktestFold[]): UncertainValue[] {
  if (folds.length === 0) return [];
  const differences = folds.map(({ difference }) => difference);
  const below = (of: (one: BacktestFold['difference']) => number): number =>
    differences.filter((one) => of(one) < 0).length;
  const wins = {
    value: below(({ value }) => value),
    lower: below(({ upper }) => upper),
    upper: below(({ lower }) => lower),
  };
  return [{ name: 'backtestWins', ...wins, whole: true }, worstOf('backtestWorstDifference', differences)];
}

function timedValues({ p50Ms, p99Ms, p50Interval, p99Interval }: Latency): UncertainValue[] {
  return [
    { name: 'p50Ms', value: p50Ms, ...knownBounds(p50Interval) },
    { name: 'p99Ms', value: p99Ms, ...knownBounds(p99Interval) },
  ];
}
