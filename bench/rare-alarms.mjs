/**
 * How often a feature without drift falls below a level too small to simulate, by importance sampling: reference and batch are drawn
 * with counts of a few coarse bins that vary more than those of independent rows do, and each pair counts by how much likelier it is
 * among independent rows (the ratio of the two likelihoods, exact). Within a bin rows are drawn as they are. Whatever the coarse
 * bins, the mean of those weights over alarms is the chance of an alarm; good bins only make it vary less.
 * Source: Owen & Zhou (2000), Safe and effective importance sampling, JASA 95:135 (a mixture that holds the true law).
 */
import { logGamma } from '@rondo/statistics';
import { binomial, gamma, multinomial } from './draws.mjs';
import { cellsAmong, inside, keep } from './drift-worlds.mjs';

const { testDifference } = await inside('domain/difference-test.js');

/** From so many rows on a batch is drawn as counts of its cells. */
const ROWS_DRAWN_MAX = 20_000;

/** A binary tree over bins of [0, 1], each split as evenly as the bins allow: [from, to) in bins, its share, its children. */
function treeOf(edges, from = 0, to = edges.length - 1, depth = 0) {
  const share = edges[to] - edges[from];
  if (to - from === 1) return { bin: from, share };
  const middle = edges[from] + share / 2;
  let cut = from + 1;
  while (cut + 1 < to && Math.abs(edges[cut + 1] - middle) < Math.abs(edges[cut] - middle)) cut++;
  return { depth, share, left: treeOf(edges, from, cut, depth + 1), right: treeOf(edges, cut, to, depth + 1) };
}

/** The beta distribution of a node's left share whose draws vary `factor` times as much as a binomial's of `rows` rows in all. */
function shapes({ left, right }, factor, rows) {
  const concentration = (rows - factor) / (factor - 1);
  return [concentration * left.share, concentration * right.share];
}

/** Rows per bin, varied by the factors of each depth; 1 is as independent rows vary. */
function drawBins(random, node, rows, all, factors, counts) {
  if (node.bin !== undefined) {
    counts[node.bin] = rows;
    return;
  }
  const factor = factors[node.depth] ?? 1;
  let chance = node.left.share / node.share;
  if (factor > 1) {
    const [a, b] = shapes(node, factor, all);
    const [x, y] = [gamma(random, a), gamma(random, b)];
    chance = x + y > 0 ? x / (x + y) : chance;
  }
  const left = binomial(random, rows, chance);
  drawBins(random, node.left, left, all, factors, counts);
  drawBins(random, node.right, rows - left, all, factors, counts);
}

const logBeta = (a, b) => logGamma(a) + logGamma(b) - logGamma(a + b);

/** ln of how much likelier counts are when varied by the factors; answers the rows below the node. */
function logVaried(node, counts, all, factors, sum) {
  if (node.bin !== undefined) return counts[node.bin];
  const left = logVaried(node.left, counts, all, factors, sum);
  const right = logVaried(node.right, counts, all, factors, sum);
  const factor = factors[node.depth] ?? 1;
  if (factor > 1) {
    const [a, b] = shapes(node, factor, all);
    const chance = node.left.share / node.share;
    sum.log += logBeta(left + a, right + b) - logBeta(a, b) - left * Math.log(chance) - right * Math.log1p(-chance);
  }
  return left + right;
}

/** Ascending values of rows whose bins are drawn. */
function rowsOf(random, [name, quantile], edges, counts, all) {
  const present = counts.reduce((sum, rows) => sum + rows, 0);
  const values = new Float32Array(present);
  let at = 0;
  counts.forEach((rows, bin) => {
    const start = at;
    const sums = new Float64Array(rows + 1);
    let sum = 0;
    for (let i = 0; i <= rows; i++) sums[i] = sum -= Math.log(1 - random.next());
    const width = edges[bin + 1] - edges[bin];
    for (let i = 0; i < rows; i++) values[start + i] = quantile(edges[bin] + (width * sums[i]) / sum);
    at += rows;
  });
  return { feature: name, values, nulls: all - present };
}

/** Draws the cells of a batch among the breaks of a reference from its bins, at the cost of the cells. */
function cellSource([, quantile], { breaks }, edges) {
  // P(value < break) and P(value <= break), by bisection from the one before: values are rounded to single precision as rows are.
  const upTo = (isBelow, from) => {
    let [low, high] = [from, 1];
    for (let step = 0; step < 40; step++) {
      const middle = (low + high) / 2;
      if (isBelow(Math.fround(quantile(middle)))) low = middle;
      else high = middle;
    }
    return low;
  };
  const ends = [];
  for (const value of breaks) {
    const under = upTo((drawn) => drawn < value, ends.at(-1) ?? 0);
    ends.push(
      under,
      upTo((drawn) => drawn <= value, under),
    );
  }
  ends.push(1);
  const pieces = edges.slice(1).map((to, bin) => {
    const [cells, shares] = [[], []];
    const from = edges[bin];
    let start = 0;
    ends.forEach((end, cell) => {
      const width = Math.min(end, to) - Math.max(start, from);
      if (width > 0) {
        cells.push(cell);
        shares.push(width / (to - from));
      }
      start = end;
    });
    return { cells, shares };
  });
  return (random, counts, all) => {
    const drawn = new Float64Array(ends.length);
    pieces.forEach(({ cells, shares }, bin) =>
      multinomial(random, counts[bin], shares).forEach((rows, i) => (drawn[cells[i]] += rows)),
    );
    const rows = counts.reduce((sum, one) => sum + one, 0);
    return {
      at: drawn.filter((_, i) => i % 2 === 1),
      between: drawn.filter((_, i) => i % 2 === 0),
      rows,
      missing: all - rows,
    };
  };
}

