import { formatNumber } from './format.js';

/** Value with interval as the report carries it. */
export interface ReportEstimate {
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly n?: number;
}

/** Challenger minus champion in one cohort. */
export interface ReportCohort {
  readonly cohort: string;
  readonly n: number;
  readonly difference: ReportEstimate;
}

/** One bin of the calibration curve. */
export interface CalibrationBin {
  readonly meanPredicted: number;
  readonly observed: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly n: number;
}

/** One origin of the backtest. */
export interface BacktestSlice {
  readonly name: string;
  readonly n: number;
  readonly difference: ReportEstimate;
}

/** The search for slices in which the challenger does worse. */
export interface ReportSlices {
  /** Who the loss is held against, in words. */
  readonly against: string;
  readonly tested: number;
  readonly harmed: readonly ReportCohort[];
  /** Most suspicious slice when none is shown to be harmed. */
  readonly suspect?: ReportCohort;
}

/** How one group is decided about. */
export interface ReportGroup {
  readonly gate: string;
  readonly group: string;
  readonly n: number;
  readonly selected?: ReportEstimate;
  readonly truePositive?: ReportEstimate;
  readonly falsePositive?: ReportEstimate;
}

/** What the console shows of an evaluation report; parts that are absent or malformed come out empty. */
export interface Report {
  /** What rows that err together have in common, and how many such clusters there are; absent where rows are independent. */
  readonly clusters?: { readonly by: string; readonly count: number };
  readonly cohorts: readonly ReportCohort[];
  readonly slices?: ReportSlices;
  readonly groups: readonly ReportGroup[];
  readonly calibration: readonly CalibrationBin[];
  readonly backtest: readonly BacktestSlice[];
  /** Mean difference over windows like those; absent with fewer than two. */
  readonly backtestMean?: ReportEstimate;
  readonly latency: readonly { readonly name: string; readonly value: string }[];
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.slice(0, 500).filter(isObject) : []);
const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const words = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function estimate(value: unknown): ReportEstimate | undefined {
  if (!isObject(value)) {
    const bare = number(value);
    return bare === undefined ? undefined : { value: bare };
  }
  const point = number(value['value']);
  if (point === undefined) return undefined;
  const [lower, upper, n] = [number(value['lower']), number(value['upper']), number(value['n'])];
  return {
    value: point,
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
    ...(n !== undefined && { n }),
  };
}

function cohort(item: Json): ReportCohort[] {
  const difference = estimate(item['difference']);
  const name = words(item['cohort']) ?? words(item['slice']) ?? words(item['name']);
  if (difference === undefined || name === undefined) return [];
  return [{ cohort: name, n: number(item['n']) ?? difference.n ?? 0, difference }];
}

function bin(item: Json): CalibrationBin[] {
  const [meanPredicted, observed] = [number(item['meanPredicted']), number(item['observed'])];
  if (meanPredicted === undefined || observed === undefined) return [];
  const [lower, upper] = [number(item['lower']), number(item['upper'])];
  return [
    {
      meanPredicted,
      observed,
      n: number(item['n']) ?? 0,
      ...(lower !== undefined && { lower }),
      ...(upper !== undefined && { upper }),
    },
  ];
}

function slice(item: Json, index: number): BacktestSlice[] {
  const difference = estimate(item['difference']);
  if (difference === undefined) return [];
  const name = words(item['name']) ?? words(item['window']) ?? words(item['start']) ?? `slice ${String(index + 1)}`;
  return [{ name, n: number(item['n']) ?? difference.n ?? 0, difference }];
}

function harmed(value: unknown): ReportCohort[] {
  if (!isObject(value)) return [];
  const difference = estimate({ ...value, value: value['difference'] });
  const name = words(value['slice']);
  return difference === undefined || name === undefined
    ? []
    : [{ cohort: name, n: number(value['rows']) ?? 0, difference }];
}

function slices(value: unknown): ReportSlices | undefined {
  if (!isObject(value)) return undefined;
  const [suspect] = harmed(value['suspect']);
  return {
    against: value['against'] === 'champion' ? 'champion' : 'its own loss on all other rows',
    tested: number(value['tested']) ?? 0,
    harmed: list(value['harmed']).flatMap(harmed),
    ...(suspect && { suspect }),
  };
}

function rate(value: unknown): ReportEstimate | undefined {
  return isObject(value)
    ? estimate({ ...value, ...(isObject(value['interval']) ? value['interval'] : {}) })
    : undefined;
}

function groups(item: Json): ReportGroup[] {
  const names: readonly unknown[] = Array.isArray(item['names']) ? item['names'] : [];
  return list(item['groups']).map((group) => {
    const [selected, truePositive, falsePositive] = [
      rate(group['selectionRate']),
      rate(group['truePositiveRate']),
      rate(group['falsePositiveRate']),
    ];
    return {
      gate: words(item['gate']) ?? '',
      group: words(names[number(group['group']) ?? -1]) ?? '',
      n: number(group['rows']) ?? 0,
      ...(selected && { selected }),
      ...(truePositive && { truePositive }),
      ...(falsePositive && { falsePositive }),
    };
  });
}

/** Mean of the windows' differences with its interval; `n` is the windows. */
function meanOfWindows(value: unknown): ReportEstimate | undefined {
  return isObject(value) ? rate({ ...value, value: value['mean'] }) : undefined;
}

function clusters(value: unknown): Report['clusters'] {
  if (!isObject(value)) return undefined;
  const [by, count] = [words(value['by']), number(value['clusters'])];
  return by === undefined || count === undefined ? undefined : { by, count };
}

function latency(value: unknown): { name: string; value: string }[] {
  if (!isObject(value)) return [];
  const interval = (name: string): string => {
    const bounds = value[name.replace(/Ms$/, 'Interval')];
    if (!isObject(bounds)) return '';
    const [lower, upper] = [number(bounds['lower']), number(bounds['upper'])];
    if (upper === undefined)
      return lower === undefined ? '' : ` (95 %: ${formatNumber(lower)} or more, no upper bound)`;
    return ` (95 %: ${formatNumber(lower ?? 0)} to ${formatNumber(upper)})`;
  };
  return Object.entries(value)
    .filter(([name, v]) => name !== 'requestsForBounds' && (typeof v === 'number' || typeof v === 'string'))
    .map(([name, v]) => ({ name, value: typeof v === 'number' ? `${formatNumber(v)}${interval(name)}` : String(v) }));
}

/**
 * Reads the report artifact leniently: a part this page does not know is left out, never guessed.
 * @throws Error with a sentence when the content is not a JSON object at all
 */
export function parseReport(content: Uint8Array): Report {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(content));
  } catch {
    throw new Error('The report is not JSON.');
  }
  if (!isObject(json)) throw new Error('The report is not a JSON object.');
  const searched = slices(json['slices']);
  const clustered = clusters(json['clusters']);
  const backtestMean = meanOfWindows(json['backtestBelief']);
  return {
    cohorts: list(json['cohorts']).flatMap(cohort),
    ...(clustered && { clusters: clustered }),
    ...(searched && { slices: searched }),
    groups: list(json['fairness']).flatMap(groups),
    calibration: list(isObject(json['calibration']) ? json['calibration']['bins'] : json['calibration']).flatMap(bin),
    backtest: list(isObject(json['backtest']) ? json['backtest']['slices'] : json['backtest']).flatMap(slice),
    ...(backtestMean && { backtestMean }),
    latency: latency(json['latency']),
  };
}
