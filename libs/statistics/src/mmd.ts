import { seededRandom } from '@rondo/kernel';
import { checkBetween, checkCount, checkFinite, invalid, type Numbers } from './checks.js';

/** Rows of several columns: row-major, `values.length / columns` rows. */
export interface RowMatrix {
  readonly values: Numbers;
  readonly columns: number;
}

/** Settings of {@link mmdTest}. */
export interface MmdOptions {
  readonly seed: number;
  /** Reorderings behind the p-value, which is at least 1 / (permutations + 1); default 199. */
  readonly permutations?: number;
  /** Rows drawn from each sample; the kernel takes (2·rowsMax)² doubles and as much time. Default 500. */
  readonly rowsMax?: number;
  /** Width of the Gaussian kernel, in the unit of the (scaled) rows; default: the median distance of two rows. */
  readonly bandwidth?: number;
  /** Divide every column by its standard deviation over both samples (default); false for embeddings. */
  readonly scaled?: boolean;
}

/** A kernel two-sample test of several columns at once, or why there is none. */
export type MmdResult =
  | {
      readonly kind: 'tested';
      /** Unbiased estimate of the squared maximum mean discrepancy; around 0 (also below) without a difference. */
      readonly mmdSquared: number;
      readonly bandwidth: number;
      readonly pValue: number;
      /** Rows used of each sample. */
      readonly referenceRows: number;
      readonly currentRows: number;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' | 'one-value' };

const MIN_ROWS = 5;

/**
 * Maximum mean discrepancy with a Gaussian kernel: sees any difference of the joint distribution, also one that no single
 * column shows. Exact level by permutation; rows independent. Embeddings of text or images come as rows.
 * Source: Gretton et al. (2012), Journal of Machine Learning Research 13:723, lemma 6 (unbiased statistic).
 * @example mmdTest({ values: [1, 2, 3, 4, 5], columns: 1 }, { values: [7, 8, 9, 10, 11], columns: 1 }, { seed: 1, bandwidth: 2, scaled: false }) // => { kind: 'tested', mmdSquared: 1.074606 }
 */
export function mmdTest(reference: RowMatrix, current: RowMatrix, options: MmdOptions): MmdResult {
  const { seed, permutations = 199, rowsMax = 500, bandwidth, scaled = true } = options;
  checkCount('seed', seed);
  checkCount('permutations', permutations, 19);
  checkCount('rowsMax', rowsMax, MIN_ROWS);
  if (bandwidth !== undefined) checkBetween('bandwidth', bandwidth, 0, Infinity);
  const { columns } = reference;
  if (current.columns !== columns) throw invalid('current.columns', current.columns, `must be ${columns}`);
  const before = drawnRows('reference', reference, rowsMax, seed);
  const now = drawnRows('current', current, rowsMax, seed + 1);
  const n = before.length / columns;
  const m = now.length / columns;
  if (Math.min(n, m) < MIN_ROWS) return { kind: 'insufficient', reason: 'too-few-rows' };
  const rows = new Float64Array(before.length + now.length);
  rows.set(before);
  rows.set(now, before.length);
  if (scaled) scaleColumns(rows, columns);
  const kernel = squaredDistances(rows, columns);
  const width = bandwidth ?? medianDistance(kernel, n + m);
  if (!(width > 0)) return { kind: 'insufficient', reason: 'one-value' };
  for (let i = 0; i < kernel.length; i++) kernel[i] = Math.exp(-kernel[i]! / (2 * width * width));
  const first = Uint32Array.from({ length: n + m }, (_, row) => row);
  const mmdSquared = unbiased(kernel, first, n);
  let asFar = 1;
  const random = seededRandom(seed);
  for (let round = 0; round < permutations; round++) {
    for (let i = n + m - 1; i > 0; i--) {
      const j = random.int(i + 1);
      [first[i], first[j]] = [first[j]!, first[i]!];
    }
    if (unbiased(kernel, first, n) >= mmdSquared) asFar++;
  }
  const pValue = asFar / (permutations + 1);
  return { kind: 'tested', mmdSquared, bandwidth: width, pValue, referenceRows: n, currentRows: m };
}

/** Refuses a matrix whose values are not whole rows of finite numbers; returns its rows. */
export function checkRows(field: string, { values, columns }: RowMatrix): number {
  checkCount(`${field}.columns`, columns, 1);
  checkFinite(`${field}.values`, values);
  if (values.length % columns !== 0)
    throw invalid(`${field}.values`, values.length, `must be a multiple of the ${columns} columns`);
  return values.length / columns;
}

/** All rows, or `most` different ones chosen by the seed. */
export function drawnRows(field: string, matrix: RowMatrix, most: number, seed: number): Float64Array {
  const rows = checkRows(field, matrix);
  const { values, columns } = matrix;
  if (rows <= most) return Float64Array.from(values);
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  const random = seededRandom(seed);
  const drawn = new Float64Array(most * columns);
  for (let i = 0; i < most; i++) {
    const j = i + random.int(rows - i);
    const row = order[j]!;
    order[j] = order[i]!;
    for (let c = 0; c < columns; c++) drawn[i * columns + c] = values[row * columns + c]!;
  }
  return drawn;
}

function scaleColumns(rows: Float64Array, columns: number): void {
  const count = rows.length / columns;
  for (let c = 0; c < columns; c++) {
    let mean = 0;
    for (let i = c; i < rows.length; i += columns) mean += rows[i]! / count;
    let squares = 0;
    for (let i = c; i < rows.length; i += columns) squares += (rows[i]! - mean) ** 2;
    const deviation = Math.sqrt(squares / count);
    for (let i = c; i < rows.length; i += columns) rows[i] = deviation > 0 ? (rows[i]! - mean) / deviation : 0;
  }
}

function squaredDistances(rows: Float64Array, columns: number): Float64Array {
  const count = rows.length / columns;
  const distances = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += (rows[i * columns + c]! - rows[j * columns + c]!) ** 2;
      distances[i * count + j] = sum;
      distances[j * count + i] = sum;
    }
  }
  return distances;
}

function medianDistance(squared: Float64Array, count: number): number {
  const pairs = new Float64Array((count * (count - 1)) / 2);
  let at = 0;
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) pairs[at++] = squared[i * count + j]!;
  pairs.sort();
  const middle = pairs.length / 2;
  const median = (pairs[Math.ceil(middle) - 1]! + pairs[Math.floor(middle)]!) / 2;
  // More than half of all pairs may be equal; then the mean distance still tells the scale.
  return median > 0 ? Math.sqrt(median) : Math.sqrt(pairs.reduce((sum, pair) => sum + pair / pairs.length, 0));
}

/** The first n rows of `order` are one sample, the rest the other. */
function unbiased(kernel: Float64Array, order: Uint32Array, n: number): number {
  const count = order.length;
  const m = count - n;
  let within = 0;
  let withinOther = 0;
  let between = 0;
  for (let i = 0; i < count; i++) {
    const row = order[i]! * count;
    for (let j = 0; j < i; j++) {
      const value = kernel[row + order[j]!]!;
      if (i < n) within += value;
      else if (j >= n) withinOther += value;
      else between += value;
    }
  }
  return (2 * within) / (n * (n - 1)) + (2 * withinOther) / (m * (m - 1)) - (2 * between) / (n * m);
}
