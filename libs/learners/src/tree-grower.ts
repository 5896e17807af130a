import { binCountMax, type BinnedTable } from './binning.js';
import { HistogramBuilder, type Derivatives, type Histogram, layoutOf } from './histograms.js';
import type { DecisionTree } from './models.js';
import { SplitSearch, type LeafSums, type Split, type SplitRules } from './split-search.js';

/** Shape and shrinkage of a tree. */
export interface GrowthRules extends SplitRules {
  readonly maxLeaves: number;
  readonly learningRate: number;
}

/** A leaf while its tree grows: its rows are `order[start .. start + sums.rows)`. */
interface Leaf {
  readonly node: number;
  readonly start: number;
  readonly sums: LeafSums;
  /** Present while the leaf may still be split. */
  open?: { readonly histogram: Histogram; readonly split: Split };
}

/**
 * Grows trees leaf by leaf, always splitting the leaf that gains most (leaf-wise growth, as LightGBM does). Buffers live
 * as long as the grower, so one grower serves all rounds.
 */
export class TreeGrower {
  private readonly histograms: HistogramBuilder;
  private readonly search: SplitSearch;
  private readonly order: Int32Array;
  private readonly rightRows: Int32Array;
  /** By code of a bin. */
  private readonly goesLeft = new Uint8Array(binCountMax + 1);

  constructor(
    private readonly table: BinnedTable,
    private readonly rules: GrowthRules,
  ) {
    const layout = layoutOf(table);
    this.histograms = new HistogramBuilder(table, layout);
    this.search = new SplitSearch(layout, table.binCounts, rules);
    this.order = new Int32Array(table.rows);
    this.rightRows = new Int32Array(table.rows);
  }

  /** Fits one tree to the derivatives and adds its leaf values to `scores`. */
  grow(derivatives: Derivatives, sums: LeafSums, scores: Float64Array): DecisionTree {
    const { order, rules } = this;
    for (let row = 0; row < order.length; row++) order[row] = row;
    const draft = new TreeDraft(rules.maxLeaves);
    const root: Leaf = { node: draft.addNode(), start: 0, sums };
    this.consider(root, this.histograms.ofAllRows(derivatives));
    const leaves = [root];
    while (leaves.length < rules.maxLeaves) {
      const index = indexOfBest(leaves);
      if (index < 0) break;
      const [left, right] = this.split(draft, leaves[index]!, derivatives, leaves.length + 1 < rules.maxLeaves);
      leaves[index] = left;
      leaves.push(right);
    }
    for (const leaf of leaves) this.finish(draft, leaf, scores);
    return draft.done();
  }

  /** Cuts a leaf in two; `mayGrow` tells whether the halves need histograms of their own. */
  private split(draft: TreeDraft, leaf: Leaf, derivatives: Derivatives, mayGrow: boolean): [Leaf, Leaf] {
    const { histogram, split } = leaf.open!;
    const boundary = this.partition(leaf, split);
    const left: Leaf = { node: draft.addNode(), start: leaf.start, sums: split.left };
    const right: Leaf = {
      node: draft.addNode(),
      start: boundary,
      sums: {
        gradient: leaf.sums.gradient - split.left.gradient,
        hessian: leaf.sums.hessian - split.left.hessian,
        rows: leaf.sums.rows - split.left.rows,
      },
    };
    draft.branch(leaf.node, split, this.table.upperBounds[split.feature]![split.bin]!, left.node, right.node);
    if (!mayGrow) {
      this.histograms.release(histogram);
      return [left, right];
    }
    // Only the smaller half is summed; the larger one is what remains of the parent.
    const [small, large] = left.sums.rows <= right.sums.rows ? [left, right] : [right, left];
    const part = this.histograms.ofRows(derivatives, this.order, small.start, small.start + small.sums.rows);
    this.consider(large, this.histograms.subtract(histogram, part));
    this.consider(small, part);
    return [left, right];
  }

