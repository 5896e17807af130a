import {
  clusteredShare,
  normalQuantile,
  readEstimateRecord,
  startEstimateRecord,
  widenedByRecord,
  withConfirmation,
  withEstimate,
  type EstimateRecord,
} from '@rondo/statistics';
import { addedBands, type BandSums, type LossAttribution } from './loss-attribution.js';
import type { EstimateValue, ModelReference } from './model-reference.js';
import type { WindowRows } from './served-request.js';

/** Windows whose labels may still come. */
export const OPEN_WINDOWS = 2;
/** Rows known later than the evaluation, as a share of all predictions, that make it worth repeating. */
const RESTATED_SHARE = 0.05;
const CONFIDENCE = 0.95;
const Z = normalQuantile((1 + CONFIDENCE) / 2);

/** A half-open range of event time. */
export type Window = { readonly startMs: number; readonly endMs: number };

/** A window as it was last evaluated. */
export type WindowRecord = Window & {
  readonly modelDigest: string;
  /** 0 for the first evaluation, one more for each restatement. */
  readonly revision: number;
  /** An evaluation of it is queued or running. */
  readonly pending: boolean;
  readonly predictions: number;
  readonly labelled: number;
  /** Predictions and outcomes that came since the evaluation read the window. */
  readonly lateRows: number;
  /** Sum over its labelled rows of log loss minus the reference's log loss, and their number. */
  readonly excess: number;
  readonly excessRows: number;
  /** Of its labelled rows, when labels judged it. */
  readonly bands?: BandSums;
  /** Features of the batch that closed it; absent in windows that were opened before it was kept. */
  readonly featuresDigest?: string;
};

/** Performance of one pipeline's champion so far. */
export type PerformanceRecord = {
  readonly modelDigest: string;
  /** Last windows, oldest first. */
  readonly windows: readonly WindowRecord[];
  /** Excess of windows no longer listed, since the promotion. */
  readonly folded: { readonly excess: number; readonly rows: number; readonly bands?: BandSums };
  readonly evaluations: number;
  /** Per metric: what was estimated from scores alone, and what labels said of the same windows later. */
  readonly estimates: Readonly<Record<string, EstimateRecord>>;
  /** Newest day (of event time, since the epoch) that traffic was seen for. */
  readonly newestDay: number;
};

/** One evaluation of a window; a later one of the same window restates it and does not replace it. */
export type PerformanceEvaluation = {
  readonly pipeline: string;
  readonly evaluationId: string;
  readonly model: ModelReference;
  readonly window: Window;
  readonly estimated: boolean;
  /** Labelled predictions / predictions, 0..1. */
  readonly labelCoverage: number;
  /** The same with its interval; absent without predictions, and in evaluations made before it was taken. */
  readonly labelCoverageEstimate?: EstimateValue;
  readonly metrics: readonly EstimateValue[];
  readonly referenceMetrics: readonly EstimateValue[];
  /** Mean log loss above the reference over all labelled predictions since the promotion. */
  readonly logLossExcess: number;
  /** The same with its interval; absent before the first labelled prediction, and in evaluations made before it was taken. */
  readonly logLossExcessEstimate?: EstimateValue;
  /** Predictions from which the policy judges a window; absent likewise. */
  readonly rowsNeeded?: number;
  /** Where the log loss differs from earlier windows; absent before labels and for the first window. */
  readonly attribution?: LossAttribution;
  readonly state: 'sufficient' | 'insufficient';
  readonly rows: number;
  readonly evaluatedAtMs: number;
};

/**
 * Share of the predictions whose outcome is known, as an estimate of that of such traffic. Outcomes come request by request, so the
 * requests of a window tell how sure it is; one alone does not. Undefined without predictions.
 */
export function labelCoverageOf({ scored, labelled }: WindowRows['perRequest']): EstimateValue | undefined {
  const [rows, known] = [scored, labelled].map((counts) => counts.reduce((sum, count) => sum + count, 0)) as [
    number,
    number,
  ];
  if (rows === 0) return undefined;
  const requests = scored.filter((count) => count > 0).length;
  const stated = { name: 'labelCoverage', value: known / rows, confidence: CONFIDENCE, n: rows, slice: 'all' };
  if (requests < 2) return { ...stated, method: 'a single request, which gives no interval' };
  const { lower, upper } = clusteredShare(labelled, scored, { confidence: CONFIDENCE });
  return { ...stated, lower, upper, method: `Wilson, over ${requests} requests whose labels come together` };
}

