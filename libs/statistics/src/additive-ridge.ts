import type { Numbers } from './checks.js';

/** Rows by the bin they fall into in each of several columns: a table of zeros and ones with a one per row and column. */
export interface BinnedRows {
  /** Bin of each row, by column. */
  readonly codes: readonly Uint16Array[];
  /** Where each column's bins start in the table, and its width. */
  readonly starts: readonly number[];
}

/** A mean, and what each bin of each column adds to it. */
export interface AdditiveFit {
  readonly mean: number;
  readonly weights: Float64Array;
}

/**
 * Ridge regression of any target on binned rows, additive over columns, around the target's mean; with the rows' leverages and
 * the heteroscedasticity-consistent covariance of what was fitted. The inverse is taken once for all targets.
 * Source: Hoerl & Kennard (1970), Technometrics 12:55; Long & Ervin (2000), The American Statistician 54:217, for the covariance.
 */
export class AdditiveRidge {
  private readonly rows: number;
  private readonly columns: number;
  private readonly width: number;
  /** Where the ones of each row are in the table, row by row. */
  private readonly ones: Uint32Array;
  /** (X'X + ridge)^-1. */
  private readonly inverse: Float64Array;
  /** The inverse times the share of the rows per bin. */
  private readonly centre: Float64Array;

  constructor(
    { codes, starts }: BinnedRows,
    private readonly ridge: number,
  ) {
    this.rows = codes[0]!.length;
    this.columns = codes.length;
    this.width = starts[codes.length]!;
    const { rows, columns, width } = this;
    this.ones = new Uint32Array(rows * columns);
    const shares = new Float64Array(width);
    for (let c = 0; c < columns; c++) {
      for (let row = 0; row < rows; row++) {
        const at = starts[c]! + codes[c]![row]!;
        this.ones[row * columns + c] = at;
        shares[at]! += 1 / rows;
      }
    }
    const gram = this.crossProducts(new Float64Array(rows).fill(1));
    // One-hot columns sum to one another: without a trace of ridge the system would be singular.
    for (let i = 0; i < width; i++) gram[i * width + i]! += Math.max(ridge, 1e-9 * rows);
    this.inverse = inverseOf(gram, width);
    this.centre = this.times(shares);
  }

  fit(targets: Numbers): AdditiveFit {
    const { rows } = this;
    let mean = 0;
    for (let row = 0; row < rows; row++) mean += targets[row]! / rows;
    const right = this.summedByBin(Float64Array.from({ length: rows }, (_, row) => targets[row]! - mean));
    return { mean, weights: this.times(right) };
  }

  /** What is left of each target when the row itself is left out of the fit. */
  leftOutResiduals(targets: Numbers, { mean, weights }: AdditiveFit): Float64Array {
    const { rows, columns, width, ones, inverse, centre } = this;
    const residuals = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      let expected = mean;
      let leverage = 1 / rows;
      for (let c = 0; c < columns; c++) {
        const i = ones[start + c]!;
        expected += weights[i]!;
        leverage += inverse[i * width + i]! - centre[i]!;
        for (let d = 0; d < c; d++) leverage += 2 * inverse[i * width + ones[start + d]!]!;
      }
      // A row that is alone in its bin, without ridge, would be fitted exactly.
      residuals[row] = (targets[row]! - expected) / Math.max(1e-6, 1 - leverage);
    }
    return residuals;
  }

  /** An estimate of what the ridge takes from each weight: the bias it would have if what it says were true, once iterated. */
  shrinkage(weights: Float64Array): Float64Array {
    if (this.ridge === 0) return new Float64Array(this.width);
    const once = this.times(weights).map((value) => value * this.ridge);
    return this.times(weights.map((value, i) => value + once[i]!)).map((value) => value * this.ridge);
  }

  /**
   * Covariance of the mean (first) and the weights under unequal variances (HC3: by left-out residuals), as rows of a matrix.
   */
  covariance(residuals: Float64Array): number[][] {
    const { rows, width, inverse, centre } = this;
    const size = width + 1;
    const squares = residuals.map((residual) => residual * residual);
    const meat = new Float64Array(size * size);
    meat[0] = squares.reduce((sum, square) => sum + square, 0);
    this.summedByBin(squares).forEach((sum, i) => (meat[i + 1] = meat[(i + 1) * size] = sum));
    const products = this.crossProducts(squares);
    for (let i = 0; i < width; i++) meat.set(products.subarray(i * width, (i + 1) * width), (i + 1) * size + 1);
    // A target moves the mean by 1/rows and the weights by the inverse times (row - shares).
    const bread = new Float64Array(size * size);
    bread[0] = 1 / rows;
    for (let i = 0; i < width; i++) {
      bread[(i + 1) * size] = -centre[i]!;
      for (let j = 0; j < width; j++) bread[(i + 1) * size + j + 1] = inverse[i * width + j]!;
    }
    const half = timesTransposed(bread, meat, size);
    const whole = timesTransposed(bread, half, size);
    return Array.from({ length: size }, (_, i) => Array.from(whole.subarray(i * size, (i + 1) * size)));
  }

  /** X'v. */
  private summedByBin(values: Float64Array): Float64Array {
    const { columns, ones } = this;
    const sums = new Float64Array(this.width);
    for (let at = 0; at < ones.length; at++) sums[ones[at]!]! += values[Math.floor(at / columns)]!;
    return sums;
  }

  /** X'diag(weights)X. */
  private crossProducts(weights: Float64Array): Float64Array {
    const { rows, columns, width, ones } = this;
    const products = new Float64Array(width * width);
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      for (let c = 0; c < columns; c++) {
        const line = ones[start + c]! * width;
        for (let d = 0; d <= c; d++) products[line + ones[start + d]!]! += weights[row]!;
      }
    }
    for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) products[j * width + i] = products[i * width + j]!;
    return products;
  }

  private times(vector: Float64Array): Float64Array {
    const { width, inverse } = this;
    return Float64Array.from({ length: width }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += inverse[i * width + j]! * vector[j]!;
      return sum;
    });
  }
}

/** a·b', row by row; b' so that both are read in order. */
function timesTransposed(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += a[i * size + k]! * b[j * size + k]!;
      product[i * size + j] = sum;
    }
  }
  return product;
}

/** Inverts a symmetric positive definite matrix by Cholesky's method; the matrix is used up. */
function inverseOf(matrix: Float64Array, width: number): Float64Array {
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * width + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * width + k]! * matrix[j * width + k]!;
      matrix[i * width + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / matrix[j * width + j]!;
    }
  }
  // The factor transposed above the diagonal, so that both substitutions read in order.
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) matrix[j * width + i] = matrix[i * width + j]!;
  const inverse = new Float64Array(width * width);
  const column = new Float64Array(width);
  for (let unit = 0; unit < width; unit++) {
    column.fill(0);
    column[unit] = 1;
    for (let i = unit; i < width; i++) {
      let sum = column[i]!;
      for (let k = unit; k < i; k++) sum -= matrix[i * width + k]! * column[k]!;
      column[i] = sum / matrix[i * width + i]!;
    }
    for (let i = width - 1; i >= 0; i--) {
      let sum = column[i]!;
      for (let k = i + 1; k < width; k++) sum -= matrix[i * width + k]! * column[k]!;
      column[i] = sum / matrix[i * width + i]!;
    }
    inverse.set(column, unit * width);
  }
  return inverse;
}