  private consider(leaf: Leaf, histogram: Histogram): void {
    const split = this.search.best(histogram, leaf.sums);
    if (split) leaf.open = { histogram, split };
    else this.histograms.release(histogram);
  }

  /** Brings the rows that go left to the front, keeping the order on both sides; returns where the right side starts. */
  private partition(leaf: Leaf, split: Split): number {
    const { order, rightRows } = this;
    const codes = this.table.codes[split.feature]!;
    const missing = this.table.binCounts[split.feature]!;
    const { bin, missingLeft } = split;
    const end = leaf.start + leaf.sums.rows;
    const goesLeft = this.goesLeft.fill(1, 0, bin + 1).fill(0, bin + 1);
    goesLeft[missing] = missingLeft ? 1 : 0;
    let left = leaf.start;
    let right = 0;
    // Without a branch, which would be guessed wrong for a good part of the rows: written to both sides, and one of them moves on.
    for (let i = leaf.start; i < end; i++) {
      const row = order[i]!;
      const toLeft = goesLeft[codes[row]!]!;
      order[left] = row;
      rightRows[right] = row;
      left += toLeft;
      right += 1 - toLeft;
    }
    order.set(rightRows.subarray(0, right), left);
    return left;
  }

  private finish(draft: TreeDraft, leaf: Leaf, scores: Float64Array): void {
    const { order, rules } = this;
    const { gradient, hessian, rows } = leaf.sums;
    const value = Math.fround((-gradient / (hessian + rules.lambda)) * rules.learningRate);
    draft.leaf(leaf.node, value);
    const end = leaf.start + rows;
    for (let i = leaf.start; i < end; i++) {
      const row = order[i]!;
      scores[row] = scores[row]! + value;
    }
    if (leaf.open) this.histograms.release(leaf.open.histogram);
  }
}

function indexOfBest(leaves: readonly Leaf[]): number {
  let best = -1;
  let bestGain = 0;
  for (let i = 0; i < leaves.length; i++) {
    const gain = leaves[i]!.open?.split.gain ?? 0;
    if (gain > bestGain) {
      best = i;
      bestGain = gain;
    }
  }
  return best;
}

/** Node arrays large enough for the largest tree, cut to size at the end. */
class TreeDraft {
  private nodes = 0;
  private readonly feature: Int32Array;
  private readonly threshold: Float32Array;
  private readonly left: Int32Array;
  private readonly right: Int32Array;
  private readonly missingLeft: Uint8Array;
  private readonly value: Float32Array;
  private readonly gain: Float64Array;

  constructor(maxLeaves: number) {
    const capacity = 2 * maxLeaves - 1;
    this.feature = new Int32Array(capacity).fill(-1);
    this.threshold = new Float32Array(capacity);
    this.left = new Int32Array(capacity);
    this.right = new Int32Array(capacity);
    this.missingLeft = new Uint8Array(capacity);
    this.value = new Float32Array(capacity);
    this.gain = new Float64Array(capacity);
  }

  addNode(): number {
    return this.nodes++;
  }

  branch(node: number, split: Split, threshold: number, left: number, right: number): void {
    this.feature[node] = split.feature;
    this.threshold[node] = threshold;
    this.left[node] = left;
    this.right[node] = right;
    this.missingLeft[node] = split.missingLeft ? 1 : 0;
    this.gain[node] = split.gain;
  }

  leaf(node: number, value: number): void {
    this.value[node] = value;
  }

  done(): DecisionTree {
    return {
      feature: this.feature.slice(0, this.nodes),
      threshold: this.threshold.slice(0, this.nodes),
      left: this.left.slice(0, this.nodes),
      right: this.right.slice(0, this.nodes),
      missingLeft: this.missingLeft.slice(0, this.nodes),
      value: this.value.slice(0, this.nodes),
      gain: this.gain.slice(0, this.nodes),
    };
  }
}
