import { PermanentError } from '@rondo/kernel';
import {
  bootstrapAucDifference,
  bootstrapMeanDifference,
  brierLossPerRow,
  calibrationLine,
  clusterCount,
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
  BaselineMeasurement,
  ClusterNote,
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
  const clusters = clustersOf(request);
  const constant = new Float32Array(labels.length).fill(baseline);
  const opponents = { champion, baseline: constant };
  const losses = lossesOf(labels);
  const differences = request.comparisons.flatMap((comparison): [string, Difference][] => {
    const opponent = opponents[comparison.against];
    return opponent
      ? [[comparison.gate, withLook(comparison, (at) => compare(at, { ...request, opponent, losses, clusters }))]]
      : [];
  });
  const ofChallenger = losses('logLoss', challenger);
  const againstChampion = champion && minus(ofChallenger, losses('logLoss', champion));
  const valuesOf = columnsOf(request.features, labels.length);
  const cohorts = request.cohorts.map((rule) => ({ ...rule, values: valuesOf(rule.by) }));
  const columns = () => request.features.names.map((name) => ({ name, values: valuesOf(name) }));
  return {
    n: labels.length,
    clusters: clusters.note,
    challenger: measureModel(labels, challenger, clusters),
    champion: champion && measureModel(labels, champion, clusters),
    baseline: measureBaseline(
      baseline,
      { logLoss: losses('logLoss', constant), brier: losses('brier', constant) },
      clusters,
    ),
    differences: Object.fromEntries(differences),
    ...compareCohorts(cohorts, againstChampion, { confidence: CONFIDENCE, clusters: clusters.all ?? null }),
    fairness: request.fairness.map((rule) =>
      measureFairness({ ...rule, values: valuesOf(rule.by) }, labels, challenger, clusters.all),
    ),
    slices:
      request.slices &&
      findSlices({ ...request.slices, columns: columns() }, { againstChampion, ofChallenger }, clusters.all),
  };
}

/** The clusters that rows come from. */
interface Clusters {
  /** Null where rows are independent. */
  readonly note: ClusterNote | null;
  /** A number per row; undefined where rows are independent. */
  readonly all: Float64Array | undefined;
}

function clustersOf({ clusters }: MeasureRequest): Clusters {
  if (clusters === null) return { note: null, all: undefined };
  return { note: { by: clusters.by, ...clusterCount(clusters.values) }, all: clusters.values };
}

/** Rows of a single cluster tell nothing of how others would differ. */
const tellNoSpread = ({ note }: Clusters): boolean => note !== null && note.clusters < 2;

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

function measureModel(labels: Float32Array, probabilities: Float32Array, clusters: Clusters): ModelMeasurement {
  const options = spreadOptions(clusters);
  const estimates = [
    ...classificationEstimates(labels, probabilities, options),
    ...calibrationEstimates(labels, probabilities, options),
  ];
  return {
    metrics: estimates.map((metric) => statedFor(metric, clusters)),
    calibration: reliabilityCurve(labels, probabilities, { confidence: CONFIDENCE, clusters: clusters.all }).map(
      ({ rows, meanPredicted, observed, interval }) => ({ meanPredicted, observed, ...interval, n: rows }),
    ),
  };
}

const spreadOptions = (clusters: Clusters) => ({
  confidence: CONFIDENCE,
  clusters: tellNoSpread(clusters) ? undefined : clusters.all,
});

function measureBaseline(
  probability: number,
  perRow: Readonly<Record<'logLoss' | 'brier', Float64Array>>,
  clusters: Clusters,
): BaselineMeasurement {
  const [logLoss, brier] = (['logLoss', 'brier'] as const).map((name) => meanEstimate(name, perRow[name], clusters));
  const metrics = [logLoss!, brier!].map((metric) => statedFor(metric, clusters));
  return { probability, logLoss: logLoss!.value, brier: brier!.value, metrics };
}

function meanEstimate(name: string, perRow: Float64Array, clusters: Clusters): MetricEstimate {
  const { difference: value, lower, upper, rows: n } = pairedMeanDifference(perRow, spreadOptions(clusters));
  const method = `mean, t interval${clusters.note ? ', over clusters' : ''}`;
  return { name, value, lower, upper, confidence: CONFIDENCE, n, slice: 'all', method };
}

/** The estimate with the interval that its clusters allow to state. */
function statedFor(metric: MetricEstimate, clusters: Clusters): MetricEstimate {
  if (!tellNoSpread(clusters)) return metric;
  const { lower: _lower, upper: _upper, ...rest } = metric;
  return { ...rest, method: `all rows are of one ${clusters.note?.by}, which gives no interval` };
}