/** Nothing seen yet. */
export const noPerformance: PerformanceRecord = {
  modelDigest: '',
  windows: [],
  folded: { excess: 0, rows: 0 },
  evaluations: 0,
  estimates: {},
  newestDay: Number.MIN_SAFE_INTEGER,
};

/** What a window can be judged by: outcomes, scores alone, or nothing. */
export function judgedBy(
  rows: { readonly predictions: number; readonly labelled: number },
  minRows: number,
): 'labels' | 'scores' | 'nothing' {
  if (rows.labelled >= minRows) return 'labels';
  return rows.predictions >= minRows ? 'scores' : 'nothing';
}

/** A new champion: sums and the record of estimates start afresh; windows of the one before stay listed until newer ones push them out. */
export function withChampion(record: PerformanceRecord, modelDigest: string): PerformanceRecord {
  return { ...record, modelDigest, folded: { excess: 0, rows: 0 }, estimates: {} };
}

/**
 * Remembers what a window's metrics were estimated to be or, with labels, were. The intervals of estimates come back widened
 * by the error that estimates of past windows turned out to have; the values do not move.
 */
export function withStatedMetrics(
  record: PerformanceRecord,
  { startMs, endMs }: Window,
  by: 'labels' | 'scores',
  metrics: readonly EstimateValue[],
): { readonly record: PerformanceRecord; readonly metrics: readonly EstimateValue[] } {
  const window = `${startMs}-${endMs}`;
  const estimates: Record<string, EstimateRecord> = { ...record.estimates };
  const published = metrics.map((metric): EstimateValue => {
    const { name, value, lower, upper, n, method } = metric;
    if (lower === undefined || upper === undefined) return metric;
    const known = estimates[name] ?? startEstimateRecord();
    const stated = { value, lower, upper, n };
    if (by === 'labels') {
      // Without an estimate there is nothing to confirm.
      if (known.windows.some((past) => past.window === window))
        estimates[name] = withConfirmation(known, window, stated);
      return metric;
    }
    estimates[name] = withEstimate(known, window, stated);
    const track = readEstimateRecord(known);
    const wide = widenedByRecord(stated, known, metric.confidence);
    const past =
      track.kind === 'measured'
        ? `error of ${track.windows} past windows included (mean ${track.meanAbsoluteError.toPrecision(2)})`
        : `own error not known yet (${track.windows} windows confirmed)`;
    return { ...metric, lower: Math.max(0, wide.lower), upper: wide.upper, method: `${method}; ${past}` };
  });
  return { record: { ...record, estimates }, metrics: published };
}

/** The window is to be evaluated; undefined when it has been, for this champion, or is about to be. */
export function withOpenedWindow(
  record: PerformanceRecord,
  window: Window & Pick<WindowRecord, 'featuresDigest'>,
): PerformanceRecord | undefined {
  const { modelDigest } = record;
  if (record.windows.some((known) => sameWindow(known, window) && known.modelDigest === modelDigest)) return undefined;
  const opened: WindowRecord = {
    ...window,
    modelDigest,
    revision: 0,
    pending: true,
    predictions: 0,
    labelled: 0,
    lateRows: 0,
    excess: 0,
    excessRows: 0,
  };
  const others = record.windows.filter((known) => !sameWindow(known, window));
  const ordered = [...others, opened].sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs);
  const dropped = ordered.slice(0, -OPEN_WINDOWS).filter((known) => known.modelDigest === modelDigest);
  return {
    ...record,
    windows: ordered.slice(-OPEN_WINDOWS),
    folded: {
      excess: dropped.reduce((sum, known) => sum + known.excess, record.folded.excess),
      rows: dropped.reduce((sum, known) => sum + known.excessRows, record.folded.rows),
      ...bandsIn(dropped.reduce((sums, known) => addedBands(sums, known.bands), record.folded.bands)),
    },
  };
}

/** Rows became known at a moment of event time: late when it lies in a listed window of the champion. */
export function withLateRows(
  record: PerformanceRecord,
  late: {
    readonly eventTimeMs: number;
    readonly modelDigest: string;
    readonly rows: number;
  },
): { readonly record: PerformanceRecord; readonly restate?: WindowRecord } | undefined {
  const { eventTimeMs, modelDigest, rows } = late;
  const hit = record.windows.find(
    ({ startMs, endMs, modelDigest: judged }) =>
      startMs <= eventTimeMs && eventTimeMs < endMs && judged === modelDigest && judged === record.modelDigest,
  );
  if (!hit || rows === 0) return undefined;
  return restatedWhenDue(record, { ...hit, lateRows: hit.lateRows + rows });
}

