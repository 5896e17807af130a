import {
  bootstrapAucDifference,
  bootstrapMeanDifference,
  brierLossPerRow,
  calibrationLine,
  classificationEstimates,
  delongPaired,
  expectedCalibrationError,
  logLossPerRow,
  pairedMeanDifference,
  reliabilityCurve,
  type BootstrapResult,
  type MetricEstimate,
} from '@rondo/statistics';
import { compareCohorts } from './cohorts.js';
import { measureFairness } from './fairness.js';
import { findSlices } from './slices.js';
import type {
  ComparedMetric,
  ComparisonRequest,
  Difference,
  MeasureRequest,
  Measurements,
  ModelMeasurement,
} from './measurement.js';

const CONFIDENCE = 0.95;
/** DeLong's variance needs two rows of a class. */
const ROWS_OF_A_CLASS_MIN = 2;

/**
 * Measures challenger and champion on the same rows. Equal requests give equal results, bit for bit. Synchronous and heavy
 * (bootstraps take seconds on 100,000 rows): call it from a worker.
 * @throws PermanentError `invalid` for labels other than 0 and 1, probabilities outside [0, 1] or fewer than two rows
 */
export function measure(request: MeasureRequest): Measurements {
  const { labels, challenger, champion, baseline } = request;
  const constant = new Float32Array(labels.length).fill(baseline);
  const opponents = { champion, baseline: constant };
  const losses = lossesOf(labels);
  const differences = request.comparisons.flatMap((comparison): [string, Difference][] => {
    const opponent = opponents[comparison.against];
    return opponent ? [[comparison.gate, withLook(comparison, (at) => compare(at, request, opponent, losses))]] : [];
  });
  const ofChallenger = losses('logLoss', challenger);
  const againstChampion = champion && minus(ofChallenger, losses('logLoss', champion));
  const valuesOf = columnsOf(request.features, labels.length);
  const cohorts = request.cohorts.map((rule) => ({ ...rule, values: valuesOf(rule.by) }));
  const columns = () => request.features.names.map((name) => ({ name, values: valuesOf(name) }));
  return {
    n: labels.length,
    challenger: measureModel(labels, challenger),
    champion: champion && measureModel(labels, champion),
    baseline: {
      probability: baseline,
      logLoss: meanOf(losses('logLoss', constant)),
      brier: meanOf(losses('brier', constant)),
    },
    differences: Object.fromEntries(differences),
    ...compareCohorts(cohorts, againstChampion, CONFIDENCE),
    fairness: request.fairness.map((rule) =>
      measureFairness({ ...rule, values: valuesOf(rule.by) }, labels, challenger),
    ),
    slices: request.slices && findSlices({ ...request.slices, columns: columns() }, { againstChampion, ofChallenger }),
  };
}

/** Single columns of the row-major matrix, copied when they are asked for. */
function columnsOf({ names, values }: MeasureRequest['features'], rows: number): (name: string) => Float32Array {
  const width = names.length;
  return (name) => {
    const column = new Float32Array(rows);
    const at = names.indexOf(name);
    for (let row = 0; row < rows; row++) column[row] = values[row * width + at]!;
    return column;
  };
}

type Losses = (metric: 'logLoss' | 'brier', probabilities: Float32Array) => Float64Array;

/** Losses per row, computed once per model and metric however many gates ask. */
function lossesOf(labels: Float32Array): Losses {
  const known = new Map<Float32Array, Map<string, Float64Array>>();
  return (metric, probabilities) => {
    const ofModel = known.get(probabilities) ?? new Map<string, Float64Array>();
    known.set(probabilities, ofModel);
    const losses =
      ofModel.get(metric) ?? (metric === 'logLoss' ? logLossPerRow : brierLossPerRow)(labels, probabilities);
    ofModel.set(metric, losses);
    return losses;
  };
}

function measureModel(labels: Float32Array, probabilities: Float32Array): ModelMeasurement {
  const line = calibrationLine(labels, probabilities, { confidence: CONFIDENCE });
  const { expectedWhenPerfect, upperWhenPerfect, debiased } = expectedCalibrationError(labels, probabilities, {
    confidence: CONFIDENCE,
  });
  const base = { confidence: CONFIDENCE, n: labels.length, slice: 'all' };
  const extra: MetricEstimate[] = [
    {
      ...base,
      name: 'expectedEce',
      value: expectedWhenPerfect,
      lower: 0,
      upper: upperWhenPerfect,
      method: 'half-normal bins of a perfectly calibrated model; it stays below the upper bound',
    },
    { ...base, name: 'debiasedEce', value: debiased, method: 'folded-normal bias taken off; ece has the interval' },
  ];
  if (line.kind === 'fitted') {
    const { slope: value, slopeInterval } = line;
    extra.push({ ...base, name: 'calibrationSlope', value, ...slopeInterval, method: 'logistic recalibration, Wald' });
  }
  return {
    metrics: [...classificationEstimates(labels, probabilities, { confidence: CONFIDENCE }), ...extra],
    calibration: reliabilityCurve(labels, probabilities, { confidence: CONFIDENCE }).map(
      ({ rows, meanPredicted, observed, interval }) => ({ meanPredicted, observed, ...interval, n: rows }),
    ),
    calibrationLine: line,
  };
}

/** Measures once more at the level of the pipeline's life, where the comparison has one. */
function withLook(comparison: ComparisonRequest, measureAt: (at: ComparisonRequest) => Difference): Difference {
  const { confidenceAtLook } = comparison;
  const usual = measureAt(comparison);
  if (confidenceAtLook === undefined || usual.kind === 'unmeasurable') return usual;
  const wider = measureAt({ ...comparison, confidence: confidenceAtLook });
  return wider.kind === 'measured' ? { ...usual, atLook: { lower: wider.lower, upper: wider.upper } } : usual;
}

function compare(
  comparison: ComparisonRequest,
  request: MeasureRequest,
  opponent: Float32Array,
  losses: Losses,
): Difference {
  const { labels, challenger, seed } = request;
  const { metric, test, confidence } = comparison;
  const n = labels.length;
  if (metric !== 'rocAuc') {
    const perRow = minus(losses(metric, challenger), losses(metric, opponent));
    return test === 'PairedBootstrap'
      ? resampled(bootstrapMeanDifference(perRow, { seed, confidence }), n)
      : pairedMean(perRow, confidence);
  }
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (Math.min(positives, n - positives) < ROWS_OF_A_CLASS_MIN) {
    return {
      kind: 'unmeasurable',
      reason: `the test part has ${positives} rows of class 1 in ${n}; two of each class are needed`,
      n,
    };
  }
  if (test === 'PairedBootstrap')
    return resampled(bootstrapAucDifference(labels, opponent, challenger, { seed, confidence }), n);
  const { difference, lower, upper } = delongPaired(labels, opponent, challenger, { confidence });
  return { kind: 'measured', value: difference, lower, upper, n, method: 'DeLong, paired' };
}

function pairedMean(perRow: Float64Array, confidence: number): Difference {
  const { difference, lower, upper, rows } = pairedMeanDifference(perRow, { confidence });
  return { kind: 'measured', value: difference, lower, upper, n: rows, method: 'paired mean, t interval' };
}

function resampled({ estimate, bca, replicates }: BootstrapResult, n: number): Difference {
  return { kind: 'measured', value: estimate, ...bca, n, method: `paired bootstrap, BCa, ${replicates} resamples` };
}

function minus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, row) => value - b[row]!);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Whether more of the metric is better. */
export const betterOf = (metric: ComparedMetric): 'higher' | 'lower' => (metric === 'rocAuc' ? 'higher' : 'lower');
