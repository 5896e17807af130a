/** Bounds of what may be admitted. */
export interface AdmissionLimits {
  /** Size of the file in bytes. */
  readonly bytesMax: number;
  /** Numbers, texts and fields in the file, tensors' raw bytes not counted. */
  readonly valuesMax: number;
  /** Operators in the graph. */
  readonly nodesMax: number;
  /** Elements of one list attribute, or bytes of one text attribute. */
  readonly attributeLengthMax: number;
}

/** Generous for tabular models (2,000 trees of 63 leaves fit), small enough to decode in a second. */
export const defaultAdmissionLimits: AdmissionLimits = Object.freeze({
  bytesMax: 32 * 2 ** 20,
  valuesMax: 4_000_000,
  nodesMax: 500,
  attributeLengthMax: 1_000_000,
});
