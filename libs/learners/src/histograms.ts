import type { BinnedTable } from './binning.js';

/** Gradient, hessian and row count per bin of every feature, interleaved: three numbers per bin. */
export type Histogram = Float64Array;

/** First and second derivative of the loss with respect to each row's raw score. */
export interface Derivatives {
  readonly gradients: Float64Array;
  readonly hessians: Float64Array;
}

/** Position of a feature's first bin in a histogram, and the length of a histogram. */
export interface HistogramLayout {
  readonly offsets: Int32Array;
  readonly length: number;
}

/** Features lie one after another, each with its bins and then the bin of missing values. */
export function layoutOf(table: BinnedTable): HistogramLayout {
  const offsets = new Int32Array(table.binCounts.length);
  let length = 0;
  for (let feature = 0; feature < offsets.length; feature++) {
    offsets[feature] = length;
    length += (table.binCounts[feature]! + 1) * 3;
  }
  return { offsets, length };
}

/** Builds histograms and keeps used ones for the next leaf: allocation would cost more than the sums. */
export class HistogramBuilder {
  private readonly free: Histogram[] = [];
  private readonly orderedGradients: Float64Array;
  private readonly orderedHessians: Float64Array;

  constructor(
    private readonly table: BinnedTable,
    readonly layout: HistogramLayout,
  ) {
    this.orderedGradients = new Float64Array(table.rows);
    this.orderedHessians = new Float64Array(table.rows);
  }

  /** Histogram of all rows. */
  ofAllRows({ gradients, hessians }: Derivatives): Histogram {
    const histogram = this.take();
    const { codes } = this.table;
    const { offsets } = this.layout;
    let feature = 0;
    for (; feature + 1 < codes.length; feature += 2)
      addAllOfTwo(histogram, offsets, codes, feature, gradients, hessians);
    if (feature < codes.length) addAll(histogram, offsets[feature]!, codes[feature]!, gradients, hessians);
    return histogram;
  }

  /** Histogram of the rows `order[start..end)`. */
  ofRows({ gradients, hessians }: Derivatives, order: Int32Array, start: number, end: number): Histogram {
    const histogram = this.take();
    const { orderedGradients, orderedHessians } = this;
    // Gathered once, read in sequence for every feature.
    for (let i = start; i < end; i++) {
      const row = order[i]!;
      orderedGradients[i] = gradients[row]!;
      orderedHessians[i] = hessians[row]!;
    }
    const { codes } = this.table;
    const { offsets } = this.layout;
    let feature = 0;
    for (; feature + 1 < codes.length; feature += 2)
      addSomeOfTwo(histogram, offsets, codes, feature, orderedGradients, orderedHessians, order, start, end);
    if (feature < codes.length)
      addSome(histogram, offsets[feature]!, codes[feature]!, orderedGradients, orderedHessians, order, start, end);
    return histogram;
  }

  /** Turns `parent` into the histogram of the rows that are not in `part`. */
  subtract(parent: Histogram, part: Histogram): Histogram {
    for (let i = 0; i < parent.length; i++) parent[i] = parent[i]! - part[i]!;
    return parent;
  }

  /** Takes back a histogram that nobody reads any more. */
  release(histogram: Histogram): void {
    this.free.push(histogram);
  }

  private take(): Histogram {
    return this.free.pop()?.fill(0) ?? new Float64Array(this.layout.length);
  }
}

function addAll(
  histogram: Histogram,
  offset: number,
  codes: Uint8Array,
  gradients: Float64Array,
  hessians: Float64Array,
): void {
  for (let row = 0; row < codes.length; row++) {
    const at = offset + codes[row]! * 3;
    histogram[at] = histogram[at]! + gradients[row]!;
    histogram[at + 1] = histogram[at + 1]! + hessians[row]!;
    histogram[at + 2] = histogram[at + 2]! + 1;
  }
}

function addSome(
  histogram: Histogram,
  offset: number,
  codes: Uint8Array,
  gradients: Float64Array,
  hessians: Float64Array,
  order: Int32Array,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) {
    const at = offset + codes[order[i]!]! * 3;
    histogram[at] = histogram[at]! + gradients[i]!;
    histogram[at + 1] = histogram[at + 1]! + hessians[i]!;
    histogram[at + 2] = histogram[at + 2]! + 1;
  }
}

/**
 * Two features side by side: a row waits for the sum of the row before it when both fall in one bin, which in ordered data they
 * often do, and meanwhile the other feature's sum is done. Each sum is added up in the order of the rows either way.
 */
function addAllOfTwo(
  histogram: Histogram,
  offsets: Int32Array,
  codes: readonly Uint8Array[],
  feature: number,
  gradients: Float64Array,
  hessians: Float64Array,
): void {
  const [codesA, codesB] = [codes[feature]!, codes[feature + 1]!];
  const [offsetA, offsetB] = [offsets[feature]!, offsets[feature + 1]!];
  for (let row = 0; row < codesA.length; row++) {
    const gradient = gradients[row]!;
    const hessian = hessians[row]!;
    const a = offsetA + codesA[row]! * 3;
    const b = offsetB + codesB[row]! * 3;
    histogram[a] = histogram[a]! + gradient;
    histogram[b] = histogram[b]! + gradient;
    histogram[a + 1] = histogram[a + 1]! + hessian;
    histogram[b + 1] = histogram[b + 1]! + hessian;
    histogram[a + 2] = histogram[a + 2]! + 1;
    histogram[b + 2] = histogram[b + 2]! + 1;
  }
}

function addSomeOfTwo(
  histogram: Histogram,
  offsets: Int32Array,
  codes: readonly Uint8Array[],
  feature: number,
  gradients: Float64Array,
  hessians: Float64Array,
  order: Int32Array,
  start: number,
  end: number,
): void {
  const [codesA, codesB] = [codes[feature]!, codes[feature + 1]!];
  const [offsetA, offsetB] = [offsets[feature]!, offsets[feature + 1]!];
  for (let i = start; i < end; i++) {
    const row = order[i]!;
    const gradient = gradients[i]!;
    const hessian = hessians[i]!;
    const a = offsetA + codesA[row]! * 3;
    const b = offsetB + codesB[row]! * 3;
    histogram[a] = histogram[a]! + gradient;
    histogram[b] = histogram[b]! + gradient;
    histogram[a + 1] = histogram[a + 1]! + hessian;
    histogram[b + 1] = histogram[b + 1]! + hessian;
    histogram[a + 2] = histogram[a + 2]! + 1;
    histogram[b + 2] = histogram[b + 2]! + 1;
  }
}
