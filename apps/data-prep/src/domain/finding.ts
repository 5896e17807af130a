/** Advisory findings travel with the batch; blocking ones quarantine it. */
export type FindingSeverity = 'advisory' | 'blocking';

/** Codes this service uses; each has one meaning. */
export type FindingCode =
  | 'CONTENT_DIGEST'
  | 'CONTRACT_UNSUPPORTED'
  | 'COVERAGE'
  | 'DUPLICATE_ROWS'
  | 'EXTRA_COLUMN'
  | 'FEATURES'
  | 'FILE'
  | 'LENGTH'
  | 'MISSING_COLUMN'
  | 'NULL_BURST'
  | 'NULL_RATE'
  | 'NULL_VALUE'
  | 'ONE_CLASS'
  | 'OUTSIDE_INTERVAL'
  | 'OVERLAP'
  | 'PATTERN'
  | 'RANGE'
  | 'ROW_COUNT'
  | 'TIME_SHIFT'
  | 'TOO_FEW_ROWS'
  | 'UNIT_CHANGE'
  | 'VALUE_SHIFT'
  | 'WRONG_TYPE';

/** One thing wrong with a batch, for people. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  readonly message: string;
  /** Column, or empty for the batch as a whole. */
  readonly field: string;
  readonly rule: string;
  /** Rows concerned. */
  readonly count: number;
  /** Up to five rows as JSON objects. */
  readonly samplesJson: readonly string[];
}

/** A finding with the usual defaults: blocking, about no rows in particular. */
export function finding(
  code: FindingCode,
  field: string,
  message: string,
  rule: string,
  more: Partial<Finding> = {},
): Finding {
  return { code, severity: 'blocking', message, field, rule, count: 0, samplesJson: [], ...more };
}

/** Whether the batch must wait for a person. */
export function isBlocked(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'blocking');
}
