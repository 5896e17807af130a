import { checkAtLeast, checkCount, checkFinite, checkSameLength, type Numbers } from './checks.js';
import { valueScale } from './value-scale.js';

/** Labels one by one: entry i says that `annotators[i]` gave `items[i]` the value `values[i]`. */
export interface GivenLabels {
  readonly items: Numbers;
  readonly annotators: Numbers;
  readonly values: Numbers;
}

/** When the estimation stops, and how far empty cells are kept from 0. */
export interface DawidSkeneOptions {
  /** Pseudo-labels added to every cell of every confusion matrix, 0.01 by default; 0 is plain maximum likelihood. */
  readonly smoothing?: number;
  /** Rise of the log-likelihood per label below which it has converged, 1e-9 by default. */
  readonly tolerance?: number;
  /** 1,000 by default. */
  readonly maxIterations?: number;
}

/** What the labels say about items and annotators, or why they say nothing. */
export type DawidSkeneResult =
  | {
      readonly kind: 'fitted';
      /** Distinct values of each argument, ascending: the meaning of the positions below. */
      readonly classes: Float64Array;
      readonly itemIds: Float64Array;
      readonly annotatorIds: Float64Array;
      /** Probability of each class per item, at `item * classes + class`. */
      readonly posterior: Float64Array;
      readonly classShares: Float64Array;
      /** Chance that an annotator says `given` for a true class, at `(annotator * classes + true) * classes + given`. */
      readonly confusion: Float64Array;
      readonly logLikelihood: number;
      readonly iterations: number;
      readonly converged: boolean;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'no-labels' | 'one-value' | 'one-annotator' };

/**
 * The true class of each item and the confusion matrix of each annotator by expectation-maximisation, run until the
 * likelihood stands still (a well-known library stops after two steps). Starts from the shares of votes. Assumes that
 * annotators err independently given the true class, and needs about five labels per item: below, a majority is better.
 * An annotator's repeated label of an item counts again. Deterministic.
 * Source: Dawid & Skene (1979), Applied Statistics 28:20.
 * @example dawidSkene({ items: [0, 0, 0, 1, 1, 1], annotators: [0, 1, 2, 0, 1, 2], values: [1, 1, 0, 0, 0, 0] }).posterior[1] // => 0.9999
 */
export function dawidSkene(labels: GivenLabels, options: DawidSkeneOptions = {}): DawidSkeneResult {
  const { smoothing = 0.01, tolerance = 1e-9, maxIterations = 1_000 } = options;
  checkAtLeast('smoothing', smoothing, 0);
  checkAtLeast('tolerance', tolerance, 0);
  checkCount('maxIterations', maxIterations, 1);
  const problem = arrange(labels);
  if (problem.given.length === 0) return { kind: 'insufficient', reason: 'no-labels' };
  if (problem.classes.length < 2) return { kind: 'insufficient', reason: 'one-value' };
  if (problem.annotatorIds.length < 2) return { kind: 'insufficient', reason: 'one-annotator' };
  const posterior = voteShares(problem);
  let previous = -Infinity;
  let iterations = 0;
  let converged = false;
  let model = maximise(problem, posterior, smoothing);
  while (iterations < maxIterations && !converged) {
    iterations++;
    const logLikelihood = expect(problem, model, posterior);
    converged = logLikelihood - previous <= tolerance * problem.given.length;
    previous = logLikelihood;
    model = maximise(problem, posterior, smoothing);
  }
  const { classes, itemIds, annotatorIds } = problem;
  const { classShares } = model;
  const confusion = byTrueClass(model.confusion, annotatorIds.length, classes.length);
  const found = { classes, itemIds, annotatorIds, posterior, classShares, confusion };
  return { kind: 'fitted', ...found, logLikelihood: previous, iterations, converged };
}

/** Labels ordered by item; item i owns `starts[i]` up to `starts[i + 1]`. `cell` is where a label's row of the model starts. */
interface Problem {
  readonly classes: Float64Array;
  readonly itemIds: Float64Array;
  readonly annotatorIds: Float64Array;
  readonly starts: Uint32Array;
  readonly given: Uint32Array;
  readonly cell: Uint32Array;
}

/** `confusion` is laid out by annotator, given and true class, so that a label reads one run of memory. */
interface Model {
  readonly classShares: Float64Array;
  readonly confusion: Float64Array;
}

