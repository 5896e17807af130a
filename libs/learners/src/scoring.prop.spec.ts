import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import fc from 'fast-check';
import { rawScoreTrees, type DecisionTree, type TreeEnsemble } from './index.js';

/** Few enough that values tie with thresholds and nodes of a feature share them. */
const numbers = [-3.5, -1, -0, 0, 1e-45, 0.1, 1, 2.5, 7, 3.4e38].map(Math.fround);
const values = [...numbers, NaN, Infinity, -Infinity];

/** What scoring means: one tree after the other, one node after the other, sums in float32. */
function walk({ trees, baseScore, featureNames }: TreeEnsemble, rows: Float32Array, n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, row) => {
    let sum = 0;
    for (const tree of trees) {
      let node = 0;
      while (tree.feature[node]! >= 0) {
        const x = rows[row * featureNames.length + tree.feature[node]!]!;
        const left = Number.isNaN(x) ? tree.missingLeft[node] === 1 : x <= tree.threshold[node]!;
        node = left ? tree.left[node]! : tree.right[node]!;
      }
      sum = Math.fround(sum + tree.value[node]!);
    }
    return sum + baseScore;
  });
}

interface Shape {
  readonly seed: number;
  readonly features: number;
  readonly trees: number;
  readonly leaves: number;
  /** Always splits the newest leaf, so that the depth is the number of leaves − 1. */
  readonly chain: boolean;
}

function randomTree(random: ReturnType<typeof seededRandom>, features: number, leaves: number, chain: boolean) {
  const nodes = 2 * leaves - 1;
  const tree: DecisionTree = {
    feature: new Int32Array(nodes).fill(-1),
    threshold: new Float32Array(nodes),
    left: new Int32Array(nodes),
    right: new Int32Array(nodes),
    missingLeft: new Uint8Array(nodes),
    value: Float32Array.from({ length: nodes }, () => random.next() - 0.5),
    gain: new Float64Array(nodes),
  };
  const open = [0];
  for (let next = 1; next < nodes; next += 2) {
    const [node] = open.splice(chain ? open.length - 1 : random.int(open.length), 1) as [number];
    const children = random.int(2) === 0 ? [next, next + 1] : [next + 1, next];
    tree.feature[node] = random.int(features);
    tree.threshold[node] = numbers[random.int(numbers.length)]!;
    [tree.left[node], tree.right[node]] = children as [number, number];
    tree.missingLeft[node] = random.int(2);
    tree.value[node] = 0;
    open.push(next, next + 1);
  }
  return tree;
}

function ensembleOf({ seed, features, trees, leaves, chain }: Shape): TreeEnsemble {
  const random = seededRandom(seed);
  return {
    kind: 'tree-ensemble',
    featureNames: Array.from({ length: features }, (_, index) => `f${index}`),
    baseScore: Math.fround(random.next() - 0.5),
    trees: Array.from({ length: trees }, () => randomTree(random, features, 1 + random.int(leaves), chain)),
  };
}

function rowsFor(seed: number, n: number, features: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: n * features }, () => values[random.int(values.length)]!);
}

const shapes = (leaves: fc.Arbitrary<number>): fc.Arbitrary<Shape> =>
  fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    features: fc.integer({ min: 1, max: 9 }),
    trees: fc.integer({ min: 0, max: 12 }),
    leaves,
    chain: fc.boolean(),
  });

function expectWalked(model: TreeEnsemble, seed: number): void {
  const features = model.featureNames.length;
  const rows = rowsFor(seed, 70, features);
  const expected = walk(model, rows, 70);
  expect(rawScoreTrees(model, rows, 70)).toEqual(expected);
  expect(rawScoreTrees(model, rows.subarray(0, features), 1)).toEqual(expected.subarray(0, 1));
}

/** One tree of 32 leaves, changed before it is first scored. */
function changed(change: (tree: DecisionTree) => void): TreeEnsemble {
  const random = seededRandom(11);
  const tree = randomTree(random, 2, 32, false);
  change(tree);
  return { kind: 'tree-ensemble', featureNames: ['a', 'b'], baseScore: 0.25, trees: [tree] };
}

describe('the score of a tree ensemble equals a plain walk, bit for bit,', () => {
  it('for trees of up to 32 leaves, deep or bushy, and for single leaves', () => {
    fc.assert(
      fc.property(shapes(fc.integer({ min: 1, max: 32 })), (shape) => expectWalked(ensembleOf(shape), shape.seed + 1)),
      { numRuns: 300 },
    );
  });

  it('for trees of more leaves, alone and among small ones', () => {
    fc.assert(
      fc.property(shapes(fc.integer({ min: 33, max: 200 })), (shape) =>
        expectWalked(ensembleOf(shape), shape.seed + 1),
      ),
    );
  });

  it.each([31, 32, 33, 34, 2000])('for a chain of %i leaves', (leaves) => {
    const random = seededRandom(leaves);
    const trees = [randomTree(random, 1, leaves, true)];
    expectWalked({ kind: 'tree-ensemble', featureNames: ['a'], baseScore: 0, trees }, leaves);
  });

  it('for more features than nodes on any path', () => {
    expectWalked(ensembleOf({ seed: 5, features: 300, trees: 40, leaves: 16, chain: false }), 6);
  });

  // The chain's last inner node is 60, with the leaves 61 and 62: sharing them makes 32 and 33 paths to a leaf.
  it.each([62, 60])('for a node that two parents share, number %i of a chain', (shared) => {
    const chain = randomTree(seededRandom(9), 1, 32, true);
    const leafSide = chain.left[0] === 1 ? chain.left : chain.right;
    leafSide[0] = shared;
    expectWalked({ kind: 'tree-ensemble', featureNames: ['a'], baseScore: 0, trees: [chain] }, 12);
  });

  it.each([NaN, Infinity, -Infinity])('for a threshold of %d', (threshold) => {
    for (const side of [0, 1]) {
      const model = changed((tree) => {
        tree.threshold[0] = threshold;
        tree.missingLeft[0] = side;
      });
      expectWalked(model, 13);
    }
  });

  it('for no trees and for no rows', () => {
    const none: TreeEnsemble = { kind: 'tree-ensemble', featureNames: ['a'], baseScore: 0.5, trees: [] };
    expect([...rawScoreTrees(none, Float32Array.of(1, NaN), 2)]).toEqual([0.5, 0.5]);
    expect(rawScoreTrees(none, new Float32Array(), 0)).toHaveLength(0);
  });

  it('for two ensembles scored in turn', () => {
    const models = [1, 2].map((seed) => ensembleOf({ seed, features: 3, trees: 5, leaves: 20, chain: false }));
    for (const seed of [3, 4, 5]) models.forEach((model) => expectWalked(model, seed));
  });
});
