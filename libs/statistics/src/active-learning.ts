import { checkCount, checkFinite, checkProbabilities, invalid, type Numbers } from './checks.js';

/** Class probabilities row by row in one flat array: row i, class k at `i * classes + k`. */
export interface ClassProbabilities {
  readonly probabilities: Numbers;
  readonly classes: number;
}

/**
 * 1 - the highest class probability per row; 0 when certain, 1 - 1/classes at most. Higher: label first.
 * Source: Lewis & Gale (1994), SIGIR.
 * @example Array.from(leastConfidenceScore({ probabilities: [0.9, 0.1, 0.5, 0.5], classes: 2 })) // => [0.1, 0.5]
 */
export function leastConfidenceScore(rows: ClassProbabilities): Float64Array {
  return perRow(rows, (row) => 1 - Math.max(...row));
}

/**
 * 1 - (highest - second highest class probability) per row; 0..1, higher: label first.
 * Source: Scheffer et al. (2001), IDA.
 * @example Array.from(marginUncertaintyScore({ probabilities: [0.9, 0.1, 0.5, 0.5], classes: 2 })) // => [0.2, 1]
 */
export function marginUncertaintyScore(rows: ClassProbabilities): Float64Array {
  return perRow(rows, (row) => {
    let first = 0;
    let second = 0;
    for (const p of row) {
      if (p > first) [first, second] = [p, first];
      else if (p > second) second = p;
    }
    return 1 - (first - second);
  });
}

/**
 * Shannon entropy of the class probabilities per row, in nats; 0..ln(classes), higher: label first.
 * @example Array.from(entropyScore({ probabilities: [1, 0, 0.5, 0.5], classes: 2 })) // => [0, 0.693147]
 */
export function entropyScore(rows: ClassProbabilities): Float64Array {
  return perRow(rows, (row) => row.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0));
}

/** Single-precision probabilities of a hundred classes sum to 1 within this. */
const SUM_TOLERANCE = 1e-3;

function perRow({ probabilities, classes }: ClassProbabilities, score: (row: Float64Array) => number): Float64Array {
  checkCount('classes', classes, 2);
  checkProbabilities('probabilities', probabilities);
  if (probabilities.length % classes !== 0) {
    throw invalid('probabilities', probabilities.length, `must have a multiple of classes (${classes}) values`);
  }
  const row = new Float64Array(classes);
  return Float64Array.from({ length: probabilities.length / classes }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += row[k] = probabilities[i * classes + k]!;
    if (Math.abs(sum - 1) > SUM_TOLERANCE) throw invalid(`probabilities of row ${i}`, sum, 'must sum to 1');
    return score(row);
  });
}

/**
 * Picks `count` diverse points: repeatedly the one farthest (Euclidean) from everything picked or in `labelled`, the
 * 2-approximation of the k-centre cover. Without `labelled` the point farthest from the mean starts; ties go to the
 * lower index. `points` is flat, point i at `i * dimensions`; scale the columns first. O(points · picks · dimensions).
 * Source: Gonzalez (1985); Sener & Savarese (2018), ICLR.
 * @example Array.from(kCenterGreedy({ points: [0, 1, 10, 11, 20], dimensions: 1 }, 2, { labelled: [0] })) // => [4, 2]
 */
export function kCenterGreedy(
  space: { readonly points: Numbers; readonly dimensions: number },
  count: number,
  options: { readonly labelled?: ArrayLike<number> } = {},
): Uint32Array {
  const { points, dimensions } = space;
  const labelled = Array.from(options.labelled ?? []);
  checkCount('dimensions', dimensions, 1);
  checkFinite('points', points);
  if (points.length % dimensions !== 0) {
    throw invalid('points', points.length, `must have a multiple of dimensions (${dimensions}) values`);
  }
  const size = points.length / dimensions;
  for (const point of labelled) {
    if (!(Number.isInteger(point) && point >= 0 && point < size))
      throw invalid('labelled', point, `must be below ${size}`);
  }
  checkCount('count', count);
  if (count > size - new Set(labelled).size) throw invalid('count', count, 'must not exceed the unlabelled points');
  const distance = new Float64Array(size).fill(Infinity);
  const approach = (centre: number): void => {
    for (let i = 0; i < size; i++) {
      let squared = 0;
      for (let d = 0; d < dimensions; d++) {
        squared += (points[i * dimensions + d]! - points[centre * dimensions + d]!) ** 2;
      }
      distance[i] = Math.min(distance[i]!, squared);
    }
    // Below every distance, so that duplicates of a centre are still picked before the centre itself.
    distance[centre] = -1;
  };
  labelled.forEach(approach);
  const picked = new Uint32Array(count);
  for (let k = 0; k < count; k++) {
    const next = k === 0 && labelled.length === 0 ? farthestFromMean(points, dimensions) : indexOfMax(distance);
    picked[k] = next;
    approach(next);
  }
  return picked;
}

function farthestFromMean(points: Numbers, dimensions: number): number {
  const size = points.length / dimensions;
  const mean = new Float64Array(dimensions);
  for (let i = 0; i < points.length; i++) mean[i % dimensions]! += points[i]! / size;
  const distance = new Float64Array(size);
  for (let i = 0; i < points.length; i++) {
    distance[Math.floor(i / dimensions)]! += (points[i]! - mean[i % dimensions]!) ** 2;
  }
  return indexOfMax(distance);
}

function indexOfMax(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
