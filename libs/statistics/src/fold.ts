/** Rows to learn from and rows to judge on, by position, ascending; disjoint. */
export interface Fold {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/** The folds of an assignment of every row to the fold that tests it. */
export function foldsOfAssignment(testedIn: ArrayLike<number>, folds: number): Fold[] {
  return Array.from({ length: folds }, (_, fold) => ({
    train: rowsWhere(testedIn.length, (row) => testedIn[row] !== fold),
    test: rowsWhere(testedIn.length, (row) => testedIn[row] === fold),
  }));
}

/** The rows that are asked for, ascending. */
export function rowsWhere(rows: number, wanted: (row: number) => boolean): Uint32Array {
  const found = new Uint32Array(rows);
  let n = 0;
  for (let row = 0; row < rows; row++) if (wanted(row)) found[n++] = row;
  return found.slice(0, n);
}
