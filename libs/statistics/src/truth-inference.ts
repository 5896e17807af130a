import { checkFinite, checkSameLength } from './checks.js';
import { dawidSkene, type GivenLabels } from './dawid-skene.js';
import { valueScale } from './value-scale.js';

/** One answer per item out of several labels; all columns are in the order of `items`. */
export interface InferredTruth {
  readonly method: 'majority' | 'dawid-skene';
  /** Mean number of labels per item, by which the method was chosen. */
  readonly redundancy: number;
  /** Ascending. */
  readonly items: Float64Array;
  /** What the item's labels come to; the least of the strongest values where they are tied. */
  readonly values: Float64Array;
  /** 1 where the two strongest values are equal, so that the item has no answer. */
  readonly tied: Uint8Array;
  /** Share of the votes, or posterior probability, of the value. */
  readonly confidence: Float64Array;
  /** Labels of the item. */
  readonly labels: Uint32Array;
}

/** Labels per item from which a model of the annotators beats counting votes. */
export const DAWID_SKENE_REDUNDANCY = 5;
const TIE = 1e-9;

/**
 * The truth behind repeated labels: a majority vote below five labels per item on average, Dawid-Skene from there, where
 * it has enough to learn who errs (0.81 against 0.73 of the bluebird photographs right at seven labels, 0.68 against
 * 0.69 at three). A majority also when the model has nothing to learn (one annotator, one value).
 * Source: Sheng, Provost & Ipeirotis (2008), KDD; {@link dawidSkene}.
 * @example inferTruth({ items: [7, 7, 7], annotators: [1, 2, 3], values: [0, 1, 1] }) // => { items: [7], values: [1], tied: [0], confidence: [0.666667], labels: [3] }
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
  const given = new Uint32Array(item.scale.length);
  for (let i = 0; i < item.index.length; i++) {
    votes[item.index[i]! * q + value.index[i]!]!++;
    given[item.index[i]!]!++;
  }
  const redundancy = item.scale.length === 0 ? 0 : item.index.length / item.scale.length;
  const model = redundancy >= DAWID_SKENE_REDUNDANCY ? dawidSkene(labels) : undefined;
  const fitted = model?.kind === 'fitted' ? model : undefined;
  if (!fitted) for (let at = 0; at < votes.length; at++) votes[at]! /= given[Math.floor(at / q)]!;
  const chances = fitted?.posterior ?? votes;
  const n = item.scale.length;
  const [values, confidence, tied] = [new Float64Array(n), new Float64Array(n), new Uint8Array(n)];
  for (let i = 0; i < n; i++) {
    let best = i * q;
    let second = -Infinity;
    for (let at = i * q + 1; at < (i + 1) * q; at++) {
      if (chances[at]! > chances[best]!) [second, best] = [chances[best]!, at];
      else second = Math.max(second, chances[at]!);
    }
    values[i] = value.scale[best - i * q]!;
    confidence[i] = chances[best]!;
    tied[i] = Number(chances[best]! - second <= TIE);
  }
  const method = fitted ? 'dawid-skene' : 'majority';
  return { method, redundancy, items: item.scale, values, tied, confidence, labels: given };
}
