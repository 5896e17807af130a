/** Opinions of a registered model. */
export interface Suggester {
  /** Probability of the positive class per row. @param features row-major, `rows` × features */
  probabilities(modelDigest: string, features: Float32Array, rows: number): Promise<ArrayLike<number>>;
}
