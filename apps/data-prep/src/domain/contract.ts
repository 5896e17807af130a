/** How a column is kept once accepted; wide enough that a wrong unit still fits and is found. */
export type ColumnType = 'BIGINT' | 'DOUBLE' | 'VARCHAR' | 'TIMESTAMP' | 'DATE' | 'BOOLEAN';

/** What a column must look like. Bounds are inclusive. */
export interface ColumnRule {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  readonly unique: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** RE2 syntax, matched anywhere unless anchored. */
  readonly pattern?: string;
  readonly unit?: string;
}

/** A bound on a measured amount, inclusive. */
export interface AmountRule {
  readonly measure: 'rows' | 'nulls' | 'duplicates';
  /** Column (nulls) or columns (duplicates); empty for rows. */
  readonly columns: readonly string[];
  /** `percent` of the rows of the batch, or `rows`. */
  readonly unit: 'rows' | 'percent';
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly severity: 'advisory' | 'blocking';
}

/** What a batch must honour, out of its Open Data Contract Standard document. */
export interface BatchContract {
  readonly id: string;
  readonly version: string;
  readonly columns: readonly ColumnRule[];
  readonly amounts: readonly AmountRule[];
  /** The newest row may be at most this much older than the end of the interval, the oldest that much younger than its start. */
  readonly coverageMs?: number;
}

/** Words for a bound, as people read it. */
export function boundText({ atLeast, atMost, unit }: Pick<AmountRule, 'atLeast' | 'atMost' | 'unit'>): string {
  const parts = [atLeast === undefined ? '' : `at least ${atLeast}`, atMost === undefined ? '' : `at most ${atMost}`];
  return `${parts.filter(Boolean).join(' and ')} ${unit}`;
}
