/** Why a model file is refused; a closed list that clients may switch on. */
export type FindingCode =
  | 'not-onnx'
  | 'too-large'
  | 'too-many-messages'
  | 'too-many-values'
  | 'too-deep'
  | 'unknown-field'
  | 'too-many-nodes'
  | 'attribute-too-long'
  | 'external-data'
  | 'sparse-tensor'
  | 'tensor-mismatch'
  | 'local-function'
  | 'training-info'
  | 'sub-graph'
  | 'unknown-domain'
  | 'operator-not-allowed'
  | 'wrong-inputs'
  | 'wrong-outputs'
  | 'wrong-type'
  | 'wrong-shape'
  | 'feature-count'
  | 'feature-names';

/** One reason to refuse a model file. */
export interface Finding {
  readonly code: FindingCode;
  /** A sentence for people. */
  readonly message: string;
  /** Path inside the file, for example `graph.node[3].op_type`. */
  readonly field: string;
  /** What was found there, at most 100 characters of printable text. */
  readonly value: string;
  readonly rule: string;
}

/** Builds a finding; what comes from the file is shortened and stripped of control characters. */
export function finding(code: FindingCode, field: string, value: unknown, rule: string): Finding {
  const shown = String(value)
    .slice(0, 100)
    .replace(/[\p{C}]/gu, '?');
  return {
    code,
    message: `${field}: ${shown === '' ? 'nothing' : shown} breaks the rule "${rule}"`,
    field,
    value: shown,
    rule,
  };
}
