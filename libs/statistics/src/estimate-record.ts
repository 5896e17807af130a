import { checkBetween, checkCount, checkNumber, invalid } from './checks.js';
import { normalQuantile } from './distributions.js';

/** A value with the interval it was given. */
export interface StatedValue {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** Rows behind it. */
  readonly n: number;
}

/** One statement about a window; later ones are added, none is changed. */
export interface Statement extends StatedValue {
  readonly kind: 'estimated' | 'confirmed' | 'restated';
}

/** What was said about one window, in the order it was said. */
export interface WindowStatements {
  readonly window: string;
  readonly statements: readonly Statement[];
}

/** Estimates of one metric and what labels said later. Plain JSON. */
export interface EstimateRecord {
  /** Windows kept, the oldest dropped first. */
  readonly keep: number;
  readonly windows: readonly WindowStatements[];
}

/** How well past estimates did. */
export type EstimateTrackRecord =
  | {
      readonly kind: 'measured';
      /** Windows with an estimate and a confirmation. */
      readonly windows: number;
      /** Mean of estimate - confirmed. */
      readonly bias: number;
      readonly meanAbsoluteError: number;
      /** Share of windows whose confirmed value lay within the estimate's interval. */
      readonly coverage: number;
      /** Standard deviation of the error beyond what both intervals explain by sampling. */
      readonly excessDeviation: number;
    }
  | { readonly kind: 'insufficient'; readonly windows: number };

/** Fewer pairs tell nothing about an error's spread. */
const MIN_WINDOWS = 5;
const Z95 = normalQuantile(0.975);

/**
 * Starts the record of a metric that is estimated before its labels come.
 * @example startEstimateRecord().windows // => []
 */
export function startEstimateRecord({ keep = 60 }: { readonly keep?: number } = {}): EstimateRecord {
  checkCount('keep', keep, MIN_WINDOWS);
  return { keep, windows: [] };
}

/**
 * The record with an estimate of a window; an estimate that is repeated is added, the first one counts.
 * @example withEstimate(startEstimateRecord(), 'w1', { value: 0.5, lower: 0.4, upper: 0.6, n: 90 }).windows.length // => 1
 */
export function withEstimate(record: EstimateRecord, window: string, stated: StatedValue): EstimateRecord {
  return withStatement(record, window, 'estimated', stated);
}

/**
 * The record with the value that labels gave; with a second one it is restated, and what was said before stays.
 * @example withConfirmation(startEstimateRecord(), 'w1', { value: 0.5, lower: 0.4, upper: 0.6, n: 90 }).windows[0].statements[0].kind // => 'confirmed'
 */
export function withConfirmation(record: EstimateRecord, window: string, stated: StatedValue): EstimateRecord {
  const before = record.windows.find((known) => known.window === window)?.statements ?? [];
  return withStatement(
    record,
    window,
    before.some(({ kind }) => kind !== 'estimated') ? 'restated' : 'confirmed',
    stated,
  );
}

/**
 * The error of past estimates: the first estimate of each window against the last value that labels gave it.
 * @example readEstimateRecord(startEstimateRecord()) // => { kind: 'insufficient', windows: 0 }
 */
export function readEstimateRecord(record: EstimateRecord): EstimateTrackRecord {
  const pairs = record.windows.flatMap(({ statements }) => {
    const estimate = statements.find(({ kind }) => kind === 'estimated');
    const truth = statements.findLast(({ kind }) => kind !== 'estimated');
    return estimate && truth ? [{ estimate, truth }] : [];
  });
  if (pairs.length < MIN_WINDOWS) return { kind: 'insufficient', windows: pairs.length };
  const mean = (of: (pair: (typeof pairs)[number]) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const error = ({ estimate, truth }: (typeof pairs)[number]): number => estimate.value - truth.value;
  const sampling = mean(({ estimate, truth }) => deviationOf(estimate) ** 2 + deviationOf(truth) ** 2);
  return {
    kind: 'measured',
    windows: pairs.length,
    bias: mean(error),
    meanAbsoluteError: mean((pair) => Math.abs(error(pair))),
    coverage: mean(({ estimate, truth }) => (estimate.lower <= truth.value && truth.value <= estimate.upper ? 1 : 0)),
    excessDeviation: Math.sqrt(Math.max(0, mean((pair) => error(pair) ** 2) - sampling)),
  };
}

/**
 * An estimate whose interval also holds its own past error: the value stays, both ends move outwards. Without a track record
 * it stays as it is, since nothing is known of its error.
 * @example widenedByRecord({ value: 0.5, lower: 0.4, upper: 0.6, n: 90 }, startEstimateRecord()) // => { value: 0.5, lower: 0.4, upper: 0.6, n: 90 }
 */
export function widenedByRecord(stated: StatedValue, record: EstimateRecord, confidence = 0.95): StatedValue {
  checkStated(stated);
  checkBetween('confidence', confidence, 0, 1);
  const track = readEstimateRecord(record);
  if (track.kind === 'insufficient') return stated;
  const extra = normalQuantile((1 + confidence) / 2) * track.excessDeviation;
  return {
    ...stated,
    lower: stated.value - Math.hypot(stated.value - stated.lower, extra),
    upper: stated.value + Math.hypot(stated.upper - stated.value, extra),
  };
}

function withStatement(
  record: EstimateRecord,
  window: string,
  kind: Statement['kind'],
  { value, lower, upper, n }: StatedValue,
): EstimateRecord {
  checkStated({ value, lower, upper, n });
  const statement: Statement = { kind, value, lower, upper, n };
  const at = record.windows.findIndex((known) => known.window === window);
  const windows =
    at < 0
      ? [...record.windows, { window, statements: [statement] }]
      : record.windows.with(at, { window, statements: [...record.windows[at]!.statements, statement] });
  return { ...record, windows: windows.slice(-record.keep) };
}

function checkStated({ value, lower, upper, n }: StatedValue): void {
  checkNumber('value', value);
  checkNumber('lower', lower);
  checkNumber('upper', upper);
  checkCount('n', n, 1);
  if (!(lower <= value && value <= upper)) throw invalid('value', value, 'must lie between lower and upper');
}

/** Standard deviation that a 95 % interval states. */
function deviationOf({ lower, upper }: StatedValue): number {
  return (upper - lower) / (2 * Z95);
}
