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
    for (let feature = 0; feature < this.table.codes.length; feature++) {
      addAll(histogram, this.layout.offsets[feature]!, this.table.codes[feature]!, gradients, hessians);
    }
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
    for (let feature = 0; feature < this.table.codes.length; feature++) {
      const codes = this.table.codes[feature]!;
      const offset = this.layout.offsets[feature]!;
      addSome(histogram, offset, codes, orderedGradients, orderedHessians, order, start, end);
    }
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
