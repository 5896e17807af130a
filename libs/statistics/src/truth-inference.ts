import { checkFinite, checkSameLength } from './checks.js';
import { dawidSkene, type GivenLabels } from './dawid-skene.js';
import { valueScale } from './value-scale.js';

/** One answer per item out of several labels. */
export interface InferredTruth {
  readonly method: 'majority' | 'dawid-skene';
  /** Mean number of labels per item, by which the method was chosen. */
  readonly redundancy: number;
  readonly items: readonly InferredItem[];
}

/** What an item's labels come to. */
export interface InferredItem {
  readonly item: number;
  /** Null when the two strongest classes are equal. */
  readonly value: number | null;
  /** Share of the votes, or posterior probability, of the strongest class. */
  readonly confidence: number;
  readonly labels: number;
}

/** Labels per item from which a model of the annotators beats counting votes. */
export const DAWID_SKENE_REDUNDANCY = 5;
const TIE = 1e-9;

/**
 * The truth behind repeated labels: a majority vote below five labels per item on average, Dawid-Skene from there, where
 * it has enough to learn who errs (0.81 against 0.73 of the bluebird photographs right at seven labels, 0.68 against
 * 0.69 at three). A majority also when the model has nothing to learn (one annotator, one value). Items ascending.
 * Source: Sheng, Provost & Ipeirotis (2008), KDD; {@link dawidSkene}.
 * @example inferTruth({ items: [7, 7, 7], annotators: [1, 2, 3], values: [0, 1, 1] }).items // => [{ item: 7, value: 1, confidence: 0.666667, labels: 3 }]
 */
export function inferTruth(labels: GivenLabels): InferredTruth {
  for (const field of ['items', 'annotators', 'values'] as const) {
    checkSameLength(field, labels[field], 'items', labels.items);
    checkFinite(field, labels[field], 0);
  }
  const item = valueScale(new Float64Array(labels.items));
  const value = valueScale(new Float64Array(labels.values));
  const q = value.scale.length;
  const votes = new Float64Array(item.scale.length * q);
  const given = new Float64Array(item.scale.length);
  for (let i = 0; i < item.index.length; i++) {
    votes[item.index[i]! * q + value.index[i]!]!++;
    given[item.index[i]!]!++;
  }
  const redundancy = item.scale.length === 0 ? 0 : item.index.length / item.scale.length;
  const model = redundancy >= DAWID_SKENE_REDUNDANCY ? dawidSkene(labels) : undefined;
  const fitted = model?.kind === 'fitted' ? model : undefined;
  const chances = fitted?.posterior ?? votes.map((count, at) => count / given[Math.floor(at / q)]!);
  const items = Array.from(item.scale, (id, i): InferredItem => {
    const row = chances.subarray(i * q, (i + 1) * q);
    const best = row.reduce((top, chance, k) => (chance > row[top]! ? k : top), 0);
    const tied = row.some((chance, k) => k !== best && row[best]! - chance <= TIE);
    return { item: id, value: tied ? null : value.scale[best]!, confidence: row[best]!, labels: given[i]! };
  });
  return { method: fitted ? 'dawid-skene' : 'majority', redundancy, items };
}
