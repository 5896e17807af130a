import { drawPairs, logLossPerRow, modelReliance, type MetricEstimate } from '@rondo/statistics';

/** Pairs looked at: no more of them make an interval that anybody would tell from this one. */
const PAIRS_MAX = 2_000;
/** With fewer, an interval would say little. */
const PAIRS_MIN = 30;
/** Rows scored for all features together: as many as the part has, or so many. */
const SCORES_MIN = 20_000;
const CONFIDENCE = 0.95;

/** Rows whose answers are known, as a model scored them. */
export interface ScoredRows {
  readonly features: readonly string[];
  /** Row by row, `features` values each, NaN for missing. */
  readonly values: Float32Array;
  /** 0 or 1. */
  readonly labels: Float32Array;
  readonly probabilities: Float32Array;
}

/**
 * What a model relies on: by how much its log loss rises, in nats, when the values of one feature are switched between the rows of
 * random pairs. In feature order; each interval holds on its own, since nothing is decided on them. All features together cost at
 * most one more scoring of the rows, or of 20,000; none where that leaves too few pairs.
 * @param score probabilities of class 1 for rows laid out like `values`
 * @throws PermanentError `invalid` for labels other than 0 and 1
 */
export async function featureReliance(
  { features, values, labels, probabilities }: ScoredRows,
  seed: number,
  score: (values: Float32Array, rows: number) => Promise<Float32Array>,
): Promise<MetricEstimate[]> {
  const width = features.length;
  const affordable = Math.floor(Math.max(labels.length, SCORES_MIN) / width / 2);
  const pairsMax = Math.min(PAIRS_MAX, affordable);
  if (Math.min(pairsMax, Math.floor(labels.length / 2)) < PAIRS_MIN) return [];
  const drawn = drawPairs(labels.length, { pairsMax, seed });
  const sample = new Float32Array(drawn.length * width);
  drawn.forEach((row, at) => sample.set(values.subarray(row * width, (row + 1) * width), at * width));
  const known = Float32Array.from(drawn, (row) => labels[row]!);
  const losses = logLossPerRow(
    known,
    Float32Array.from(drawn, (row) => probabilities[row]!),
  );
  const found: MetricEstimate[] = [];
  for (const [feature, slice] of features.entries()) {
    switchMates(sample, feature, width);
    const switched = logLossPerRow(known, await score(sample, drawn.length));
    switchMates(sample, feature, width);
    const { pairs, ...reliance } = modelReliance(losses, switched, { confidence: CONFIDENCE });
    const method = 'rise of the log loss, values switched within random pairs of rows, t interval over pairs';
    found.push({ name: 'reliance', ...reliance, confidence: CONFIDENCE, n: pairs, slice, method });
  }
  return found;
}

/** Rows 2k and 2k + 1 get each other's value of the feature; done twice, nothing has changed. */
function switchMates(sample: Float32Array, feature: number, width: number): void {
  for (let at = feature; at + width < sample.length; at += 2 * width) {
    const own = sample[at]!;
    sample[at] = sample[at + width]!;
    sample[at + width] = own;
  }
}
