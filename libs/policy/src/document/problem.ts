/** One reason why a document is refused. */
export interface Problem {
  /** For example `spec.triggers[0].when`; empty for the document as a whole. */
  readonly path: string;
  /** What is wrong and what would be right. */
  readonly message: string;
  /** Place in the document's text, from 1. */
  readonly line: number;
  readonly column: number;
  /** Name of the rule, stable across versions. */
  readonly rule: string;
}