/** What a calibration error is held against, and the slope of the recalibration. */
function calibrationEstimates(
  labels: Float32Array,
  probabilities: Float32Array,
  options: { readonly confidence: number; readonly clusters: Float64Array | undefined },
): MetricEstimate[] {
  const base = { confidence: options.confidence, n: labels.length, slice: 'all' };
  const over = options.clusters ? ', over clusters' : '';
  const { expectedWhenPerfect, upperWhenPerfect, debiased, interval } = expectedCalibrationError(
    labels,
    probabilities,
    options,
  );
  const estimates: MetricEstimate[] = [
    {
      ...base,
      name: 'expectedEce',
      value: expectedWhenPerfect,
      lower: 0,
      upper: upperWhenPerfect,
      method: 'half-normal bins of a perfectly calibrated model; it stays below the upper bound',
    },
    // What the interval holds is the calibration error of the bins, of which this is an estimate as well.
    {
      ...base,
      name: 'debiasedEce',
      value: debiased,
      lower: Math.min(debiased, interval.lower),
      upper: interval.upper,
      method: `folded-normal bias taken off, sampling reach${over}`,
    },
  ];
  const line = calibrationLine(labels, probabilities, options);
  if (line.kind === 'fitted') {
    const { slope: value, slopeInterval } = line;
    const method = `logistic recalibration, ${options.clusters ? 'jackknife' : 'Wald'}${over}`;
    estimates.push({ ...base, name: 'calibrationSlope', value, ...slopeInterval, method });
  }
  return estimates;
}

/** Measures once more at the level of the pipeline's life, where the comparison has one. */
function withLook(comparison: ComparisonRequest, measureAt: (at: ComparisonRequest) => Difference): Difference {
  const { confidenceAtLook } = comparison;
  const usual = measureAt(comparison);
  if (confidenceAtLook === undefined || usual.kind === 'unmeasurable') return usual;
  const wider = measureAt({ ...comparison, confidence: confidenceAtLook });
  return wider.kind === 'measured' ? { ...usual, atLook: { lower: wider.lower, upper: wider.upper } } : usual;
}

/** Two models on the same rows. */
interface Compared {
  readonly labels: Float32Array;
  readonly challenger: Float32Array;
  readonly opponent: Float32Array;
  readonly losses: Losses;
  readonly clusters: Clusters;
  readonly seed: number;
}

function compare(comparison: ComparisonRequest, compared: Compared): Difference {
  const { labels, challenger, opponent, losses, clusters, seed } = compared;
  const { metric, test, confidence } = comparison;
  const n = labels.length;
  if (tellNoSpread(clusters))
    return { kind: 'unmeasurable', reason: `all rows are of one ${clusters.note?.by}, which shows no spread`, n };
  const options = { confidence, clusters: clusters.all };
  const over = clusters.note ? `, over ${clusters.note.clusters} clusters by ${clusters.note.by}` : '';
  const bootstrap = { seed, confidence, ...(clusters.all && { clusters: clusters.all }) };
  if (metric !== 'rocAuc') {
    const perRow = minus(losses(metric, challenger), losses(metric, opponent));
    if (test === 'PairedBootstrap') return resampled(bootstrapMeanDifference(perRow, bootstrap), n, over);
    const { difference: value, lower, upper } = pairedMeanDifference(perRow, options);
    return { kind: 'measured', value, lower, upper, n, method: `paired mean, t interval${over}` };
  }
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (Math.min(positives, n - positives) < ROWS_OF_A_CLASS_MIN) {
    return {
      kind: 'unmeasurable',
      reason: `the test part has ${positives} rows of class 1 in ${n}; two of each class are needed`,
      n,
    };
  }
  if (test === 'PairedBootstrap') return resampledAuc(compared, bootstrap, over);
  const { difference: value, lower, upper } = delongPaired(labels, opponent, challenger, options);
  return {
    kind: 'measured',
    value,
    lower,
    upper,
    n,
    method: clusters.note ? `paired placements${over}` : 'DeLong, paired',
  };
}

/** Whole clusters are redrawn, so a resample can lack a class; too many that do leave nothing to measure by. */
function resampledAuc(
  { labels, opponent, challenger }: Compared,
  options: Parameters<typeof bootstrapAucDifference>[3],
  over: string,
): Difference {
  const n = labels.length;
  try {
    return resampled(bootstrapAucDifference(labels, opponent, challenger, options), n, over);
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code !== 'failed-precondition') throw error;
    return { kind: 'unmeasurable', reason: 'too many resamples of its clusters lack a class', n };
  }
}

function resampled({ estimate, bca, replicates }: BootstrapResult, n: number, over: string): Difference {
  const method = `paired bootstrap, BCa, ${replicates} resamples${over}`;
  return { kind: 'measured', value: estimate, ...bca, n, method };
}

function minus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, row) => value - b[row]!);
}

/** Whether more of the metric is better. */
export const betterOf = (metric: ComparedMetric): 'higher' | 'lower' => (metric === 'rocAuc' ? 'higher' : 'lower');
