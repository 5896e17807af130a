import { PermanentError } from '@rondo/kernel';

/** What every learner trains on: one float32 column per feature (NaN = missing) and a target of zeros and ones. */
export interface TrainingTable {
  readonly columns: readonly Float32Array[];
  readonly target: Uint8Array;
  /** Unique names, one per column, in column order. */
  readonly featureNames: readonly string[];
}

const maxColumns = 4096;
const maxRows = 2 ** 30;

/**
 * Refuses a table that no learner could use: shapes that differ, infinite values, targets other than 0 and 1.
 * @returns the number of rows of class 1
 * @throws PermanentError `invalid` naming field, value and rule
 */
export function checkTrainingTable({ columns, target, featureNames }: TrainingTable): number {
  if (columns.length < 1 || columns.length > maxColumns)
    refuse('columns', columns.length, `1 to ${maxColumns} columns`);
  if (target.length < 1 || target.length > maxRows) refuse('target', target.length, `1 to ${maxRows} rows`);
  if (featureNames.length !== columns.length) {
    refuse('featureNames', featureNames.length, `one name for each of the ${columns.length} columns`);
  }
  const seen = new Set<string>();
  for (const [index, name] of featureNames.entries()) {
    if (name === '') refuse(`featureNames[${index}]`, name, 'not empty');
    if (seen.has(name)) refuse(`featureNames[${index}]`, name, 'unique');
    seen.add(name);
  }
  for (const [index, column] of columns.entries()) checkColumn(column, `columns[${index}]`, target.length);
  return countPositives(target);
}

/**
 * Refuses a target with one class only: there is nothing to separate.
 * @throws PermanentError `failed-precondition`
 */
export function checkBothClasses(positives: number, rows: number): void {
  if (positives > 0 && positives < rows) return;
  throw new PermanentError(
    'failed-precondition',
    `target: ${positives} of ${rows} rows are of class 1; both classes must occur`,
    {
      field: 'target',
      value: positives,
      rule: 'both classes occur',
      reason: 'SINGLE_CLASS',
    },
  );
}

/** Bounds of a numeric parameter; `above` is exclusive, `min` and `max` are inclusive. */
export interface NumberRule {
  readonly integer?: boolean;
  readonly above?: number;
  readonly min?: number;
  readonly max?: number;
}

/**
 * Refuses a number outside its bounds.
 * @throws PermanentError `invalid` naming field, value and rule
 */
export function checkNumber(field: string, value: number, { integer, above, min, max }: NumberRule): void {
  const inside =
    Number.isFinite(value) &&
    (!integer || Number.isInteger(value)) &&
    (above === undefined || value > above) &&
    (min === undefined || value >= min) &&
    (max === undefined || value <= max);
  if (inside) return;
  const parts = [integer ? 'integer' : 'number'];
  if (above !== undefined) parts.push(`> ${above}`);
  if (min !== undefined) parts.push(`>= ${min}`);
  if (max !== undefined) parts.push(`<= ${max}`);
  refuse(field, value, parts.join(' '));
}

function checkColumn(column: Float32Array, field: string, rows: number): void {
  if (column.length !== rows) refuse(field, column.length, `as many rows as the target (${rows})`);
  for (let row = 0; row < rows; row++) {
    const value = column[row]!;
    if (value === Infinity || value === -Infinity) refuse(`${field}[${row}]`, value, 'finite, or NaN for missing');
  }
}

function countPositives(target: Uint8Array): number {
  let positives = 0;
  for (let row = 0; row < target.length; row++) {
    const value = target[row]!;
    if (value > 1) refuse(`target[${row}]`, value, '0 or 1');
    positives += value;
  }
  return positives;
}

/** Throws the one kind of error that bad input gets. */
export function refuse(field: string, value: unknown, rule: string): never {
  throw new PermanentError('invalid', `${field}: ${String(value)} breaks the rule "${rule}"`, { field, value, rule });
}