/** Counts of the bins as rows vary more by `factors`, and rows with a value by one for the `gaps`: how they are drawn, ln of how much likelier they are. */
function varied(random, missing, edges, factors, gaps) {
  const tree = treeOf(edges);
  const gap = { depth: 0, share: 1, left: { bin: 0, share: 1 - missing }, right: { bin: 1, share: missing } };
  return {
    draw: (rows) => {
      const present = [rows, 0];
      if (missing > 0) drawBins(random, gap, rows, rows, gaps, present);
      const counts = new Array(edges.length - 1).fill(0);
      drawBins(random, tree, present[0], present[0], factors, counts);
      return { present, counts };
    },
    log: ({ present, counts }) => {
      const sum = { log: 0 };
      logVaried(gap, present, present[0] + present[1], gaps, sum);
      logVaried(tree, counts, present[0], factors, sum);
      return sum.log;
    },
  };
}

/** The same where shares are moved along a direction over the bins instead. */
function shifted(random, missing, edges, direction, by) {
  const shares = direction.map((towards, bin) => (edges[bin + 1] - edges[bin]) * (1 + by * towards));
  return {
    draw: (rows) => {
      const present = rows - binomial(random, rows, missing);
      return { present: [present, rows - present], counts: multinomial(random, present, shares) };
    },
    log: ({ counts }) => counts.reduce((sum, rows, bin) => sum + rows * Math.log1p(by * direction[bin]), 0),
  };
}

/**
 * Chances that the p-value of a feature without drift is at or below each of `levels`.
 * @param options.edges of the coarse bins, 0 to 1
 * @param options.mixture of laws that counts are drawn by: a weight, and either factors by depth and one for the share of missing
 *   values, or a direction over the bins (mean 0, variance 1) and how far along it in standard errors. Both are of the difference
 *   between the two samples, and shared out by their sizes
 * @returns per level the mean and its standard error over references
 */
export function rareAlarms(random, kind, { n, m, levels, edges, mixture, references, batches }) {
  const missing = kind[2];
  const laws = mixture.map(({ weight, factors, gaps = 1, direction, errors }) => {
    const partOf = (other, sign) => {
      const part = (whole) => (whole * other) / (n + m);
      if (direction) return shifted(random, missing, edges, direction, sign * part(errors * Math.sqrt(1 / n + 1 / m)));
      return varied(
        random,
        missing,
        edges,
        factors.map((factor) => 1 + part(factor - 1)),
        [1 + part(gaps - 1)],
      );
    };
    return { weight, ofBatch: partOf(m, 1), ofReference: partOf(n, -1) };
  });
  const totals = levels.map(() => ({ sum: 0, squares: 0 }));
  for (let reference = 0; reference < references; reference++) {
    let pick = random.next();
    const law = laws.find(({ weight }) => (pick -= weight) < 0) ?? laws.at(-1);
    const ofReference = law.ofReference.draw(m);
    const kept = keep(rowsOf(random, kind, edges, ofReference.counts, m));
    const source = n > ROWS_DRAWN_MAX ? cellSource(kind, kept.among, edges) : undefined;
    const means = levels.map(() => 0);
    for (let batch = 0; batch < batches; batch++) {
      const ofBatch = law.ofBatch.draw(n);
      const cells = source
        ? source(random, ofBatch.counts, n)
        : cellsAmong(kept.among, rowsOf(random, kind, edges, ofBatch.counts, n));
      const { log10PValue } = testDifference(kept.profile, kept.among, cells);
      if (log10PValue > Math.log10(Math.max(...levels))) continue;
      let likelier = 0;
      for (const { weight, ofBatch: b, ofReference: r } of laws)
        likelier += weight * Math.exp(b.log(ofBatch) + r.log(ofReference));
      levels.forEach((level, i) => {
        if (log10PValue <= Math.log10(level)) means[i] += 1 / likelier / batches;
      });
    }
    totals.forEach((total, i) => {
      total.sum += means[i];
      total.squares += means[i] ** 2;
    });
  }
  return totals.map(({ sum, squares }) => {
    const mean = sum / references;
    return { mean, standardError: Math.sqrt((squares / references - mean ** 2) / (references - 1)) };
  });
}