function arrange(labels: GivenLabels): Problem {
  for (const field of ['items', 'annotators', 'values'] as const) {
    checkSameLength(field, labels[field], 'items', labels.items);
    checkFinite(field, labels[field], 0);
  }
  const item = valueScale(new Float64Array(labels.items));
  const annotator = valueScale(new Float64Array(labels.annotators));
  const value = valueScale(new Float64Array(labels.values));
  const classes = value.scale.length;
  const starts = new Uint32Array(item.scale.length + 1);
  for (let i = 0; i < item.index.length; i++) starts[item.index[i]! + 1]!++;
  for (let i = 0; i < item.scale.length; i++) starts[i + 1]! += starts[i]!;
  const next = starts.slice();
  const given = new Uint32Array(item.index.length);
  const cell = new Uint32Array(item.index.length);
  for (let i = 0; i < item.index.length; i++) {
    const at = next[item.index[i]!]!++;
    given[at] = value.index[i]!;
    cell[at] = (annotator.index[i]! * classes + value.index[i]!) * classes;
  }
  return { classes: value.scale, itemIds: item.scale, annotatorIds: annotator.scale, starts, given, cell };
}

function voteShares({ classes, itemIds, starts, given }: Problem): Float64Array {
  const shares = new Float64Array(itemIds.length * classes.length);
  for (let i = 0; i < itemIds.length; i++) {
    const votes = starts[i + 1]! - starts[i]!;
    for (let at = starts[i]!; at < starts[i + 1]!; at++) shares[i * classes.length + given[at]!]! += 1 / votes;
  }
  return shares;
}

function maximise(
  { classes, itemIds, annotatorIds, starts, cell }: Problem,
  posterior: Float64Array,
  smoothing: number,
): Model {
  const q = classes.length;
  const classShares = new Float64Array(q);
  const confusion = new Float64Array(annotatorIds.length * q * q).fill(smoothing);
  for (let i = 0; i < itemIds.length; i++) {
    const row = i * q;
    for (let k = 0; k < q; k++) classShares[k]! += posterior[row + k]!;
    for (let at = starts[i]!; at < starts[i + 1]!; at++) {
      const target = cell[at]!;
      for (let k = 0; k < q; k++) confusion[target + k]! += posterior[row + k]!;
    }
  }
  for (let k = 0; k < q; k++) classShares[k]! /= itemIds.length;
  for (let a = 0; a < annotatorIds.length; a++) {
    for (let k = 0; k < q; k++) {
      let total = 0;
      for (let g = 0; g < q; g++) total += confusion[(a * q + g) * q + k]!;
      for (let g = 0; g < q; g++) confusion[(a * q + g) * q + k]! /= total || 1;
    }
  }
  return { classShares, confusion };
}

/** Writes the posterior and returns the log-likelihood of the labels. */
function expect({ classes, itemIds, starts, cell }: Problem, model: Model, posterior: Float64Array): number {
  const q = classes.length;
  const logPrior = model.classShares.map(logOf);
  const logConfusion = model.confusion.map(logOf);
  const score = new Float64Array(q);
  let logLikelihood = 0;
  for (let i = 0; i < itemIds.length; i++) {
    for (let k = 0; k < q; k++) score[k] = logPrior[k]!;
    for (let at = starts[i]!; at < starts[i + 1]!; at++) {
      const source = cell[at]!;
      for (let k = 0; k < q; k++) score[k]! += logConfusion[source + k]!;
    }
    let highest = score[0]!;
    for (let k = 1; k < q; k++) if (score[k]! > highest) highest = score[k]!;
    let total = 0;
    for (let k = 0; k < q; k++) total += score[k] = Math.exp(score[k]! - highest);
    for (let k = 0; k < q; k++) posterior[i * q + k] = score[k]! / total;
    logLikelihood += highest + Math.log(total);
  }
  return logLikelihood;
}

/** A chance of 0 counts as 1e-300, so that an item whose classes are all impossible still has a posterior. */
function logOf(chance: number): number {
  return Math.log(Math.max(chance, 1e-300));
}

function byTrueClass(confusion: Float64Array, annotators: number, q: number): Float64Array {
  const turned = new Float64Array(confusion.length);
  for (let a = 0; a < annotators; a++) {
    for (let g = 0; g < q; g++) {
      for (let k = 0; k < q; k++) turned[(a * q + k) * q + g] = confusion[(a * q + g) * q + k]!;
    }
  }
  return turned;
}
