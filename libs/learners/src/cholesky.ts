/** A pivot this small against its diagonal is rounding: the column repeats the ones before it. */
const pivotTolerance = 1e-10;

/**
 * Solves A·x = b for a symmetric, positive semi-definite A (row-major, lower triangle read; overwritten by its factor).
 * A column that depends on the ones before it gets x = 0 and is reported, as R's `glm` does with aliased terms.
 */
export function solvePositive(
  a: Float64Array,
  b: Float64Array,
): { readonly x: Float64Array; readonly aliased: number[] } {
  const size = b.length;
  const aliased = factorise(a, size);
  const x = b.slice();
  for (let row = 0; row < size; row++) {
    let sum = x[row]!;
    for (let k = 0; k < row; k++) sum -= a[row * size + k]! * x[k]!;
    x[row] = aliased.includes(row) ? 0 : sum / a[row * size + row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    let sum = x[row]!;
    for (let k = row + 1; k < size; k++) sum -= a[k * size + row]! * x[k]!;
    x[row] = aliased.includes(row) ? 0 : sum / a[row * size + row]!;
  }
  return { x, aliased };
}

/** Cholesky factor in the lower triangle; a dependent column and its row become zero. */
function factorise(a: Float64Array, size: number): number[] {
  const aliased: number[] = [];
  for (let column = 0; column < size; column++) {
    const diagonal = a[column * size + column]!;
    let pivot = diagonal;
    for (let k = 0; k < column; k++) pivot -= a[column * size + k]! ** 2;
    const dependent = !(pivot > pivotTolerance * diagonal);
    if (dependent) aliased.push(column);
    const root = dependent ? 0 : Math.sqrt(pivot);
    a[column * size + column] = root;
    if (dependent) for (let k = 0; k < column; k++) a[column * size + k] = 0;
    for (let row = column + 1; row < size; row++) {
      let sum = a[row * size + column]!;
      for (let k = 0; k < column; k++) sum -= a[row * size + k]! * a[column * size + k]!;
      a[row * size + column] = dependent ? 0 : sum / root;
    }
  }
  return aliased;
}
