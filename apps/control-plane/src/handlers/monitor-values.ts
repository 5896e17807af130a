import { DriftState, type DriftEvaluated, type PerformanceEvaluated } from '@rondo/contracts';

const STATE_NAME: Readonly<Record<DriftState, string>> = {
  [DriftState.UNSPECIFIED]: 'insufficient',
  [DriftState.CLEAR]: 'clear',
  [DriftState.SUSPECTED]: 'suspected',
  [DriftState.DETECTED]: 'detected',
  [DriftState.INSUFFICIENT]: 'insufficient',
  [DriftState.NEGLIGIBLE]: 'clear',
  [DriftState.SEASONAL]: 'seasonal',
};

/** A number and the ends of its interval, where it has one. */
export interface BoundedValue {
  readonly value: number;
  readonly lower?: number | undefined;
  readonly upper?: number | undefined;
}

/** What triggers on drift read. */
export function driftValues(event: DriftEvaluated) {
  return {
    state: STATE_NAME[event.state],
    featuresDetected: event.featuresDetected,
    ...valuesOf('importanceWeighted', event.importanceWeighted),
    importanceWeighted: event.importanceWeighted?.value ?? 0,
    rows: Number(event.rows),
    rowsNeeded: Number(event.rowsNeeded),
    referenceRows: Number(event.referenceRows),
  };
}

/** What triggers on performance read. */
export function performanceValues(event: PerformanceEvaluated) {
  const metric = new Map(event.metrics.map((item) => [item.name, item]));
  const reference = new Map(event.referenceMetrics.map((item) => [item.name, item]));
  const { logLossExcessEstimate: excess, labelCoverageEstimate: coverage } = event;
  return {
    ...valuesOf('logLoss', metric.get('logLoss')),
    ...valuesOf('rocAuc', metric.get('rocAuc')),
    ...valuesOf('brier', metric.get('brier')),
    ...valuesOf('ece', metric.get('ece')),
    ...valuesOf('referenceLogLoss', reference.get('logLoss')),
    ...valuesOf('referenceRocAuc', reference.get('rocAuc')),
    ...valuesOf('logLossExcess', excess),
    logLossExcess: event.logLossExcess,
    logLossExcessN: Number(excess?.n ?? 0),
    n: Number(event.rows),
    rowsNeeded: Number(event.rowsNeeded),
    estimated: event.estimated,
    ...valuesOf('labelCoverage', coverage),
    labelCoverage: event.labelCoverage,
    labelCoverageN: Number(coverage?.n ?? 0),
    state: event.state,
  };
}

/** A value and its bounds, as expressions read them: absent where they are not known. */
function valuesOf(
  name: string,
  estimate: Partial<BoundedValue> | undefined,
): Readonly<Record<string, number | undefined>> {
  const { value, lower, upper } = estimate ?? {};
  return { [name]: value, [`${name}Lower`]: lower, [`${name}Upper`]: upper };
}