/** The evaluation of a listed window is done; says whether so much came meanwhile that it must be repeated. */
export function withEvaluatedWindow(
  record: PerformanceRecord,
  evaluated: WindowRecord,
  found: Pick<WindowRecord, 'predictions' | 'labelled' | 'excess' | 'excessRows' | 'bands'>,
): { readonly record: PerformanceRecord; readonly restate?: WindowRecord } {
  const now = record.windows.find((known) => sameWindow(known, evaluated));
  const lateRows = Math.max(0, (now?.lateRows ?? 0) - evaluated.lateRows);
  return restatedWhenDue(record, {
    ...evaluated,
    ...found,
    lateRows,
    pending: false,
  });
}

/** The evaluation of a window came to nothing; rows that still come in numbers set off another. */
export function withFailedWindow(record: PerformanceRecord, failed: Window): PerformanceRecord {
  const windows = record.windows.map((known) => (sameWindow(known, failed) ? { ...known, pending: false } : known));
  return { ...record, windows };
}

/** Mean log loss above the reference since the promotion, per labelled prediction; 0 before the first. */
export function logLossExcess({ windows, folded, modelDigest }: PerformanceRecord): number {
  const own = windows.filter((window) => window.modelDigest === modelDigest);
  const rows = own.reduce((sum, window) => sum + window.excessRows, folded.rows);
  return rows === 0 ? 0 : own.reduce((sum, window) => sum + window.excess, folded.excess) / rows;
}

/**
 * {@link logLossExcess} with the interval that the spread of the labelled predictions' losses gives it, and that of the
 * reference's log loss where it has one: both are samples. Undefined before the first labelled prediction; without an interval
 * where losses of some windows were summed up before their squares were.
 */
export function logLossExcessEstimate(
  record: PerformanceRecord,
  reference: EstimateValue | undefined,
): EstimateValue | undefined {
  const own = record.windows.filter((window) => window.modelDigest === record.modelDigest);
  const rows = own.reduce((total, window) => total + window.excessRows, record.folded.rows);
  if (rows === 0) return undefined;
  const value = logLossExcess(record);
  const bands = own.reduce((sums, window) => addedBands(sums, window.bands), record.folded.bands) ?? [];
  const [n, sum, squares] = (['n', 'sum', 'sumSquares'] as const).map((part) =>
    bands.reduce((total, band) => total + band[part], 0),
  ) as [number, number, number];
  const stated = { name: 'logLossExcess', value, confidence: CONFIDENCE, n: rows, slice: 'all' };
  if (n !== rows || n < 2) return { ...stated, method: 'difference of means, no interval' };
  const variance = Math.max(0, squares - (sum * sum) / n) / (n - 1) / n;
  const ofReference = standardErrorOf(reference);
  const reach = Z * Math.hypot(Math.sqrt(variance), ofReference ?? 0);
  const held = ofReference === undefined ? 'the reference taken as exact' : 'both samples';
  return { ...stated, lower: value - reach, upper: value + reach, method: `difference of means, normal, ${held}` };
}

function standardErrorOf(estimate: EstimateValue | undefined): number | undefined {
  if (estimate?.lower === undefined || estimate.upper === undefined || !(estimate.confidence > 0)) return undefined;
  return (estimate.upper - estimate.lower) / (2 * normalQuantile((1 + estimate.confidence) / 2));
}

/** Two ranges with the same ends. */
export function sameWindow(a: Window, b: Window): boolean {
  return a.startMs === b.startMs && a.endMs === b.endMs;
}

function restatedWhenDue(
  record: PerformanceRecord,
  window: WindowRecord,
): { readonly record: PerformanceRecord; readonly restate?: WindowRecord } {
  const due = !window.pending && window.lateRows > RESTATED_SHARE * Math.max(1, window.predictions);
  const kept = due ? { ...window, pending: true, revision: window.revision + 1 } : window;
  const windows = record.windows.map((known) => (sameWindow(known, window) ? kept : known));
  return { record: { ...record, windows }, ...(due && { restate: kept }) };
}

/** A field that is there only when it is known. */
export const bandsIn = (bands: BandSums | undefined): { readonly bands?: BandSums } => (bands ? { bands } : {});
